#pragma once
// A compiled expression and its evaluation for one message.
//
// A program is a flat list of instructions for a stack machine, with skips where RocketMQ does not evaluate the right
// side. The common term, a property beside a literal, is one instruction. For a message, one pass over its properties
// picks the values that the program uses, then the instructions run: no allocation, no lock, no exception.

#include "plugins/filter-sql92/arithmetic.hpp"
#include "plugins/filter-sql92/comparison.hpp"
#include "plugins/filter-sql92/property_scan.hpp"
#include "plugins/filter-sql92/value.hpp"

#include "gantry/sdk/filter.hpp"
#include "gantry/sdk/functions.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace gantry::filter_sql92 {

/// What an instruction does. "Top" is the value pushed last; `detail`, `a`, `b` and `c` are its operands.
enum class Op : std::uint8_t {
  push_property,     ///< pushes slot a
  push_constant,     ///< pushes constant a
  copy,              ///< pushes a copy of the value a places below the top
  drop_below,        ///< removes the value below the top
  skip_if_false,     ///< goes over the next a instructions when the top is FALSE
  skip_if_true,      ///< the same for TRUE
  skip_if_null,      ///< the same for null
  logical_and,       ///< two become one
  logical_or,        ///< two become one
  logical_not,       ///< of the top
  cast_to_boolean,   ///< null stays null, a Boolean itself, everything else becomes FALSE
  compare,           ///< two become one; Comparison in detail
  compare_property,  ///< pushes the comparison of slot a with constant b; Comparison in detail
  is_null,           ///< of the top; detail 1: IS NOT NULL
  contains,          ///< the top with the text in constant a; detail 1: NOT. So are the next two
  starts_with,
  ends_with,
  like,           ///< the top with the prepared pattern in constant a; detail 1: NOT
  in,             ///< pushes whether slot a is one of the c constants from b on; detail 1: NOT IN
  negate,         ///< RocketMQ's minus
  negate_number,  ///< the extended language's
  calculate,      ///< two become one; Operation in detail
  call,           ///< b arguments become the result of function a
};

struct Instruction {
  Op op;
  std::uint8_t detail = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
};

/// Immutable once built (program_builder.hpp builds it); any number of threads may match with it.
class Program final : public sdk::FilterProgram {
 public:
  static constexpr std::size_t names_max = 256;
  static constexpr std::size_t stack_max = 512;
  static constexpr std::size_t text_bytes_max = 4096;  ///< for the results of functions, all in one message

  /// [any-thread, concurrently] Whether the expression is TRUE for the message.
  [[nodiscard]] bool match(const sdk::FilterMessage& message) const override;
  /// What it is, where it is not TRUE.
  [[nodiscard]] Truth evaluate(const sdk::FilterMessage& message) const noexcept;

 private:
  friend class ProgramBuilder;
  struct Evaluation;

  PropertyNames names_;
  std::vector<Instruction> code_;
  std::vector<Value> constants_;
  std::deque<std::string> texts_;  // what constants point into; a deque, because they must not move
  std::vector<sdk::Function> functions_;
};

}  // namespace gantry::filter_sql92

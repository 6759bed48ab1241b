#pragma once
// Makes a Program, instruction by instruction, and counts how much stack it needs.

#include "plugins/filter-sql92/program.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::filter_sql92 {

/// Instructions are appended as the parser goes from left to right; `cut_back` takes the last ones off again where one
/// that does it all replaces them. Places are indexes into the code.
class ProgramBuilder {
 public:
  [[nodiscard]] std::size_t place() const noexcept { return program_->code_.size(); }
  [[nodiscard]] std::size_t name_count() const noexcept { return program_->names_.count(); }
  /// The deepest the stack can become.
  [[nodiscard]] std::size_t stack_deepest() const noexcept { return deepest_; }

  void push_property(std::string_view name);
  void push_constant(Value value);
  /// The text is copied into the program.
  void push_text(std::string text);
  void emit(Op op, std::uint8_t detail = 0, std::uint32_t a = 0);
  /// Two values become one: as one instruction when the left is a property and the right a constant.
  void compare(Comparison comparison);
  /// contains, starts_with, ends_with, like; the text is copied.
  void search(Op op, bool negated, std::string text);
  /// The instruction at the end, a push_property, becomes "is one of these".
  void replace_by_list(bool negated, std::vector<std::string> list);
  void call(sdk::Function function, std::uint32_t argument_count);

  /// A skip over what will be emitted until close_skip(place).
  std::size_t open_skip(Op op);
  void close_skip(std::size_t place) noexcept;
  /// A skip that turned out to be of no use: it goes, when a single push is all that stands behind it.
  void drop_skip_over_push(std::size_t place);

  /// Takes off everything from `place` on, which pushed `values`.
  void cut_back(std::size_t place, std::size_t values) noexcept;

  /// The instruction at that place, when it is a push of a constant or property; else nullptr.
  [[nodiscard]] const Instruction* push_at(std::size_t place) const noexcept;
  [[nodiscard]] Value constant_at(std::size_t place) const noexcept { return constant(program_->code_[place].a); }

  [[nodiscard]] std::unique_ptr<const Program> finish() && { return std::move(program_); }

 private:
  [[nodiscard]] Value constant(std::uint32_t index) const noexcept { return program_->constants_[index]; }
  std::uint32_t add_constant(Value value);
  std::uint32_t add_text(std::string text);
  void grow(std::ptrdiff_t values) noexcept;

  std::unique_ptr<Program> program_ = std::make_unique<Program>();
  std::size_t depth_ = 0;
  std::size_t deepest_ = 0;
};

}  // namespace gantry::filter_sql92

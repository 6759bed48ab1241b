#pragma once
// One pass over a message's properties that keeps the values of the names an expression uses.

#include "plugins/filter-sql92/value.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::filter_sql92 {

/// The names that an expression uses, each with the slot that its value goes to.
///
/// What counts as a property is what protocol/properties.hpp says: a name and a value that are not empty, and of equal
/// names the last. Names come from expressions, so they hold no separator: a segment is that of a name when it begins
/// with it and a 0x01 behind it. So only the ends of segments have to be found, 64 bytes at a time.
class PropertyNames {
 public:
  /// The slot of a name, new or known. The name is not empty.
  std::uint32_t slot_of(std::string_view name);
  [[nodiscard]] std::size_t count() const noexcept { return names_.size(); }

  /// Writes count() values: texts that point into `properties`, null for what is not there. [any-thread, concurrently],
  /// no allocation, time linear in `properties`.
  void find(std::string_view properties, Value* slots) const noexcept;

 private:
  /// A name as segments are compared with it: "name 0x01", and of that the first eight bytes as one number.
  struct Name {
    std::string begin;
    std::uint64_t word;
    std::uint64_t mask;  // which bytes of `word` count
  };

  /// One of 64 bits for a byte; of two letters the same only when they are.
  static std::uint64_t bit_of(char c) noexcept { return std::uint64_t{1} << (static_cast<unsigned char>(c) & 63); }
  void take_segment(std::string_view properties, std::size_t begin, std::size_t end, Value* slots) const noexcept;

  std::vector<Name> names_;
  std::uint64_t first_bytes_ = 0;  // those of all names
};

}  // namespace gantry::filter_sql92

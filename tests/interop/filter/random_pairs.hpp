#pragma once
// Expressions and properties to compare two evaluators with. The same seed gives the same pairs everywhere.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::interop {

class RandomPairs {
 public:
  explicit RandomPairs(std::uint64_t seed) noexcept : state_(seed * 2 + 1) {}

  /// Five of six come from the grammar; the others had tokens removed, doubled, swapped or replaced.
  std::string expression();
  /// A property string: some of the names that expressions use, in an order of its own, at times doubled or damaged.
  std::string properties();

 private:
  std::uint64_t next() noexcept;
  std::size_t below(std::size_t bound) noexcept { return next() % bound; }
  bool one_in(std::size_t count) noexcept { return below(count) == 0; }
  std::string_view pick(std::span<const std::string_view> choices) noexcept { return choices[below(choices.size())]; }

  void disjunction(int depth);
  void conjunction(int depth);
  void equality(int depth);
  void comparison(int depth);
  void unary(int depth);
  void primary(int depth);
  void literal_text();
  void literal_number();
  void condition(int depth);
  void put(std::string_view token) { tokens_.emplace_back(token); }
  void damage();
  std::string text();
  std::string number();

  std::uint64_t state_;
  std::vector<std::string> tokens_;
};

/// The fixed part of the corpus: every example of the rules in docs/filter-sql92.md, and their neighbours.
std::span<const std::string_view> fixed_expressions();
std::span<const std::string_view> fixed_properties();

}  // namespace gantry::interop

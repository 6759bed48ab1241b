#include "kernel/base/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace gantry {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 9> byte_units{{{"B", 1},
                                          {"KiB", 1LL << 10},
                                          {"MiB", 1LL << 20},
                                          {"GiB", 1LL << 30},
                                          {"TiB", 1LL << 40},
                                          {"kB", 1'000},
                                          {"MB", 1'000'000},
                                          {"GB", 1'000'000'000},
                                          {"TB", 1'000'000'000'000}}};

constexpr std::array<Unit, 5> time_units{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Takes one "123unit" off the front of `text`; nothing when the front is not that, or over the bound of int64.
template <std::size_t N>
bool take_quantity(std::string_view& text, const std::array<Unit, N>& units, std::int64_t& sum) noexcept {
  std::int64_t count = 0;
  if (text.empty() || !is_digit(text.front())) return false;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (code != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  std::size_t length = 0;
  while (length < text.size() && !is_digit(text[length])) ++length;
  const std::string_view name = text.substr(0, length);
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    std::int64_t value = 0;
    if (__builtin_mul_overflow(count, unit.factor, &value) || __builtin_add_overflow(sum, value, &sum)) return false;
    text.remove_prefix(length);
    return true;
  }
  return false;
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  std::int64_t plain = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), plain);
  if (!text.empty() && is_digit(text.front()) && code == std::errc() && end == text.data() + text.size()) return plain;
  std::int64_t sum = 0;
  std::string_view rest = text;
  if (take_quantity(rest, byte_units, sum) && rest.empty()) return sum;
  return Error{
      Errc::invalid_argument,
      "expected a size such as \"64MiB\" (units B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), found " + quoted(text)};
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  std::int64_t sum = 0;
  std::string_view rest = text;
  bool ok = !rest.empty();
  while (ok && !rest.empty()) ok = take_quantity(rest, time_units, sum);
  if (ok) return std::chrono::milliseconds(sum);
  return Error{
      Errc::invalid_argument,
      "expected a duration such as \"500ms\", \"5s\" or \"1h30m\" (units ms, s, m, h, d), found " + quoted(text)};
}

std::string format_bytes(std::int64_t bytes) {
  if (bytes != 0) {
    for (const Unit& unit : {byte_units[4], byte_units[3], byte_units[2], byte_units[1]}) {
      if (bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(bytes) + "B";
}

std::string format_duration(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  if (ms == 0) return "0s";
  for (const Unit& unit : {time_units[4], time_units[3], time_units[2], time_units[1]}) {
    // "90s" and "36h" read better than "1m30s" and "1d12h".
    if (ms % unit.factor == 0) return std::to_string(ms / unit.factor) + std::string(unit.name);
  }
  return std::to_string(ms) + "ms";
}

}  // namespace gantry

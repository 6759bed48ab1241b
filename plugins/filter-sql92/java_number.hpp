#pragma once
// Texts as numbers, as Java reads them. Source: Integer.parseInt, Long.parseLong, Double.valueOf, Boolean.valueOf.
//
// All: [any-thread], no allocation for texts of ordinary length, nothing when Java would throw NumberFormatException.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::filter_sql92 {

/// The usual case of both of the next: a few ASCII digits, which fit every class. Nothing for all other texts.
inline std::optional<std::int32_t> parse_plain(std::string_view text) noexcept {
  constexpr std::size_t digits_max = 9;
  if (text.empty() || text.size() > digits_max) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<std::uint32_t>(static_cast<unsigned char>(c)) - '0';
    if (digit > 9) return std::nullopt;
    value = value * 10 + digit;
  }
  return static_cast<std::int32_t>(value);
}

/// An optional sign and decimal digits, of any script; no blanks, no dot, within the range of 32 bits.
std::optional<std::int32_t> parse_int32(std::string_view text) noexcept;
/// The same within 64 bits.
std::optional<std::int64_t> parse_int64(std::string_view text) noexcept;
/// Blanks around it are cut; decimal with an exponent, hexadecimal with a binary exponent, NaN, Infinity; a trailing f,
/// F, d or D is allowed. Correctly rounded; too large is infinite, too small is zero.
std::optional<double> parse_double(std::string_view text) noexcept;
/// "true" in any case of letters; all else is false.
bool parse_boolean(std::string_view text) noexcept;

/// Double.compareTo: -0.0 is below 0.0, NaN equals itself and is above everything.
int compare_doubles(double left, double right) noexcept;

}  // namespace gantry::filter_sql92

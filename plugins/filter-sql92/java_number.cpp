#include "plugins/filter-sql92/java_number.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace gantry::filter_sql92 {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// ---- integers ----

// The zeros of the scripts whose digits Character.digit() knows below U+10000 (Unicode 13, Java 17); nine more follow
// each.
constexpr std::array<std::uint16_t, 36> zeros = {
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10};

// Takes one digit off the front; -1 when there is none.
int take_foreign_digit(std::string_view& text) noexcept {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned code = 0;
  std::size_t length = 0;
  if (text.size() >= 2 && (byte(0) & 0xE0) == 0xC0) {
    code = (byte(0) & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    length = 2;
  } else if (text.size() >= 3 && (byte(0) & 0xF0) == 0xE0) {
    code = (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    length = 3;
  } else {
    return -1;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return -1;
  }
  const auto* above = std::upper_bound(zeros.begin(), zeros.end(), code);
  if (above == zeros.begin() || code - *(above - 1) > 9) return -1;
  text.remove_prefix(length);
  return static_cast<int>(code - *(above - 1));
}

int take_digit(std::string_view& text) noexcept {
  if (!is_digit(text.front())) return take_foreign_digit(text);
  const int digit = text.front() - '0';
  text.remove_prefix(1);
  return digit;
}

template <typename Integer>
std::optional<Integer> parse_integer(std::string_view text) noexcept {
  if (const auto plain = parse_plain(text)) return plain;
  if (text.empty()) return std::nullopt;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  // Gathered below zero, where there is room for one more.
  Integer gathered = 0;
  while (!text.empty()) {
    const int digit = take_digit(text);
    if (digit < 0) return std::nullopt;
    if (__builtin_mul_overflow(gathered, Integer{10}, &gathered)) return std::nullopt;
    if (__builtin_sub_overflow(gathered, static_cast<Integer>(digit), &gathered)) return std::nullopt;
  }
  if (negative) return gathered;
  if (gathered == std::numeric_limits<Integer>::min()) return std::nullopt;
  return static_cast<Integer>(-gathered);
}

// ---- doubles ----

std::string_view trim(std::string_view text) noexcept {
  const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

template <typename IsDigit>
std::string_view take_while(std::string_view& text, IsDigit is_wanted) noexcept {
  const auto* end = std::find_if_not(text.begin(), text.end(), is_wanted);
  const std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(taken.size());
  return taken;
}

// "e" sign digits. False: malformed. `value` saturates; without an exponent it stays 0.
bool take_exponent(std::string_view& text, char small, char large, bool required, std::int64_t& value) noexcept {
  if (text.empty() || (text.front() != small && text.front() != large)) return !required;
  text.remove_prefix(1);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  const std::string_view digits = take_while(text, is_digit);
  constexpr std::int64_t enough = std::int64_t{1} << 40;
  for (const char digit : digits) value = std::min(value * 10 + (digit - '0'), enough);
  if (negative) value = -value;
  return !digits.empty();
}

// Whether digits around a dot, times base^exponent, are at least one: all that has to be known of a number that no
// double can hold.
bool is_large(std::string_view whole, std::string_view fraction, std::int64_t exponent) noexcept {
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  if (!whole.empty()) return static_cast<std::int64_t>(whole.size()) + exponent > 0;
  return exponent - static_cast<std::int64_t>(std::min(fraction.find_first_not_of('0'), fraction.size())) > 0;
}

// `number` is well-formed for from_chars: digits, dot, exponent.
double convert(std::string_view number, std::chars_format format, bool large) noexcept {
  double value = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), value, format);
  if (failure == std::errc::result_out_of_range) return large ? std::numeric_limits<double>::infinity() : 0.0;
  return value;
}

// What may follow a number: nothing or the suffix of a Java literal.
bool is_end(std::string_view rest) noexcept {
  return rest.empty() || (rest.size() == 1 && std::string_view("fFdD").find(rest.front()) != std::string_view::npos);
}

std::optional<double> parse_decimal(std::string_view text) noexcept {
  const std::string_view all = text;
  const std::string_view whole = take_while(text, is_digit);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = take_while(text, is_digit);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  std::int64_t exponent = 0;
  if (!take_exponent(text, 'e', 'E', false, exponent) || !is_end(text)) return std::nullopt;
  const std::string_view number = all.substr(0, all.size() - text.size());
  return convert(number, std::chars_format::general, is_large(whole, fraction, exponent));
}

// `text` begins behind "0x".
std::optional<double> parse_hexadecimal(std::string_view text) noexcept {
  const std::string_view all = text;
  const std::string_view whole = take_while(text, is_hex_digit);
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = take_while(text, is_hex_digit);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  std::int64_t exponent = 0;
  if (!take_exponent(text, 'p', 'P', true, exponent) || !is_end(text)) return std::nullopt;
  const std::string_view number = all.substr(0, all.size() - text.size());
  if (number.find_first_not_of("0.") == number.find_first_of("pP")) return 0.0;
  // Four bits a digit; the exponent counts bits.
  return convert(number, std::chars_format::hex, is_large(whole, fraction, exponent / 4));
}

}  // namespace

std::optional<std::int32_t> parse_int32(std::string_view text) noexcept { return parse_integer<std::int32_t>(text); }
std::optional<std::int64_t> parse_int64(std::string_view text) noexcept { return parse_integer<std::int64_t>(text); }

std::optional<double> parse_double(std::string_view text) noexcept {
  text = trim(text);
  if (text.empty()) return std::nullopt;
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  std::optional<double> value;
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (text.starts_with("0x") || text.starts_with("0X")) {
    value = parse_hexadecimal(text.substr(2));
  } else {
    value = parse_decimal(text);
  }
  return value && negative ? std::optional(-*value) : value;
}

bool parse_boolean(std::string_view text) noexcept {
  constexpr std::string_view word = "true";
  return text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(), [](char c, char wanted) { return (c | 0x20) == wanted; });
}

int compare_doubles(double left, double right) noexcept {
  if (left < right) return -1;
  if (left > right) return 1;
  const auto bits = [](double value) {
    return std::isnan(value) ? std::int64_t{0x7ff8000000000000} : std::bit_cast<std::int64_t>(value);
  };
  const std::int64_t a = bits(left);
  const std::int64_t b = bits(right);
  return a == b ? 0 : (a < b ? -1 : 1);
}

}  // namespace gantry::filter_sql92

#include "cli/time_text.hpp"

#include <charconv>
#include <cstdio>
#include <ctime>

namespace gantry::cli {
namespace {

constexpr std::int64_t second_ms = 1'000;

Error not_a_time(std::string_view text) {
  return {Errc::invalid_argument,
          "expected a time, as milliseconds since 1970 or as local time like '2026-01-31 "
          "10:00:00' or '2026-01-31 10:00:00.123', found '" +
              std::string(text) + "'"};
}

/// Reads what stands between punctuation, from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// Exactly `digits` digits, between `least` and `most`.
  bool number(std::size_t digits, int least, int most, int& out) {
    if (rest_.size() < digits || !is_digits(rest_.substr(0, digits))) return false;
    std::from_chars(rest_.data(), rest_.data() + digits, out);
    rest_.remove_prefix(digits);
    return out >= least && out <= most;
  }
  bool one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

  static bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  }

 private:
  std::string_view rest_;
};

/// The calendar part and the milliseconds; false: not a time.
bool read_local(std::string_view text, std::tm& day, int& ms) {
  Reader in(text);
  int year = 0;
  int month = 0;
  if (!in.number(4, 1970, 9999, year) || !in.one_of("-") || !in.number(2, 1, 12, month) || !in.one_of("-") ||
      !in.number(2, 1, 31, day.tm_mday)) {
    return false;
  }
  day.tm_year = year - 1900;
  day.tm_mon = month - 1;
  if (in.at_end()) return true;
  if (!in.one_of(" T") || !in.number(2, 0, 23, day.tm_hour) || !in.one_of(":") || !in.number(2, 0, 59, day.tm_min)) {
    return false;
  }
  if (in.at_end()) return true;
  if (!in.one_of(":") || !in.number(2, 0, 59, day.tm_sec)) return false;
  if (in.at_end()) return true;
  return in.one_of(".,") && in.number(3, 0, 999, ms) && in.at_end();
}

}  // namespace

Result<std::int64_t> parse_time(std::string_view text) {
  if (Reader::is_digits(text)) {
    std::int64_t ms = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (failure != std::errc()) return not_a_time(text);
    return ms;
  }
  std::tm day{};
  int ms = 0;
  if (!read_local(text, day, ms)) return not_a_time(text);
  day.tm_isdst = -1;
  const int wanted_day = day.tm_mday;
  const std::time_t seconds = std::mktime(&day);
  // mktime() takes the 31st of February for the 3rd of March.
  if (day.tm_mday != wanted_day) return not_a_time(text);
  return static_cast<std::int64_t>(seconds) * second_ms + ms;
}

std::string format_time(std::int64_t ms) {
  const std::int64_t part = (ms % second_ms + second_ms) % second_ms;
  const auto seconds = static_cast<std::time_t>((ms - part) / second_ms);
  std::tm day{};
  char text[64];
  if (localtime_r(&seconds, &day) == nullptr) return std::to_string(ms);
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &day);
  char digits[8];
  std::snprintf(digits, sizeof digits, ".%03d", static_cast<int>(part));
  return std::string(text, size) + digits;
}

}  // namespace gantry::cli

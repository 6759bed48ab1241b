#pragma once
// Levels and fields of a plugin's log lines:
//
//     host.log(LogLevel::info, "storage.recovered", {field("records", count), field("took_ms", elapsed)});

#include "gantry/abi/host.h"
#include "gantry/sdk/result.hpp"

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace gantry::sdk {

enum class LogLevel : std::uint32_t {
  trace = GANTRY_LOG_TRACE,  ///< per message
  debug = GANTRY_LOG_DEBUG,
  info = GANTRY_LOG_INFO,    ///< state changed
  warn = GANTRY_LOG_WARN,    ///< the operator may need to act
  error = GANTRY_LOG_ERROR,  ///< the operator must act
};

/// One `key=value` of a log line; the key is borrowed, the value is already text.
struct LogField {
  std::string_view key;
  std::string value;
  bool quoted = false;
};

/// Makes a field of a number, a bool, text or an Error.
template <typename T>
LogField field(std::string_view key, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return {key, value ? "true" : "false"};
  } else if constexpr (std::is_arithmetic_v<T>) {
    char digits[64];
    const auto [end, failed] = std::to_chars(digits, digits + sizeof digits, value);
    return {key, failed == std::errc() ? std::string(digits, end) : std::string("?")};
  } else if constexpr (std::is_same_v<T, Error>) {
    return {key, value.text, true};
  } else {
    return {key, std::string(std::string_view(value)), true};
  }
}

namespace detail {
/// Appends `key=value`; text that would not read as one word is put in quotes.
inline void append_field(std::string& line, const LogField& field) {
  if (!line.empty()) line += ' ';
  line.append(field.key).append("=");
  const bool plain =
      !field.quoted || (!field.value.empty() && field.value.find_first_of(" =\"\\\n\t\r") == std::string::npos);
  if (plain) {
    line += field.value;
    return;
  }
  line += '"';
  for (const char c : field.value) {
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
  line += '"';
}
}  // namespace detail

}  // namespace gantry::sdk

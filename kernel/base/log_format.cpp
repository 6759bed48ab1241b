// How one event becomes one line, as text or JSON. Values may come from anywhere, so nothing they contain can start a
// new line, end a quote or reach a terminal as a control sequence.
#include "kernel/base/log.hpp"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace gantry {
namespace {

constexpr std::size_t value_bytes_max = 4 * 1024;
constexpr std::size_t line_bytes_max = 16 * 1024;
constexpr std::string_view cut_mark = "...";

/// Bytes of the well-formed UTF-8 character at the front of `text` (RFC 3629), 0 when it is not one.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80U; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogates
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

/// C1 controls (U+0080 to U+009F) steer some terminals, just as the first 32 characters do.
bool is_c1_control(std::string_view character) noexcept {
  return character.size() == 2 && static_cast<unsigned char>(character[0]) == 0xC2 &&
         static_cast<unsigned char>(character[1]) < 0xA0;
}

void append_hex(std::string& out, std::string_view prefix, unsigned value, int digits) {
  constexpr char hex[] = "0123456789abcdef";
  out += prefix;
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += hex[(value >> shift) & 0xFU];
}

/// Appends `text` so that it is safe inside double quotes. Bytes that are not UTF-8 become \xNN in text lines; JSON has
/// no such escape and gets the replacement character.
void append_escaped(std::string& out, std::string_view text, LogFormat format, bool quote_is_special = true) {
  const bool cut = text.size() > value_bytes_max;
  if (cut) text = text.substr(0, value_bytes_max);
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t length = utf8_length(text);
    const std::size_t taken = length == 0 ? 1 : length;
    if (length == 0) {
      if (format == LogFormat::json) {
        out += "\\ufffd";
      } else {
        append_hex(out, "\\x", static_cast<unsigned char>(c), 2);
      }
    } else if (is_c1_control(text.substr(0, length))) {
      append_hex(out, "\\u", static_cast<unsigned char>(text[1]), 4);
    } else if (quote_is_special && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      if (format == LogFormat::json) {
        append_hex(out, "\\u", static_cast<unsigned char>(c), 4);
      } else {
        append_hex(out, "\\x", static_cast<unsigned char>(c), 2);
      }
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(taken);
  }
  if (cut) out += cut_mark;
}

bool is_plain_word(std::string_view text) noexcept {
  if (text.empty() || text.size() > value_bytes_max) return false;
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\') return false;  // negative char: beyond ASCII
  }
  return true;
}

void append_quoted(std::string& out, std::string_view text, LogFormat format) {
  out += '"';
  append_escaped(out, text, format);
  out += '"';
}

template <typename T>
void append_number(std::string& out, T value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

void append_real(std::string& out, double value, LogFormat format) {
  if (std::isfinite(value)) return append_number(out, value);
  const std::string_view word = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (format == LogFormat::json) return append_quoted(out, word, format);
  out += word;
}

void append_time(std::string& out, std::int64_t wall_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(wall_ms)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char buffer[64];
  const int length =
      std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                    static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  out.append(buffer, static_cast<std::size_t>(length));
}

void append_value(std::string& out, const LogField& field, LogFormat format) {
  switch (field.kind()) {
    case LogField::Kind::boolean: out += field.integer() != 0 ? "true" : "false"; return;
    case LogField::Kind::integer: return append_number(out, field.integer());
    case LogField::Kind::unsigned_integer: return append_number(out, static_cast<std::uint64_t>(field.integer()));
    case LogField::Kind::real: return append_real(out, field.real(), format);
    case LogField::Kind::text:
    case LogField::Kind::verbatim: break;
  }
  if (format == LogFormat::text && is_plain_word(field.text())) {
    out += field.text();
  } else {
    append_quoted(out, field.text(), format);
  }
}

void append_text_field(std::string& out, const LogField& field) {
  out += ' ';
  if (field.kind() == LogField::Kind::verbatim) {
    return append_escaped(out, field.text(), LogFormat::text, /*quote_is_special=*/false);
  }
  append_escaped(out, field.key(), LogFormat::text);
  out += '=';
  append_value(out, field, LogFormat::text);
}

std::string_view padded_name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::trace: return "TRACE ";
    case LogLevel::debug: return "DEBUG ";
    case LogLevel::info: return "INFO  ";
    case LogLevel::warn: return "WARN  ";
    case LogLevel::error: return "ERROR ";
    case LogLevel::off: break;
  }
  return "?     ";
}

/// Fields are left out whole when the line is at its bound, so that JSON stays JSON.
void append_text_line(std::string& out, std::int64_t wall_ms, LogLevel level, std::string_view event,
                      std::span<const LogField> fields) {
  append_time(out, wall_ms);
  out += ' ';
  out += padded_name(level);
  append_escaped(out, event, LogFormat::text);
  for (const LogField& field : fields) {
    const std::size_t before = out.size();
    append_text_field(out, field);
    if (out.size() > line_bytes_max) {
      out.resize(before);
      out += " cut=true";
      break;
    }
  }
  out += '\n';
}

void append_json_line(std::string& out, std::int64_t wall_ms, LogLevel level, std::string_view event,
                      std::span<const LogField> fields) {
  out += "{\"time\":\"";
  append_time(out, wall_ms);
  out += "\",\"level\":\"";
  out += to_string(level);
  out += "\",\"event\":";
  append_quoted(out, event, LogFormat::json);
  for (const LogField& field : fields) {
    const std::size_t before = out.size();
    out += ',';
    append_quoted(out, field.key(), LogFormat::json);
    out += ':';
    append_value(out, field, LogFormat::json);
    if (out.size() > line_bytes_max) {
      out.resize(before);
      out += ",\"cut\":true";
      break;
    }
  }
  out += "}\n";
}

}  // namespace

std::string_view to_string(LogLevel level) noexcept {
  constexpr std::string_view names[] = {"trace", "debug", "info", "warn", "error", "off"};
  const auto index = static_cast<std::size_t>(level);
  return index < std::size(names) ? names[index] : "unknown";
}

Result<LogLevel> parse_log_level(std::string_view name) {
  for (const auto level :
       {LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error, LogLevel::off}) {
    if (name == to_string(level)) return level;
  }
  return Error{Errc::invalid_argument,
               "log level: expected trace, debug, info, warn, error or off, found \"" + std::string(name) + "\""};
}

std::string format_log_line(LogFormat format, std::int64_t wall_ms, LogLevel level, std::string_view event,
                            std::span<const LogField> fields) {
  std::string line;
  line.reserve(256);
  if (format == LogFormat::json) {
    append_json_line(line, wall_ms, level, event, fields);
  } else {
    append_text_line(line, wall_ms, level, event, fields);
  }
  return line;
}

}  // namespace gantry

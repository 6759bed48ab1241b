#include "protocol/json_text.hpp"

#include "protocol/utf8.hpp"

#include <charconv>
#include <cmath>

namespace gantry::protocol::detail {

void append_json_text(std::string& out, std::string_view text) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  out.push_back('"');
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* plain = at;  // from here on nothing was written yet, because nothing needs to be changed
  while (at != end) {
    const char* start = at;
    const std::uint32_t c = next_character(at, end);
    if (c != bad_character && c != '"' && c != '\\' && c >= 0x20) continue;
    out.append(plain, static_cast<std::size_t>(start - plain));
    plain = at;
    if (c == bad_character) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else {
      out += "\\u00";
      out.push_back(hex_digits[c >> 4]);
      out.push_back(hex_digits[c & 15]);
    }
  }
  out.append(plain, static_cast<std::size_t>(end - plain));
  out.push_back('"');
}

void append_json_double(std::string& out, double value) {
  if (!std::isfinite(value)) value = 0;
  char digits[32];
  const auto [end, failure] = std::to_chars(digits, digits + sizeof digits, value);
  const std::string_view text(digits, static_cast<std::size_t>(end - digits));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
}

}  // namespace gantry::protocol::detail

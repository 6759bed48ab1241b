#pragma once
// JSON for the answers of this plugin's own requests.

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::txn {

/// A JSON object under construction; members stand in the order in which they are added. A value.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view value) { return raw(key, quoted(value)); }
  JsonObject& add(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
  /// A value that is JSON already.
  JsonObject& raw(std::string_view key, std::string_view value) {
    members_ += members_.empty() ? "" : ",";
    members_.append(quoted(key)).append(":").append(value);
    return *this;
  }
  [[nodiscard]] std::string text() const { return "{" + members_ + "}"; }

 private:
  /// Control characters, and bytes that are no ASCII, which need not be UTF-8, are written as escapes.
  static std::string quoted(std::string_view value) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : value) {
      const auto byte = static_cast<std::uint8_t>(c);
      if (c == '"' || c == '\\') {
        out.append(1, '\\').append(1, c);
      } else if (byte < 0x20 || byte >= 0x7F) {
        out.append("\\u00").append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
      } else {
        out += c;
      }
    }
    return out + "\"";
  }

  std::string members_;
};

}  // namespace gantry::txn

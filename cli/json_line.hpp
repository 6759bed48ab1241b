#pragma once
// Output for machines: JSON objects, written in the order in which members are added.

#include "protocol/buffer.hpp"
#include "protocol/frame_writer.hpp"

#include <charconv>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cli {

/// A JSON object under construction. A value.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view value) { return raw(key, quoted(value)); }
  JsonObject& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  JsonObject& add(std::string_view key, const std::string& value) { return add(key, std::string_view(value)); }
  JsonObject& add(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  template <std::integral T>
  JsonObject& add(std::string_view key, T value) {
    return raw(key, std::to_string(value));
  }
  JsonObject& add(std::string_view key, double value) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, std::isfinite(value) ? value : 0.0).ptr;
    return raw(key, std::string_view(digits, static_cast<std::size_t>(end - digits)));
  }
  JsonObject& add(std::string_view key, const JsonObject& value) { return raw(key, value.text()); }
  JsonObject& add(std::string_view key, const std::vector<JsonObject>& values) { return raw(key, array(values)); }
  JsonObject& add(std::string_view key, const std::vector<std::string>& values) {
    std::string all = "[";
    for (const std::string& value : values) all += (all.size() > 1 ? "," : "") + quoted(value);
    return raw(key, all + "]");
  }

  [[nodiscard]] std::string text() const { return "{" + members_ + "}"; }
  static std::string array(const std::vector<JsonObject>& values) {
    std::string all = "[";
    for (const JsonObject& value : values) all += (all.size() > 1 ? "," : "") + value.text();
    return all + "]";
  }

 private:
  static std::string quoted(std::string_view value) {
    protocol::ByteBuffer escaped(value.size() + 2);
    escaped.push_back('"');
    protocol::append_escaped_json(escaped, value);
    escaped.push_back('"');
    return std::string(escaped.text());
  }
  JsonObject& raw(std::string_view key, std::string_view value) {
    if (!members_.empty()) members_ += ",";
    members_ += quoted(key);
    members_ += ":";
    members_ += value;
    return *this;
  }

  std::string members_;
};

}  // namespace gantry::cli

#include "plugins/delay/recall_handle.hpp"

#include "plugins/delay/wish.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace gantry::delay {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t handle_size_max = 4096;
constexpr std::string_view version = "v1";

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - at);
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < have ? static_cast<std::uint8_t>(bytes[at + i]) : 0u);
    for (std::size_t i = 0; i < 4; ++i) text += i <= have ? alphabet[group >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 == 0 && text.ends_with("==")) {
    text.remove_suffix(2);
  } else if (text.size() % 4 == 0 && text.ends_with('=')) {
    text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xFF);
  }
  if ((group & ((1u << bits) - 1)) != 0) return std::nullopt;  // bits that no encoder sets
  return bytes;
}

}  // namespace

std::string encode_handle(const RecallHandle& handle) {
  return encode_base64(std::string(version) + " " + handle.topic + " " + handle.broker_name + " " +
                       std::to_string(handle.due_ms + 1) + " " + handle.unique_key);
}

Result<RecallHandle> decode_handle(std::string_view text) {
  const auto wrong = [](std::string what) {
    return Error{Errc::invalid_argument, "recall handle: " + std::move(what)};
  };
  if (text.empty()) return wrong("expected one, found none");
  if (text.size() > handle_size_max) return wrong("it is too long: " + std::to_string(text.size()) + " characters");
  const auto raw = decode_base64(text);
  if (!raw) return wrong("it is no URL-safe Base64");
  std::vector<std::string_view> words;
  std::string_view rest = *raw;
  for (std::size_t end = rest.find(' '); end != std::string_view::npos; end = rest.find(' ')) {
    words.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  words.push_back(rest);
  if (words.size() != 5) return wrong("expected 5 words in it, found " + std::to_string(words.size()));
  if (words[0] != version) return wrong("expected the version v1, found another one");
  const auto time = read_number(words[3]);
  if (!time || *time <= 0) return wrong("expected a time in milliseconds as its fourth word, found something else");
  for (const std::string_view word : words) {
    if (word.empty()) return wrong("one of its words is empty");
    if (word.find_first_of(std::string_view("\x01\x02\x00", 3)) != std::string_view::npos) {
      return wrong("it holds characters that no message has");
    }
  }
  return RecallHandle{std::string(words[1]), std::string(words[2]), *time - 1, std::string(words[4])};
}

}  // namespace gantry::delay

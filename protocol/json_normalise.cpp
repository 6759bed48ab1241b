// fastjson's dialect to strict JSON, in one pass.
#include "protocol/json_body.hpp"
#include "protocol/json_scan.hpp"
#include "protocol/json_text.hpp"
#include "protocol/utf8.hpp"

#include <string>

namespace gantry::protocol {

namespace {

/// A parsed value takes 16 bytes and more; this bounds what a body of commas can make us spend.
constexpr std::size_t value_count_max = 4'000'000;

bool is_blank(char c) noexcept { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\b'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_name_character(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || (c & 0x80) != 0;
}

class Normaliser {
 public:
  explicit Normaliser(std::string_view text) : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {
    out_.reserve(text.size() + text.size() / 8);
  }

  Result<std::string> run() {
    if (!skip_blanks() || !value(0) || !skip_blanks()) return error();
    if (at_ != end_) {
      fail("nothing more");
      return error();
    }
    return std::move(out_);
  }

 private:
  bool fail(std::string_view expected) noexcept {
    if (expected_.empty()) expected_ = expected;
    return false;
  }

  [[nodiscard]] Error error() const {
    const std::string found = at_ == end_ ? "the end" : "byte " + std::to_string(static_cast<unsigned char>(*at_));
    return {Errc::invalid_argument, "reading JSON: expected " + std::string(expected_) + " at position " +
                                        std::to_string(at_ - begin_) + ", found " + found};
  }

  [[nodiscard]] char peek() const noexcept { return at_ == end_ ? '\0' : *at_; }
  bool take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  /// Blanks and comments.
  bool skip_blanks() noexcept {
    for (;;) {
      while (at_ != end_ && is_blank(*at_)) ++at_;
      if (end_ - at_ < 2 || at_[0] != '/') return true;
      if (at_[1] == '/') {
        while (at_ != end_ && *at_ != '\n') ++at_;
      } else if (at_[1] == '*') {
        const std::size_t close = std::string_view(at_ + 2, static_cast<std::size_t>(end_ - at_ - 2)).find("*/");
        if (close == std::string_view::npos) return fail("an end of the comment");
        at_ += 2 + close + 2;
      } else {
        return fail("a comment");
      }
    }
  }

  bool value(int depth) {
    if (++value_count_ > value_count_max) return fail("at most 4000000 values");
    if (depth > json_depth_max) return fail("nesting of at most 32");
    const char c = peek();
    if (c == '{') return object(depth);
    if (c == '[') return array(depth);
    if (c == '"' || c == '\'') return text();
    if (c == '-' || is_digit(c)) return number();
    return word();
  }

  bool object(int depth) {
    ++at_;
    out_.push_back('{');
    bool is_first = true;
    for (;;) {
      if (!skip_blanks()) return false;
      if (take('}')) break;
      if (!is_first && take(',')) continue;  // Empty members, which fastjson skips too.
      if (!is_first) out_.push_back(',');
      is_first = false;
      if (!key(depth) || !skip_blanks()) return false;
      if (!take(':')) return fail("':'");
      out_.push_back(':');
      if (!skip_blanks() || !value(depth + 1) || !skip_blanks()) return false;
      if (peek() != '}' && !take(',')) return fail("',' or '}'");
    }
    out_.push_back('}');
    return true;
  }

  bool array(int depth) {
    ++at_;
    out_.push_back('[');
    bool is_first = true;
    for (;;) {
      if (!skip_blanks()) return false;
      if (take(']')) break;
      if (!is_first && take(',')) continue;
      if (!is_first) out_.push_back(',');
      is_first = false;
      if (!value(depth + 1) || !skip_blanks()) return false;
      if (peek() != ']' && !take(',')) return fail("',' or ']'");
    }
    out_.push_back(']');
    return true;
  }

  /// A text, a number, a bare word, or an object, which becomes a text that holds its JSON.
  bool key(int depth) {
    const char c = peek();
    if (c == '"' || c == '\'') return text();
    if (c == '{') {
      // One level only: escaping what is escaped already doubles it each time.
      if (in_key_) return fail("a key that holds no other object as key");
      in_key_ = true;
      const std::size_t start = out_.size();
      if (!object(depth + 1)) return false;
      in_key_ = false;
      const std::string json = out_.substr(start);
      out_.resize(start);
      detail::append_json_text(out_, json);
      return true;
    }
    const char* start = at_;
    if (c == '-') ++at_;
    while (at_ != end_ && is_name_character(*at_)) ++at_;
    if (at_ == start) return fail("a key");
    detail::append_json_text(out_, {start, static_cast<std::size_t>(at_ - start)});
    return true;
  }

  bool text() {
    const char quote = *at_++;
    out_.push_back('"');
    while (at_ != end_ && *at_ != quote) {
      if (*at_ == '\\') {
        if (!escape()) return false;
        continue;
      }
      const char* start = at_;
      const std::uint32_t c = detail::next_character(at_, end_);
      put_character(c, start);
    }
    if (!take(quote)) return fail("a closing quote");
    out_.push_back('"');
    return true;
  }

  void put_character(std::uint32_t c, const char* start) {
    if (c == detail::bad_character) {
      put_replacement();
    } else if (c < 0x20 || c == '"' || c == '\\') {
      put_escaped(c);
    } else {
      out_.append(start, at_);
    }
  }

  void put_replacement() { out_ += "\xEF\xBF\xBD"; }

  void put_escaped(std::uint32_t c) {
    constexpr std::string_view hex_digits = "0123456789abcdef";
    out_ += "\\u00";
    out_.push_back(hex_digits[c >> 4 & 15]);
    out_.push_back(hex_digits[c & 15]);
  }

  bool escape() {
    if (end_ - at_ < 2) {
      at_ = end_;
      return fail("a closing quote");
    }
    const char c = at_[1];
    if (c == 'u') return unicode_escape();
    at_ += 2;
    switch (c) {
      case '"':
      case '\\':
      case '/':
      case 'b':
      case 'f':
      case 'n':
      case 'r':
      case 't':
        out_.push_back('\\');
        out_.push_back(c);
        return true;
      case 'v': put_escaped(0x0B); return true;
      case 'x': {
        const int high = end_ - at_ >= 2 ? detail::hex_digit(at_[0]) : -1;
        const int low = end_ - at_ >= 2 ? detail::hex_digit(at_[1]) : -1;
        if (high < 0 || low < 0) return fail("two hexadecimal digits");
        at_ += 2;
        put_escaped(static_cast<std::uint32_t>(high << 4 | low));
        return true;
      }
      default: {
        if (c >= '0' && c <= '7') {
          put_escaped(static_cast<std::uint32_t>(c - '0'));
          return true;
        }
        // Whatever else was escaped stands for itself, as the start of a longer character maybe.
        --at_;
        const char* start = at_;
        const std::uint32_t character = detail::next_character(at_, end_);
        put_character(character, start);
        return true;
      }
    }
  }

  bool unicode_escape() {
    const int unit = end_ - at_ >= 6 ? detail::hex4(at_ + 2) : -1;
    if (unit < 0) return fail("four hexadecimal digits");
    const char* start = at_;
    at_ += 6;
    if (unit >= 0xD800 && unit < 0xE000) {
      const bool has_next = end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u';
      const int low = unit < 0xDC00 && has_next ? detail::hex4(at_ + 2) : -1;
      if (low < 0xDC00 || low >= 0xE000) {
        put_replacement();
        return true;
      }
      at_ += 6;
    }
    out_.append(start, at_);
    return true;
  }

  bool digits() noexcept {
    if (!is_digit(peek())) return fail("a digit");
    while (is_digit(peek())) ++at_;
    return true;
  }

  bool number() {
    const char* start = at_;
    take('-');
    if (peek() == '0') {
      ++at_;
    } else if (!digits()) {
      return false;
    }
    if (take('.') && !digits()) return false;
    if (peek() == 'e' || peek() == 'E') {
      ++at_;
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    out_.append(start, at_);
    return true;
  }

  bool word() {
    for (const std::string_view known : {"true", "false", "null"}) {
      if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(known)) {
        at_ += known.size();
        if (at_ != end_ && is_name_character(*at_)) return fail("a value");
        out_ += known;
        return true;
      }
    }
    return fail("a value");
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string out_;
  std::string_view expected_;
  std::size_t value_count_ = 0;
  bool in_key_ = false;
};

}  // namespace

Result<std::string> normalise_fastjson(std::string_view text) {
  if (text.size() > json_size_max) {
    return Error{Errc::too_large, "reading JSON: expected at most " + std::to_string(json_size_max) + " bytes, found " +
                                      std::to_string(text.size())};
  }
  return Normaliser(text).run();
}

}  // namespace gantry::protocol

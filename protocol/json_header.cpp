// The JSON header, by one forward pass. See header.hpp for what it tolerates.
#include "protocol/header.hpp"
#include "protocol/json_scan.hpp"

#include <string>

namespace gantry::protocol {

namespace {

constexpr std::uint32_t replacement_character = 0xFFFD;
constexpr bool is_high_surrogate(int unit) noexcept { return unit >= 0xD800 && unit < 0xDC00; }
constexpr bool is_low_surrogate(int unit) noexcept { return unit >= 0xDC00 && unit < 0xE000; }

/// Walks over the text. After the first thing that is wrong, `expected` says what should have been there, and every
/// function gives false; no function moves past `end`.
class HeaderParser {
 public:
  explicit HeaderParser(ByteView header) noexcept
      : begin_(as_text(header).data()), at_(begin_), end_(begin_ + header.size()) {}

  Status parse(HeaderView& out) {
    if (!object<&HeaderParser::header_member>(out) || !at_end()) return error();
    if (!has_code_)
      return Error{Errc::invalid_argument, "decoding a JSON header: expected a member \"code\", found none"};
    return {};
  }

 private:
  struct Text {
    std::string_view raw;
    bool escaped = false;
  };

  bool fail(std::string_view expected) noexcept {
    if (expected_.empty()) expected_ = expected;
    return false;
  }

  [[nodiscard]] Status error() const {
    const std::size_t position = static_cast<std::size_t>(at_ - begin_);
    std::string found = at_ == end_ ? "the end" : "byte " + std::to_string(static_cast<unsigned char>(*at_));
    return Error{Errc::invalid_argument, "decoding a JSON header: expected " + std::string(expected_) +
                                             " at position " + std::to_string(position) + ", found " + found};
  }

  void skip_blanks() noexcept {
    if (at_ != end_ && *at_ > ' ') return;  // What clients really send has no blanks.
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  bool at_end() noexcept {
    skip_blanks();
    return at_ == end_ || fail("nothing more");
  }

  bool take(char c) noexcept {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) noexcept {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  /// The text behind an opening quote that was taken already, through the closing one.
  bool text(Text& out) noexcept {
    const char* start = at_;
    out.escaped = false;
    for (;;) {
      at_ = detail::find_quote_or_backslash(at_, end_);
      if (at_ == end_) return fail("a closing quote");
      if (*at_ == '"') break;
      out.escaped = true;
      if (end_ - at_ < 2) {
        at_ = end_;
        return fail("a closing quote");
      }
      at_ += 2;
    }
    out.raw = {start, static_cast<std::size_t>(at_ - start)};
    ++at_;
    return true;
  }

  /// {"key":value,...}, where `member` takes the value.
  template <bool (HeaderParser::*member)(HeaderView&, const Text&)>
  bool object(HeaderView& out) noexcept {
    skip_blanks();
    if (!take('{')) return fail("'{'");
    skip_blanks();
    if (take('}')) return true;
    for (;;) {
      Text key;
      if (!take('"')) return fail("a quoted key");
      if (!text(key)) return false;
      skip_blanks();
      if (!take(':')) return fail("':'");
      skip_blanks();
      if (!(this->*member)(out, key)) return false;
      skip_blanks();
      if (take('}')) return true;
      if (!take(',')) return fail("',' or '}'");
      skip_blanks();
    }
  }

  bool header_member(HeaderView& out, const Text& key) noexcept {
    const std::string_view name = key.raw;
    switch (name.size()) {
      case 4:
        if (name == "code") return has_code_ = integer(out.code);
        if (name == "flag") return integer(out.flag);
        break;
      case 6:
        if (name == "opaque") return integer(out.opaque);
        if (name == "remark") return remark(out);
        break;
      case 7:
        if (name == "version") return integer(out.version);
        break;
      case 8:
        if (name == "language") return language(out.language);
        break;
      case 9:
        if (name == "extFields") return take_word("null") || object<&HeaderParser::ext_member>(out);
        break;
      default: break;
    }
    return skip_value();
  }

  bool ext_member(HeaderView& out, const Text& key) noexcept {
    ExtField* field = out.ext.add();
    if (field == nullptr) return fail("at most 128 members of extFields");
    field->key = key.raw;
    return ext_value(*field);
  }

  bool ext_value(ExtField& field) noexcept {
    if (take('"')) {
      Text value;
      if (!text(value)) return false;
      field.raw = value.raw;
      field.escaped = value.escaped;
      return true;
    }
    const char* start = at_;
    if (take_word("true") || take_word("false")) {
      field.kind = ValueKind::boolean;
    } else if (take_word("null")) {
      field.kind = ValueKind::null;
    } else if (at_ != end_ && (*at_ == '{' || *at_ == '[')) {
      if (!skip_value()) return false;  // Java keeps the JSON text of a nested value, and so do we.
    } else {
      field.kind = ValueKind::number;
      if (!number()) return false;
    }
    field.raw = {start, static_cast<std::size_t>(at_ - start)};
    return true;
  }

  /// Moves over a number; which ones are integers is for their readers to judge.
  bool number() noexcept {
    const char* start = at_;
    take('-');
    if (at_ == end_ || *at_ < '0' || *at_ > '9') {
      at_ = start;
      return fail("a value");
    }
    while (at_ != end_ &&
           ((*at_ >= '0' && *at_ <= '9') || *at_ == '.' || *at_ == 'e' || *at_ == 'E' || *at_ == '+' || *at_ == '-')) {
      ++at_;
    }
    return true;
  }

  /// A 32-bit integer, bare or as text.
  bool integer(std::int32_t& out) noexcept {
    const char* start = at_;
    ExtField field;
    if (!ext_value(field)) return false;
    const FieldStatus status = parse_field(field, out);
    if (status == FieldStatus::ok || status == FieldStatus::missing) return true;
    at_ = start;
    return fail("a 32-bit integer");
  }

  bool language(Language& out) noexcept {
    const char* start = at_;
    ExtField field;
    if (!ext_value(field)) return false;
    std::int64_t ordinal = 0;
    if (field.kind == ValueKind::text) {
      out = parse_language(field.raw);
    } else if (field.kind == ValueKind::number && parse_field(field, ordinal) == FieldStatus::ok) {
      out = language_of(ordinal);
    } else if (field.kind != ValueKind::null) {
      at_ = start;
      return fail("a language name or ordinal");
    }
    return true;
  }

  bool remark(HeaderView& out) noexcept {
    ExtField field;
    if (!ext_value(field)) return false;
    if (field.kind == ValueKind::null) return true;
    out.remark = field.raw;
    out.remark_escaped = field.escaped;
    return true;
  }

  /// Moves over any value. Brackets must match; what is between them is not judged further.
  bool skip_value() noexcept {
    std::uint64_t is_array = 0;  // One bit per open bracket, the innermost lowest.
    int depth = 0;
    do {
      if (at_ == end_) return fail("a value");
      const char c = *at_;
      if (c == '"') {
        ++at_;
        Text ignored;
        if (!text(ignored)) return false;
      } else if (c == '{' || c == '[') {
        if (depth == header_depth_max) return fail("nesting of at most 32");
        ++depth;
        is_array = is_array << 1 | (c == '[' ? 1 : 0);
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0 || (is_array & 1) != (c == ']' ? 1u : 0u)) return fail("a value");
        --depth;
        is_array >>= 1;
        ++at_;
      } else if (depth > 0 && (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
        ++at_;
      } else if (!take_word("true") && !take_word("false") && !take_word("null") && !number()) {
        return false;
      }
    } while (depth > 0);
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  std::string_view expected_;
  bool has_code_ = false;
};

}  // namespace

Status decode_json_header(ByteView header, HeaderView& out) { return HeaderParser(header).parse(out); }

std::size_t unescape_json(std::string_view raw, char* to) noexcept {
  const char* at = raw.data();
  const char* end = at + raw.size();
  char* const start = to;
  for (;;) {
    at = detail::copy_until_backslash(at, end, to);
    if (at == end) break;
    ++at;
    if (at == end) {  // A backslash at the very end, which no parsed string has.
      *to++ = '\\';
      break;
    }
    const char escape = *at++;
    switch (escape) {
      case 'n': *to++ = '\n'; break;
      case 't': *to++ = '\t'; break;
      case 'r': *to++ = '\r'; break;
      case 'b': *to++ = '\b'; break;
      case 'f': *to++ = '\f'; break;
      case 'u': {
        const int unit = end - at >= 4 ? detail::hex4(at) : -1;
        if (unit < 0) {
          *to++ = 'u';
          break;
        }
        at += 4;
        if (unit < 0x80) {
          *to++ = static_cast<char>(unit);
          break;
        }
        auto point = static_cast<std::uint32_t>(unit);
        if (is_high_surrogate(unit)) {
          const int low = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? detail::hex4(at + 2) : -1;
          if (is_low_surrogate(low)) {
            point = 0x10000 + ((point - 0xD800) << 10) + (static_cast<std::uint32_t>(low) - 0xDC00);
            at += 6;
          } else {
            point = replacement_character;
          }
        } else if (is_low_surrogate(unit)) {
          point = replacement_character;
        }
        to = detail::put_utf8(point, to);
        break;
      }
      default: *to++ = escape; break;  // '"', '\\', '/', and whatever else a sloppy writer escapes.
    }
  }
  return static_cast<std::size_t>(to - start);
}

}  // namespace gantry::protocol

#include "plugins/filter-sql92/lexer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace gantry::filter_sql92 {

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_word_begin(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; }
bool is_word(char c) noexcept { return is_word_begin(c) || is_digit(c); }

std::size_t count_digits(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
}

// The length of "e", a sign and digits; 0 when it is none.
std::size_t exponent_length(std::string_view text) noexcept {
  if (text.empty() || (text.front() != 'e' && text.front() != 'E')) return 0;
  std::size_t length = 1;
  if (text.size() > 1 && (text[1] == '+' || text[1] == '-')) ++length;
  const std::size_t digits = count_digits(text.substr(length));
  return digits == 0 ? 0 : length + digits;
}

constexpr std::pair<std::string_view, TokenKind> words[] = {
    {"NOT", TokenKind::word_not},
    {"AND", TokenKind::word_and},
    {"OR", TokenKind::word_or},
    {"BETWEEN", TokenKind::word_between},
    {"IN", TokenKind::word_in},
    {"TRUE", TokenKind::word_true},
    {"FALSE", TokenKind::word_false},
    {"NULL", TokenKind::word_null},
    {"IS", TokenKind::word_is},
    {"CONTAINS", TokenKind::word_contains},
    {"STARTSWITH", TokenKind::word_starts_with},
    {"ENDSWITH", TokenKind::word_ends_with},
};

// Longer ones before what they begin with.
constexpr std::pair<std::string_view, TokenKind> symbols[] = {
    {"<>", TokenKind::not_equal}, {">=", TokenKind::greater_equal}, {"<=", TokenKind::less_equal},
    {"=", TokenKind::equal},      {">", TokenKind::greater},        {"<", TokenKind::less},
    {"(", TokenKind::open},       {")", TokenKind::close},          {",", TokenKind::comma},
    {"+", TokenKind::plus},       {"-", TokenKind::minus},
};
constexpr std::pair<std::string_view, TokenKind> extended_symbols[] = {
    {"*", TokenKind::times}, {"/", TokenKind::divide}, {"%", TokenKind::modulo}};

// What people write who know other dialects, and what it is here.
constexpr std::pair<std::string_view, std::string_view> foreign_symbols[] = {
    {"!=", "write <> for \"not equal\""},
    {"==", "write = for \"equal\""},
    {"&&", "write AND"},
    {"||", "write OR"},
    {"\"", "write texts in single quotes"},
    {"'", "the text has no closing quote"},
    {"/*", "the comment has no end"},
};

bool equals_ignoring_case(std::string_view text, std::string_view upper) noexcept {
  return text.size() == upper.size() && std::equal(text.begin(), text.end(), upper.begin(), [](char c, char wanted) {
           return (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) == wanted;
         });
}

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// A whole number of characters, about `bytes` long.
std::string_view cut(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && is_continuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

std::string unquote(std::string_view image) {
  std::string out;
  out.reserve(image.size());
  for (std::size_t i = 1; i + 1 < image.size(); ++i) {
    if (image[i] == '\'') ++i;
    out.push_back(image[i]);
  }
  return out;
}

std::string describe(const Token& token) {
  if (token.kind == TokenKind::end) return "the end";
  constexpr std::size_t shown_bytes_max = 40;
  const std::string_view shown = cut(token.image, shown_bytes_max);
  const std::string tail = shown.size() < token.image.size() ? "..." : "";
  if (token.kind == TokenKind::text) return "the text " + std::string(shown) + tail;
  return "'" + std::string(shown) + tail + "'";
}

std::string describe_position(std::string_view expression, std::size_t offset) {
  const std::string_view before = expression.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);  // npos + 1 is the beginning
  const auto column = 1 + std::count_if(in_line.begin(), in_line.end(), [](char c) { return !is_continuation(c); });
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

Result<Token> Lexer::next() {
  skip_blanks_and_comments();
  if (at_ == expression_.size()) return token(TokenKind::end, 0);
  const char first = expression_[at_];
  Token found;
  if (is_word_begin(first)) {
    found = word();
  } else if (is_digit(first) || first == '.') {
    found = number();
  } else if (first == '\'') {
    found = token(TokenKind::text, text_length());
  } else {
    found = symbol();
  }
  if (found.image.empty()) return refuse();
  at_ += found.image.size();
  return found;
}

void Lexer::skip_blanks_and_comments() noexcept {
  constexpr std::string_view blanks = " \t\n\r\f";
  while (true) {
    at_ = std::min(expression_.find_first_not_of(blanks, at_), expression_.size());
    const std::size_t comment = comment_length();
    if (comment == 0) return;
    at_ += comment;
  }
}

// Two minus signs without a line's end behind them are two minus signs. Whether there is one is known beforehand: to
// look for it at each of many would take the square of the time.
std::size_t Lexer::comment_length() const noexcept {
  const std::string_view text = rest();
  if (text.starts_with("--")) {
    return at_ < lines_end_ ? text.find_first_of("\n\r") + 1 : 0;
  }
  if (text.starts_with("/*")) {
    const std::size_t end = text.find("*/", 2);
    return end == std::string_view::npos ? 0 : end + 2;
  }
  return 0;
}

// Up to the last quote that can close it: a doubled quote at whose second half the text ends is no doubled quote.
std::size_t Lexer::text_length() const noexcept {
  const std::string_view text = rest();
  std::size_t closed = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '\'') continue;
    closed = i + 1;
    if (closed == text.size() || text[closed] != '\'') return closed;
    ++i;
  }
  return closed;
}

Token Lexer::number() const noexcept {
  const std::string_view text = rest();
  const std::size_t whole = count_digits(text);
  if (text.size() > whole && text[whole] == '.') {
    const std::size_t fraction = count_digits(text.substr(whole + 1));
    if (whole + fraction == 0) return {};
    const std::size_t length = whole + 1 + fraction;
    return token(TokenKind::real, length + exponent_length(text.substr(length)));
  }
  if (const std::size_t exponent = exponent_length(text.substr(whole)); exponent > 0) {
    return token(TokenKind::real, whole + exponent);
  }
  if (text.front() == '0') return token(TokenKind::integer, 1);
  const bool has_suffix = text.size() > whole && (text[whole] == 'l' || text[whole] == 'L');
  return token(TokenKind::integer, whole + (has_suffix ? 1 : 0));
}

Token Lexer::word() const noexcept {
  const std::string_view text = rest();
  const auto length = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_word) - text.begin());
  for (const auto& [spelling, kind] : words) {
    if (equals_ignoring_case(text.substr(0, length), spelling)) return token(kind, length);
  }
  return token(TokenKind::identifier, length);
}

Token Lexer::symbol() const noexcept {
  const std::string_view text = rest();
  for (const auto& [spelling, kind] : symbols) {
    if (text.starts_with(spelling)) return token(kind, spelling.size());
  }
  for (const auto& [spelling, kind] : extended_symbols) {
    if (extended_ && !text.starts_with("/*") && text.starts_with(spelling)) return token(kind, spelling.size());
  }
  return {};
}

Error Lexer::refuse() const {
  const std::string_view text = rest();
  std::size_t length = 1;
  while (length < text.size() && is_continuation(text[length])) ++length;
  const auto code = static_cast<unsigned char>(text.front());
  std::string found = "'" + std::string(text.substr(0, length)) + "'";
  if (code < ' ' || code == 0x7F) found = "the control character " + std::to_string(code);
  std::string hint;
  for (const auto& [spelling, advice] : foreign_symbols) {
    if (!text.starts_with(spelling)) continue;
    if (spelling.size() > 1) found = "'" + std::string(spelling) + "'";
    hint = "; " + std::string(advice);
    break;
  }
  if (hint.empty() && !extended_ && std::string_view("*/%").find(text.front()) != std::string_view::npos) {
    hint = "; arithmetic needs the option \"extended\" of the plugin filter-sql92";
  }
  return {Errc::invalid_argument, describe_position(expression_, at_) +
                                      ": expected a property, a literal or an operator, found " + found + hint};
}

}  // namespace gantry::filter_sql92

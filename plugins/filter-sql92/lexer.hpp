#pragma once
// From the text of an expression to tokens. Source: SelectorParser.jj, the sections on tokens.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::filter_sql92 {

enum class TokenKind : std::uint8_t {
  end,
  identifier,
  text,
  integer,
  real,
  word_not,
  word_and,
  word_or,
  word_between,
  word_in,
  word_true,
  word_false,
  word_null,
  word_is,
  word_contains,
  word_starts_with,
  word_ends_with,
  equal,
  not_equal,
  greater,
  greater_equal,
  less,
  less_equal,
  open,
  close,
  comma,
  plus,
  minus,
  times,  // the rest only in the extended language
  divide,
  modulo,
};

/// `image` is the token as it stands in the expression; `offset` is where, in bytes.
struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view image;
  std::size_t offset = 0;
};

/// What stands between the quotes of a text token, with doubled quotes made single.
std::string unquote(std::string_view image);

/// A token as an error message shows it: 'AND', a text in its quotes, "the end"; long ones cut.
std::string describe(const Token& token);

/// "line 1, column 7" of a byte offset. Columns count characters.
std::string describe_position(std::string_view expression, std::size_t offset);

/// Cuts tokens off an expression on demand, longest match first: what is never asked for is never judged, as in
/// RocketMQ. The expression outlives it.
class Lexer {
 public:
  /// `extended`: '*', '/' and '%' are tokens.
  Lexer(std::string_view expression, bool extended) noexcept
      : expression_(expression), lines_end_(expression.find_last_of("\n\r") + 1), extended_(extended) {}

  /// Errc::invalid_argument: no token begins here. Behind the last one: `end`, as often as asked.
  Result<Token> next();

 private:
  void skip_blanks_and_comments() noexcept;
  [[nodiscard]] std::size_t comment_length() const noexcept;
  [[nodiscard]] std::size_t text_length() const noexcept;
  [[nodiscard]] Token number() const noexcept;
  [[nodiscard]] Token word() const noexcept;
  [[nodiscard]] Token symbol() const noexcept;
  [[nodiscard]] Error refuse() const;

  [[nodiscard]] std::string_view rest() const noexcept { return expression_.substr(at_); }
  [[nodiscard]] Token token(TokenKind kind, std::size_t length) const noexcept {
    return {kind, expression_.substr(at_, length), at_};
  }

  std::string_view expression_;
  std::size_t at_ = 0;
  std::size_t lines_end_;  // behind the last end of a line; 0: there is none
  bool extended_;
};

}  // namespace gantry::filter_sql92

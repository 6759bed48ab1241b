#pragma once
// Recursive descent over the grammar in compiler.hpp; every function emits the code of what it has read.

#include "plugins/filter-sql92/compiler.hpp"
#include "plugins/filter-sql92/lexer.hpp"
#include "plugins/filter-sql92/program_builder.hpp"

#include "gantry/sdk/functions.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::filter_sql92 {

/// What RocketMQ knows of a part of an expression without a message: it refuses some combinations.
enum class Shape : std::uint8_t {
  property,
  number,      ///< a literal
  text,        ///< a literal
  truth,       ///< TRUE or FALSE
  null,        ///< NULL
  condition,   ///< what is TRUE, FALSE or unknown: comparisons, AND, OR, NOT, IN, CONTAINS and their like
  calculated,  ///< a minus with what follows it, arithmetic
  called,      ///< the result of a function, which can be anything
};

/// A part that has been read: its shape, where its code begins, and where it stands in the expression.
struct Term {
  Shape shape = Shape::calculated;
  std::size_t place = 0;
  Token first;

  [[nodiscard]] bool is_literal() const noexcept { return shape >= Shape::number && shape <= Shape::null; }
};

class Parser {
 public:
  Parser(std::string_view expression, Dialect dialect, sdk::Functions functions) noexcept
      : expression_(expression), dialect_(dialect), functions_(functions), lexer_(expression, dialect.extended) {}

  Result<Compiled> parse();

 private:
  // The grammar, loosest first.
  Result<Term> parse_or();
  Result<Term> parse_and();
  Result<Term> parse_equality();
  Result<Term> parse_comparison();
  Result<Term> parse_sum();
  Result<Term> parse_product();
  Result<Term> parse_unary();
  Result<Term> parse_signed(TokenKind sign);
  Result<Term> parse_primary();
  Result<Term> parse_literal();
  Result<Term> parse_parentheses();
  Result<Term> parse_call(const Token& name);

  // What can follow the left side of a comparison.
  Result<Term> parse_order(const Term& left, Comparison comparison);
  Result<Term> parse_negated(const Term& left);
  Result<Term> parse_search(const Term& left, Op op, bool negated);
  Result<Term> parse_between(const Term& left, bool negated);
  Result<Term> parse_list(const Term& left, bool negated);
  Result<Term> parse_like(const Term& left, bool negated);
  Result<Term> parse_equals(const Term& left, bool negated);
  Result<Term> parse_is(const Term& left);

  // The checks of RocketMQ's expression classes, and ours of arithmetic.
  Status make_condition(const Term& term);
  Status check_ordered(const Term& term) const;
  Status check_equality(const Term& left, const Term& right) const;
  Status check_bounds(const Term& low, const Term& high) const;
  Status check_operand(const Term& term) const;

  /// One more level inside; the guard ends it.
  class Nesting;
  Status check_nesting(const Token& token) const;

  // Tokens. peek() looks at the next one, take() goes behind it.
  Result<TokenKind> peek();
  Result<bool> peek_word(std::string_view word);
  Token take() noexcept;
  Result<Token> expect(TokenKind kind, std::string_view what);
  Result<std::string> expect_text(std::string_view what);
  [[nodiscard]] Error refuse(const Token& found, std::string_view expected, std::string_view hint = {}) const;
  [[nodiscard]] Error refuse_next(std::string_view expected) const;
  [[nodiscard]] std::string_view hint_at_next() const;

  std::string_view expression_;
  Dialect dialect_;
  sdk::Functions functions_;
  Lexer lexer_;
  ProgramBuilder builder_;
  Token next_;
  bool has_next_ = false;
  Token previous_;  // the token before next_
  std::size_t nesting_ = 0;
};

}  // namespace gantry::filter_sql92

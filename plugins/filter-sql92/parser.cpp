#include "plugins/filter-sql92/parser.hpp"

#include "plugins/filter-sql92/java_number.hpp"
#include "plugins/filter-sql92/like.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace gantry::filter_sql92 {

namespace {

constexpr std::string_view operand_wanted = "a property, a literal, NOT or '('";

std::optional<Comparison> order_of(TokenKind kind) noexcept {
  switch (kind) {
    case TokenKind::less: return Comparison::less;
    case TokenKind::less_equal: return Comparison::less_equal;
    case TokenKind::greater: return Comparison::greater;
    case TokenKind::greater_equal: return Comparison::greater_equal;
    default: return std::nullopt;
  }
}

std::optional<Op> search_of(TokenKind kind) noexcept {
  switch (kind) {
    case TokenKind::word_contains: return Op::contains;
    case TokenKind::word_starts_with: return Op::starts_with;
    case TokenKind::word_ends_with: return Op::ends_with;
    default: return std::nullopt;
  }
}

std::optional<Operation> operation_of(TokenKind kind) noexcept {
  switch (kind) {
    case TokenKind::plus: return Operation::add;
    case TokenKind::minus: return Operation::subtract;
    case TokenKind::times: return Operation::multiply;
    case TokenKind::divide: return Operation::divide;
    case TokenKind::modulo: return Operation::modulo;
    default: return std::nullopt;
  }
}

bool is_sum(TokenKind kind) noexcept { return kind == TokenKind::plus || kind == TokenKind::minus; }

bool equals_ignoring_case(std::string_view text, std::string_view upper) noexcept {
  return text.size() == upper.size() && std::equal(text.begin(), text.end(), upper.begin(), [](char c, char wanted) {
           return (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) == wanted;
         });
}

std::uint8_t as_detail(bool flag) noexcept { return flag ? 1 : 0; }

}  // namespace

// ---- tokens and errors ----

Result<TokenKind> Parser::peek() {
  if (!has_next_) {
    GANTRY_ASSIGN(next_, lexer_.next());
    has_next_ = true;
  }
  return next_.kind;
}

Result<bool> Parser::peek_word(std::string_view word) {
  GANTRY_ASSIGN(const TokenKind kind, peek());
  return kind == TokenKind::identifier && equals_ignoring_case(next_.image, word);
}

Token Parser::take() noexcept {
  has_next_ = false;
  previous_ = next_;
  return next_;
}

Result<Token> Parser::expect(TokenKind kind, std::string_view what) {
  GANTRY_ASSIGN(const TokenKind found, peek());
  if (found != kind) return refuse_next(what);
  return take();
}

Result<std::string> Parser::expect_text(std::string_view what) {
  GANTRY_ASSIGN(const Token token, expect(TokenKind::text, what));
  return unquote(token.image);
}

Error Parser::refuse(const Token& found, std::string_view expected, std::string_view hint) const {
  std::string text = describe_position(expression_, found.offset);
  text.append(": expected ").append(expected).append(", found ").append(describe(found));
  if (!hint.empty()) text.append("; ").append(hint);
  return {Errc::invalid_argument, std::move(text)};
}

Error Parser::refuse_next(std::string_view expected) const { return refuse(next_, expected, hint_at_next()); }

// What somebody probably meant who wrote the next token where it cannot be.
std::string_view Parser::hint_at_next() const {
  if (dialect_.extended) return {};
  const bool behind_value = previous_.kind == TokenKind::identifier || previous_.kind == TokenKind::integer ||
                            previous_.kind == TokenKind::real || previous_.kind == TokenKind::close;
  if (behind_value && is_sum(next_.kind)) {
    return "arithmetic needs the option \"extended\" of the plugin filter-sql92";
  }
  if (previous_.kind == TokenKind::identifier && next_.kind == TokenKind::open) {
    return "function calls need the option \"extended\" of the plugin filter-sql92";
  }
  if (next_.kind == TokenKind::identifier && equals_ignoring_case(next_.image, "LIKE")) {
    return "LIKE needs the option \"extended\" of the plugin filter-sql92; CONTAINS, STARTSWITH and ENDSWITH do not";
  }
  return {};
}

class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) noexcept : parser_(parser) { ++parser_.nesting_; }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

Status Parser::check_nesting(const Token& token) const {
  if (nesting_ <= nesting_max) return {};
  return refuse(token, "at most " + std::to_string(nesting_max) + " levels inside each other");
}

// ---- from the whole to the operand ----

Result<Compiled> Parser::parse() {
  GANTRY_ASSIGN(const Term whole, parse_or());
  GANTRY_TRY(make_condition(whole));
  GANTRY_ASSIGN(const TokenKind behind, peek());
  if (behind != TokenKind::end && dialect_.strict) return refuse_next("AND, OR or the end");
  if (builder_.stack_deepest() > Program::stack_max) {
    return Error{Errc::invalid_argument, "line 1, column 1: expected an expression that needs at most " +
                                             std::to_string(Program::stack_max) + " values at a time, found one for " +
                                             std::to_string(builder_.stack_deepest())};
  }
  Compiled compiled;
  compiled.has_ignored_rest = behind != TokenKind::end;
  compiled.program = std::move(builder_).finish();
  return compiled;
}

Result<Term> Parser::parse_or() {
  GANTRY_ASSIGN(Term left, parse_and());
  while (true) {
    GANTRY_ASSIGN(const TokenKind kind, peek());
    if (kind != TokenKind::word_or) return left;
    take();
    GANTRY_TRY(make_condition(left));
    const std::size_t skip = builder_.open_skip(Op::skip_if_true);
    GANTRY_ASSIGN(const Term right, parse_and());
    GANTRY_TRY(make_condition(right));
    builder_.emit(Op::logical_or);
    builder_.close_skip(skip);
    left.shape = Shape::condition;
  }
}

Result<Term> Parser::parse_and() {
  GANTRY_ASSIGN(Term left, parse_equality());
  while (true) {
    GANTRY_ASSIGN(const TokenKind kind, peek());
    if (kind != TokenKind::word_and) return left;
    take();
    GANTRY_TRY(make_condition(left));
    const std::size_t skip = builder_.open_skip(Op::skip_if_false);
    GANTRY_ASSIGN(const Term right, parse_equality());
    GANTRY_TRY(make_condition(right));
    builder_.emit(Op::logical_and);
    builder_.close_skip(skip);
    left.shape = Shape::condition;
  }
}

Result<Term> Parser::parse_equality() {
  GANTRY_ASSIGN(Term left, parse_comparison());
  while (true) {
    GANTRY_ASSIGN(const TokenKind kind, peek());
    switch (kind) {
      case TokenKind::equal:
      case TokenKind::not_equal: {
        take();
        GANTRY_ASSIGN(left, parse_equals(left, kind == TokenKind::not_equal));
        break;
      }
      case TokenKind::word_is: {
        take();
        GANTRY_ASSIGN(left, parse_is(left));
        break;
      }
      default: return left;
    }
  }
}

Result<Term> Parser::parse_equals(const Term& left, bool negated) {
  GANTRY_ASSIGN(const Term right, parse_comparison());
  GANTRY_TRY(check_equality(left, right));
  builder_.compare(Comparison::equal);
  if (negated) builder_.emit(Op::logical_not);
  return Term{Shape::condition, left.place, left.first};
}

Result<Term> Parser::parse_is(const Term& left) {
  GANTRY_ASSIGN(const TokenKind kind, peek());
  const bool negated = kind == TokenKind::word_not;
  if (negated) take();
  GANTRY_TRY(expect(TokenKind::word_null, negated ? "NULL behind IS NOT" : "NULL or NOT NULL behind IS"));
  builder_.emit(Op::is_null, as_detail(negated));
  return Term{Shape::condition, left.place, left.first};
}

Result<Term> Parser::parse_comparison() {
  GANTRY_ASSIGN(Term left, parse_sum());
  while (true) {
    GANTRY_ASSIGN(const TokenKind kind, peek());
    GANTRY_ASSIGN(const bool is_like, peek_word("LIKE"));
    if (const auto order = order_of(kind)) {
      take();
      GANTRY_ASSIGN(left, parse_order(left, *order));
    } else if (const auto search = search_of(kind)) {
      take();
      GANTRY_ASSIGN(left, parse_search(left, *search, false));
    } else if (kind == TokenKind::word_between) {
      take();
      GANTRY_ASSIGN(left, parse_between(left, false));
    } else if (kind == TokenKind::word_in) {
      take();
      GANTRY_ASSIGN(left, parse_list(left, false));
    } else if (is_like && dialect_.extended) {
      take();
      GANTRY_ASSIGN(left, parse_like(left, false));
    } else if (kind == TokenKind::word_not) {
      take();
      GANTRY_ASSIGN(left, parse_negated(left));
    } else {
      return left;
    }
  }
}

// ---- what can follow the left side of a comparison ----

Result<Term> Parser::parse_order(const Term& left, Comparison comparison) {
  // The right side is not evaluated beside a null, which matters when it can fail: a plain value cannot.
  const std::size_t skip = builder_.open_skip(Op::skip_if_null);
  GANTRY_ASSIGN(const Term right, parse_sum());
  GANTRY_TRY(check_ordered(left));
  GANTRY_TRY(check_ordered(right));
  const std::size_t before = builder_.place();
  builder_.drop_skip_over_push(skip);
  const bool skips = builder_.place() == before;
  builder_.compare(comparison);
  if (skips) builder_.close_skip(skip);
  return Term{Shape::condition, left.place, left.first};
}

Result<Term> Parser::parse_negated(const Term& left) {
  GANTRY_ASSIGN(const TokenKind kind, peek());
  GANTRY_ASSIGN(const bool is_like, peek_word("LIKE"));
  if (const auto search = search_of(kind)) {
    take();
    return parse_search(left, *search, true);
  }
  if (kind == TokenKind::word_between) {
    take();
    return parse_between(left, true);
  }
  if (kind == TokenKind::word_in) {
    take();
    return parse_list(left, true);
  }
  if (is_like && dialect_.extended) {
    take();
    return parse_like(left, true);
  }
  return refuse_next(dialect_.extended ? "CONTAINS, STARTSWITH, ENDSWITH, BETWEEN, IN or LIKE behind NOT"
                                       : "CONTAINS, STARTSWITH, ENDSWITH, BETWEEN or IN behind NOT");
}

Result<Term> Parser::parse_search(const Term& left, Op op, bool negated) {
  GANTRY_ASSIGN(std::string text, expect_text("a text in single quotes behind CONTAINS, STARTSWITH or ENDSWITH"));
  if (text.empty()) {  // FALSE for both forms, and the left side is not evaluated
    builder_.cut_back(left.place, 1);
    builder_.push_constant(Value::boolean(false));
  } else {
    builder_.search(op, negated, std::move(text));
  }
  return Term{Shape::condition, left.place, left.first};
}

// value >= low AND value <= high, with the value evaluated once: first compared with low, then kept for high.
Result<Term> Parser::parse_between(const Term& value, bool negated) {
  const Comparison to_low = negated ? Comparison::less : Comparison::greater_equal;
  const Comparison to_high = negated ? Comparison::greater : Comparison::less_equal;
  const Op skip_op = negated ? Op::skip_if_true : Op::skip_if_false;
  const Op join = negated ? Op::logical_or : Op::logical_and;

  builder_.emit(Op::copy, 0, 0);
  const std::size_t low_skip = builder_.open_skip(Op::skip_if_null);
  GANTRY_ASSIGN(const Term low, parse_sum());
  const std::size_t low_end = builder_.place();
  builder_.emit(Op::compare, static_cast<std::uint8_t>(to_low));
  builder_.close_skip(low_skip);
  GANTRY_TRY(expect(TokenKind::word_and, "AND between the bounds of BETWEEN"));
  const std::size_t decided = builder_.open_skip(skip_op);
  builder_.emit(Op::copy, 0, 1);
  const std::size_t high_skip = builder_.open_skip(Op::skip_if_null);
  GANTRY_ASSIGN(const Term high, parse_sum());
  const std::size_t high_end = builder_.place();
  builder_.emit(Op::compare, static_cast<std::uint8_t>(to_high));
  builder_.close_skip(high_skip);
  builder_.emit(join);
  builder_.close_skip(decided);
  builder_.emit(Op::drop_below);
  if (!negated) GANTRY_TRY(check_bounds(low, high));
  for (const Term* each : {&value, &low, &high}) GANTRY_TRY(check_ordered(*each));

  // A property between two plain values, the usual case, is two terms.
  const bool plain = low_end == low.place + 1 && high_end == high.place + 1 && value.shape == Shape::property;
  const Instruction* low_push = plain ? builder_.push_at(low.place) : nullptr;
  const Instruction* high_push = plain ? builder_.push_at(high.place) : nullptr;
  if (low_push != nullptr && high_push != nullptr) {
    const Instruction pushes[] = {*builder_.push_at(value.place), *low_push, *high_push};
    builder_.cut_back(value.place, 1);
    const auto compare_with = [&](const Instruction& bound, Comparison comparison) {
      builder_.emit(pushes[0].op, 0, pushes[0].a);
      builder_.emit(bound.op, 0, bound.a);
      builder_.compare(comparison);
    };
    compare_with(pushes[1], to_low);
    const std::size_t skip = builder_.open_skip(skip_op);
    compare_with(pushes[2], to_high);
    builder_.emit(join);
    builder_.close_skip(skip);
  }
  return Term{Shape::condition, value.place, value.first};
}

Result<Term> Parser::parse_list(const Term& left, bool negated) {
  GANTRY_TRY(expect(TokenKind::open, "'(' behind IN"));
  std::vector<std::string> list;
  while (true) {
    GANTRY_ASSIGN(std::string text, expect_text("a text in single quotes in the list of IN"));
    list.push_back(std::move(text));
    GANTRY_ASSIGN(const TokenKind kind, peek());
    if (kind != TokenKind::comma) break;
    take();
  }
  GANTRY_TRY(expect(TokenKind::close, "',' or ')' in the list of IN"));
  if (left.shape != Shape::property) return refuse(left.first, "a property left of IN");
  builder_.replace_by_list(negated, std::move(list));
  return Term{Shape::condition, left.place, left.first};
}

Result<Term> Parser::parse_like(const Term& left, bool negated) {
  GANTRY_ASSIGN(const Token pattern, expect(TokenKind::text, "a pattern in single quotes behind LIKE"));
  std::string escape;
  GANTRY_ASSIGN(const bool has_escape, peek_word("ESCAPE"));
  if (has_escape) {
    take();
    GANTRY_ASSIGN(escape, expect_text("a character in single quotes behind ESCAPE"));
    if (escape.empty()) return refuse(previous_, "one character behind ESCAPE");
  }
  auto prepared = prepare_like(unquote(pattern.image), escape);
  if (!prepared) {
    return Error{Errc::invalid_argument, describe_position(expression_, pattern.offset) + ": " + prepared.error().text};
  }
  builder_.search(Op::like, negated, *std::move(prepared));
  return Term{Shape::condition, left.place, left.first};
}

// ---- operands ----

Result<Term> Parser::parse_sum() {
  if (!dialect_.extended) return parse_unary();
  GANTRY_ASSIGN(Term left, parse_product());
  while (true) {
    GANTRY_ASSIGN(const TokenKind kind, peek());
    if (!is_sum(kind)) return left;
    take();
    GANTRY_ASSIGN(const Term right, parse_product());
    GANTRY_TRY(check_operand(left));
    GANTRY_TRY(check_operand(right));
    builder_.emit(Op::calculate, static_cast<std::uint8_t>(*operation_of(kind)));
    left.shape = Shape::calculated;
  }
}

Result<Term> Parser::parse_product() {
  GANTRY_ASSIGN(Term left, parse_unary());
  while (true) {
    GANTRY_ASSIGN(const TokenKind kind, peek());
    const auto operation = operation_of(kind);
    if (!operation || is_sum(kind)) return left;
    take();
    GANTRY_ASSIGN(const Term right, parse_unary());
    GANTRY_TRY(check_operand(left));
    GANTRY_TRY(check_operand(right));
    builder_.emit(Op::calculate, static_cast<std::uint8_t>(*operation));
    left.shape = Shape::calculated;
  }
}

Result<Term> Parser::parse_unary() {
  GANTRY_ASSIGN(const TokenKind kind, peek());
  if (kind != TokenKind::plus && kind != TokenKind::minus && kind != TokenKind::word_not) return parse_primary();
  const Nesting nesting(*this);
  GANTRY_TRY(check_nesting(next_));
  return parse_signed(kind);
}

Result<Term> Parser::parse_signed(TokenKind sign) {
  const Token first = take();
  GANTRY_ASSIGN(const Term operand, parse_unary());
  if (sign == TokenKind::plus) return operand;  // RocketMQ drops it: +5 is the literal 5, +a the property a
  if (sign == TokenKind::word_not) {
    GANTRY_TRY(make_condition(operand));
    builder_.emit(Op::logical_not);
    return Term{Shape::condition, operand.place, first};
  }
  if (operand.shape == Shape::number) {
    const Value value = negate(builder_.constant_at(operand.place));
    builder_.cut_back(operand.place, 1);
    builder_.push_constant(value);
  } else {
    builder_.emit(dialect_.extended ? Op::negate_number : Op::negate);
  }
  return Term{Shape::calculated, operand.place, first};
}

Result<Term> Parser::parse_primary() {
  GANTRY_ASSIGN(const TokenKind kind, peek());
  if (kind == TokenKind::open) {
    const Nesting nesting(*this);
    GANTRY_TRY(check_nesting(next_));
    return parse_parentheses();
  }
  if (kind != TokenKind::identifier) return parse_literal();
  const Token name = take();
  if (dialect_.extended) {
    GANTRY_ASSIGN(const TokenKind behind, peek());
    if (behind == TokenKind::open) {
      const Nesting nesting(*this);
      GANTRY_TRY(check_nesting(name));
      return parse_call(name);
    }
  }
  const Term term{Shape::property, builder_.place(), name};
  builder_.push_property(name.image);
  if (builder_.name_count() > Program::names_max) {
    return refuse(name, "at most " + std::to_string(Program::names_max) + " different properties");
  }
  return term;
}

Result<Term> Parser::parse_parentheses() {
  const Token open = take();
  GANTRY_ASSIGN(Term inner, parse_or());
  GANTRY_TRY(expect(TokenKind::close, "AND, OR, a comparison or ')'"));
  inner.first = open;
  return inner;
}

Result<Term> Parser::parse_literal() {
  Term term{Shape::number, builder_.place(), next_};
  switch (next_.kind) {
    case TokenKind::text:
      term.shape = Shape::text;
      builder_.push_text(unquote(next_.image));
      break;
    case TokenKind::integer: {
      std::string_view digits = next_.image;
      if (digits.back() == 'l' || digits.back() == 'L') digits.remove_suffix(1);
      const auto value = parse_int64(digits);
      if (!value) return refuse(next_, "an integer up to 9223372036854775807");
      const bool is_small = *value <= std::numeric_limits<std::int32_t>::max();
      builder_.push_constant(is_small ? Value::int32(static_cast<std::int32_t>(*value)) : Value::int64(*value));
      break;
    }
    case TokenKind::real: {
      const auto value = parse_double(next_.image);
      if (!value || *value > std::numeric_limits<double>::max()) {
        return refuse(next_, "a number up to 1.7976931348623157E308");
      }
      if (*value < std::numeric_limits<double>::denorm_min()) {
        return refuse(next_, "a number from 4.9E-324 on", "write 0 for zero");
      }
      builder_.push_constant(Value::real(*value));
      break;
    }
    case TokenKind::word_true:
    case TokenKind::word_false:
      term.shape = Shape::truth;
      builder_.push_constant(Value::boolean(next_.kind == TokenKind::word_true));
      break;
    case TokenKind::word_null:
      term.shape = Shape::null;
      builder_.push_constant(Value::null());
      break;
    default: return refuse_next(operand_wanted);
  }
  take();
  return term;
}

Result<Term> Parser::parse_call(const Token& name) {
  const std::size_t place = builder_.place();
  take();  // '('
  std::uint32_t count = 0;
  GANTRY_ASSIGN(TokenKind kind, peek());
  while (kind != TokenKind::close) {
    if (count == GANTRY_FUNCTION_ARGUMENTS_MAX) {
      return refuse(next_, "at most " + std::to_string(GANTRY_FUNCTION_ARGUMENTS_MAX) + " arguments");
    }
    GANTRY_TRY(parse_or());
    ++count;
    GANTRY_ASSIGN(kind, peek());
    if (kind != TokenKind::comma) break;
    take();
    GANTRY_ASSIGN(kind, peek());
    if (kind == TokenKind::close) return refuse_next("an argument behind ','");
  }
  GANTRY_TRY(expect(TokenKind::close, "',' or ')' behind an argument"));
  auto function = functions_.resolve(name.image, count);
  if (!function) {
    return Error{Errc::invalid_argument, describe_position(expression_, name.offset) +
                                             ": expected a function that can be called, found '" +
                                             std::string(name.image.substr(0, 64)) + "': " + function.error().text};
  }
  builder_.call(*function, count);
  return Term{Shape::called, place, name};
}

// ---- the checks ----

Status Parser::make_condition(const Term& term) {
  switch (term.shape) {
    case Shape::condition:
    case Shape::truth:
    case Shape::null: return {};
    case Shape::property:
    case Shape::called: builder_.emit(Op::cast_to_boolean); return {};
    default: return refuse(term.first, "a condition, such as a comparison");
  }
}

Status Parser::check_ordered(const Term& term) const {
  switch (term.shape) {
    case Shape::property:
    case Shape::number:
    case Shape::calculated:
    case Shape::called: return {};
    default: return refuse(term.first, "a property or a number beside <, <=, >, >= and BETWEEN");
  }
}

Status Parser::check_equality(const Term& left, const Term& right) const {
  for (const Term* each : {&left, &right}) {
    if (each->shape == Shape::null)
      return refuse(each->first, "a value beside = and <>", "write IS NULL or IS NOT NULL");
  }
  const bool is_other_literal = right.shape == Shape::number || right.shape == Shape::text;
  if (left.shape == Shape::truth && is_other_literal) return refuse(right.first, "TRUE or FALSE beside a truth value");
  return {};
}

Status Parser::check_bounds(const Term& low, const Term& high) const {
  if (low.shape != Shape::number || high.shape != Shape::number) return {};
  const Truth ordered =
      compare(Comparison::less_equal, builder_.constant_at(low.place), builder_.constant_at(high.place));
  if (ordered == Truth::yes) return {};
  return refuse(high.first, "an upper bound that is not below the lower one");
}

Status Parser::check_operand(const Term& term) const {
  switch (term.shape) {
    case Shape::property:
    case Shape::number:
    case Shape::calculated:
    case Shape::called: return {};
    default: return refuse(term.first, "a property or a number beside an arithmetic operator");
  }
}

}  // namespace gantry::filter_sql92

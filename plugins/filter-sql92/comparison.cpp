#include "plugins/filter-sql92/comparison.hpp"

#include "plugins/filter-sql92/java_number.hpp"

#include <optional>

namespace gantry::filter_sql92 {

namespace {

Truth truth_of(bool value) noexcept { return value ? Truth::yes : Truth::no; }

Truth judge(Comparison comparison, int order) noexcept {
  switch (comparison) {
    case Comparison::equal: return truth_of(order == 0);
    case Comparison::less: return truth_of(order < 0);
    case Comparison::less_equal: return truth_of(order <= 0);
    case Comparison::greater: return truth_of(order > 0);
    case Comparison::greater_equal: return truth_of(order >= 0);
  }
  return Truth::failed;
}

template <typename Number>
int order_of(Number left, Number right) noexcept {
  return left < right ? -1 : (left > right ? 1 : 0);
}

// `text` as the class of `model`; nothing when it cannot be read so.
std::optional<Value> read_as(Kind model, std::string_view text) noexcept {
  const auto wrap = [](auto parsed, auto make) {
    return parsed ? std::optional<Value>(make(*parsed)) : std::optional<Value>();
  };
  switch (model) {
    case Kind::boolean: return Value::boolean(parse_boolean(text));
    case Kind::int32: return wrap(parse_int32(text), Value::int32);
    case Kind::int64: return wrap(parse_int64(text), Value::int64);
    case Kind::real: return wrap(parse_double(text), Value::real);
    default: return std::nullopt;
  }
}

// Neither is null or a text.
Truth compare_converted(Comparison comparison, Value left, Value right) noexcept {
  const bool left_is_boolean = left.is(Kind::boolean);
  const bool right_is_boolean = right.is(Kind::boolean);
  if (left_is_boolean != right_is_boolean) return comparison == Comparison::equal ? Truth::no : Truth::unknown;
  if (left_is_boolean && comparison != Comparison::equal) return Truth::unknown;
  if (left.is(Kind::real) || right.is(Kind::real)) {
    return judge(comparison, compare_doubles(left.as_real(), right.as_real()));
  }
  return judge(comparison, order_of(left.as_integer(), right.as_integer()));
}

Truth compare_texts(Comparison comparison, std::string_view left, std::string_view right) noexcept {
  if (comparison == Comparison::equal) return truth_of(left == right);
  const auto left_number = parse_double(left);
  const auto right_number = parse_double(right);
  if (!left_number || !right_number) return Truth::failed;
  return judge(comparison, compare_doubles(*left_number, *right_number));
}

}  // namespace

Truth compare(Comparison comparison, Value left, Value right) noexcept {
  if (left.is_null() || right.is_null()) {
    if (comparison != Comparison::equal) return Truth::unknown;
    if (left.is_null()) return right.is_null() ? Truth::yes : Truth::unknown;
    return Truth::no;
  }
  const bool left_is_text = left.is(Kind::text);
  const bool right_is_text = right.is(Kind::text);
  if (left_is_text && right_is_text) return compare_texts(comparison, left.as_text(), right.as_text());
  if (left_is_text) {
    const auto converted = read_as(right.kind(), left.as_text());
    return converted ? compare_converted(comparison, *converted, right) : Truth::failed;
  }
  if (right_is_text) {
    // Java casts the wrong one of the two here.
    if (left.is(Kind::boolean)) return Truth::failed;
    const auto converted = read_as(left.kind(), right.as_text());
    return converted ? compare_converted(comparison, left, *converted) : Truth::failed;
  }
  return compare_converted(comparison, left, right);
}

}  // namespace gantry::filter_sql92

#include "plugins/filter-sql92/comparison.hpp"

#include "plugins/filter-sql92/java_number.hpp"

#include <cstddef>
#include <cstring>
#include <optional>

namespace gantry::filter_sql92 {

namespace {

Truth truth_of(bool value) noexcept { return value ? Truth::yes : Truth::no; }

template <typename Word>
bool same_ends(const char* a, const char* b, std::size_t size) noexcept {
  const auto word = [](const char* at) {
    Word value;
    std::memcpy(&value, at, sizeof value);
    return value;
  };
  const std::size_t last = size - sizeof(Word);
  return ((word(a) ^ word(b)) | (word(a + last) ^ word(b + last))) == 0;
}

// Texts of ordinary length without a call: the first and the last word cover them.
bool same(std::string_view left, std::string_view right) noexcept {
  const std::size_t size = left.size();
  if (size != right.size()) return false;
  if (size > 16) return std::memcmp(left.data(), right.data(), size) == 0;
  if (size >= 8) return same_ends<std::uint64_t>(left.data(), right.data(), size);
  if (size >= 4) return same_ends<std::uint32_t>(left.data(), right.data(), size);
  for (std::size_t i = 0; i < size; ++i) {
    if (left[i] != right[i]) return false;
  }
  return true;
}

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

Truth compare_property(Comparison comparison, Value property, Value literal) noexcept {
  if (property.is_null()) return Truth::unknown;
  const std::string_view text = property.as_text();
  if (literal.is(Kind::text) && comparison == Comparison::equal) return truth_of(same(text, literal.as_text()));
  if (literal.is_integer()) {
    if (const auto plain = parse_plain(text)) {
      return judge(comparison, order_of(std::int64_t{*plain}, literal.as_integer()));
    }
  }
  return compare(comparison, property, literal);
}

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

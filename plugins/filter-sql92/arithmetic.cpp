#include "plugins/filter-sql92/arithmetic.hpp"

#include "plugins/filter-sql92/java_number.hpp"

#include <cmath>

namespace gantry::filter_sql92 {

namespace {

Value to_number(Value value) noexcept {
  if (value.is_number()) return value;
  if (!value.is(Kind::text)) return Value::null();
  if (const auto integer = parse_int64(value.as_text())) return Value::int64(*integer);
  if (const auto real = parse_double(value.as_text())) return Value::real(*real);
  return Value::null();
}

Value calculate_integers(Operation operation, std::int64_t left, std::int64_t right) noexcept {
  std::int64_t result = 0;
  bool overflows = false;
  switch (operation) {
    case Operation::add: overflows = __builtin_add_overflow(left, right, &result); break;
    case Operation::subtract: overflows = __builtin_sub_overflow(left, right, &result); break;
    case Operation::multiply: overflows = __builtin_mul_overflow(left, right, &result); break;
    case Operation::divide:
    case Operation::modulo:
      if (right == 0) return Value::null();
      if (right == -1) {  // the one division whose result may not fit, and which processors trap on
        if (operation == Operation::modulo) return Value::int64(0);
        overflows = __builtin_sub_overflow(std::int64_t{0}, left, &result);
        break;
      }
      result = operation == Operation::divide ? left / right : left % right;
      break;
  }
  return overflows ? Value::null() : Value::int64(result);
}

Value calculate_reals(Operation operation, double left, double right) noexcept {
  switch (operation) {
    case Operation::add: return Value::real(left + right);
    case Operation::subtract: return Value::real(left - right);
    case Operation::multiply: return Value::real(left * right);
    case Operation::divide: return right == 0 ? Value::null() : Value::real(left / right);
    case Operation::modulo: return right == 0 ? Value::null() : Value::real(std::fmod(left, right));
  }
  return Value::null();
}

}  // namespace

Value calculate(Operation operation, Value left, Value right) noexcept {
  left = to_number(left);
  right = to_number(right);
  if (left.is_null() || right.is_null()) return Value::null();
  if (left.is_integer() && right.is_integer()) {
    return calculate_integers(operation, left.as_integer(), right.as_integer());
  }
  return calculate_reals(operation, left.as_real(), right.as_real());
}

Value negate_converted(Value value) noexcept {
  value = to_number(value);
  if (value.is(Kind::real)) return Value::real(-value.as_real());
  return value.is_null() ? value : calculate_integers(Operation::subtract, 0, value.as_integer());
}

Value negate(Value value) noexcept {
  switch (value.kind()) {
    case Kind::int32:  // literals are not negative, so that neither can overflow; it wraps as Java's would
      return Value::int32(static_cast<std::int32_t>(0U - static_cast<std::uint32_t>(value.as_integer())));
    case Kind::int64:
      return Value::int64(static_cast<std::int64_t>(0U - static_cast<std::uint64_t>(value.as_integer())));
    case Kind::real: return Value::real(-value.as_real());
    default: return Value::null();
  }
}

}  // namespace gantry::filter_sql92

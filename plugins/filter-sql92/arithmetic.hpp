#pragma once
// Arithmetic of the extended language. RocketMQ has none; here what cannot be calculated is null.

#include "plugins/filter-sql92/value.hpp"

#include <cstdint>

namespace gantry::filter_sql92 {

enum class Operation : std::uint8_t { add, subtract, multiply, divide, modulo };

/// [any-thread], no allocation. A text counts as the Long that it is, else as the Double; what is neither, a Boolean
/// and null give null. Two integers give a Long, and null beyond 64 bits; with a Double on a side it gives a Double. A
/// division of integers cuts towards zero; the remainder has the sign of the left side; by zero is null.
Value calculate(Operation operation, Value left, Value right) noexcept;

/// The unary minus of the extended language, by the same rules.
Value negate_converted(Value value) noexcept;

/// RocketMQ's unary minus: the class stays, and what is no number becomes null, also a text with one in it.
Value negate(Value value) noexcept;

}  // namespace gantry::filter_sql92

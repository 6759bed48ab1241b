#pragma once
// How two values compare, as RocketMQ's evaluator does it. Source: class ComparisonExpression.

#include "plugins/filter-sql92/value.hpp"

#include <cstdint>

namespace gantry::filter_sql92 {

enum class Comparison : std::uint8_t { equal, less, less_equal, greater, greater_equal };

/// Three-valued logic, and the fourth way out: Java throws, and the message does not match whatever else the expression
/// says.
enum class Truth : std::uint8_t { no, yes, unknown, failed };

/// [any-thread], no allocation. The rules, in this order:
/// - Two nulls are equal. A null on the left is unknown; a null on the right is unknown for < <= > >=, but no for =.
/// - Two texts: equal byte by byte; for < <= > >= both are read as Double, and fail when one is no number.
/// - A text beside a number is read as that number's class, and fails when it is none of it ("1.0" is no Integer).
/// - A text left of a Boolean is read as Boolean; right of a Boolean it fails.
/// - A Boolean beside a number is not equal.
/// - Numbers are compared as the larger of their classes, Doubles by Double.compareTo.
/// A Boolean in < <= > >= only comes from a called function; it is unknown.
Truth compare(Comparison comparison, Value left, Value right) noexcept;

/// The same for a property, which is a text or null, beside a literal, which is no null: the usual cases first.
Truth compare_property(Comparison comparison, Value property, Value literal) noexcept;

}  // namespace gantry::filter_sql92

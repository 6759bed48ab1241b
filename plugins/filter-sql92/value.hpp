#pragma once
// What a term of an expression is worth for one message: a Java object of RocketMQ's evaluator in sixteen bytes.

#include <cstdint>
#include <string_view>

namespace gantry::filter_sql92 {

/// Java's classes: null, Boolean, Integer, Long, Double, String. Comparisons depend on which one a value is: "10.5"
/// compares with 5.0, but not with 5.
enum class Kind : std::uint8_t { null, boolean, int32, int64, real, text };

/// A value. Trivial, so that a stack of them costs nothing until it is used. A text is borrowed: from the message, from
/// the program, or from the evaluation's own memory.
class Value {
 public:
  Value() = default;

  static Value null() noexcept { return make(Kind::null, 0); }
  static Value boolean(bool value) noexcept { return make(Kind::boolean, value ? 1 : 0); }
  static Value int32(std::int32_t value) noexcept { return make(Kind::int32, value); }
  static Value int64(std::int64_t value) noexcept { return make(Kind::int64, value); }
  static Value real(double value) noexcept {
    Value made = make(Kind::real, 0);
    made.real_ = value;
    return made;
  }
  static Value text(std::string_view value) noexcept {
    Value made = make(Kind::text, 0);
    made.size_ = static_cast<std::uint32_t>(value.size());
    made.text_ = value.data();
    return made;
  }

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] bool is(Kind kind) const noexcept { return kind_ == kind; }
  [[nodiscard]] bool is_null() const noexcept { return kind_ == Kind::null; }
  [[nodiscard]] bool is_true() const noexcept { return kind_ == Kind::boolean && integer_ != 0; }
  [[nodiscard]] bool is_false() const noexcept { return kind_ == Kind::boolean && integer_ == 0; }
  [[nodiscard]] bool is_integer() const noexcept { return kind_ == Kind::int32 || kind_ == Kind::int64; }
  [[nodiscard]] bool is_number() const noexcept { return is_integer() || kind_ == Kind::real; }

  // Each for its own kind only; as_integer() also for booleans (0, 1), as_real() for every number.
  [[nodiscard]] std::int64_t as_integer() const noexcept { return integer_; }
  [[nodiscard]] double as_real() const noexcept { return kind_ == Kind::real ? real_ : static_cast<double>(integer_); }
  [[nodiscard]] std::string_view as_text() const noexcept { return {text_, size_}; }

 private:
  static Value make(Kind kind, std::int64_t integer) noexcept {
    Value made;
    made.kind_ = kind;
    made.size_ = 0;
    made.integer_ = integer;
    return made;
  }

  Kind kind_;
  std::uint32_t size_;  // of a text
  union {
    std::int64_t integer_;
    double real_;
    const char* text_;
  };
};

static_assert(sizeof(Value) == 16);

}  // namespace gantry::filter_sql92

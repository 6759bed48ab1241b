#pragma once
// How things fail here: a Result carries either a value or an Error that says what was being done, to what,
// what was expected and what was found. Nothing that runs per message throws.

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace gantry {

/// Kinds of failure that a caller may want to tell apart. The numbers are those of gantry/abi/types.h
/// (GANTRY_E_*), so that an Error crosses the plugin seam without a table.
enum class Errc : std::int32_t {
  ok = 0,
  invalid_argument = 1,  ///< the caller's input is wrong; repeating it will fail again
  not_found = 2,
  already_exists = 3,
  permission_denied = 4,
  busy = 5,         ///< a bound was reached; try again later
  would_block = 6,  ///< asked not to block, and the answer is not in memory
  full = 7,         ///< no space left
  unavailable = 8,  ///< not started, stopping, or switched off
  timed_out = 9,
  corrupt = 10,  ///< stored or received bytes are not what they must be
  io = 11,       ///< the operating system refused
  too_large = 12,
  unsupported = 13,
  internal = 14,  ///< our own fault
};

/// The short name of a code, as logs and tools print it.
constexpr std::string_view to_string(Errc code) noexcept {
  constexpr std::string_view names[] = {"ok",
                                        "invalid_argument",
                                        "not_found",
                                        "already_exists",
                                        "permission_denied",
                                        "busy",
                                        "would_block",
                                        "full",
                                        "unavailable",
                                        "timed_out",
                                        "corrupt",
                                        "io",
                                        "too_large",
                                        "unsupported",
                                        "internal"};
  const auto index = static_cast<std::size_t>(code);
  return index < std::size(names) ? names[index] : std::string_view("unknown");
}

/// What went wrong, for a person: `text` names the operation, the object, the expected and the found.
struct [[nodiscard]] Error {
  Errc code = Errc::internal;
  std::string text;

  /// "while <what>: <text>", for the layer that knows more than the one below.
  Error within(std::string_view what) && {
    text.insert(0, std::string(what) + ": ");
    return std::move(*this);
  }
};

/// Either a T or an Error. Check with `if (!result)`; read with `*result`; `result.error()` otherwise.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& operator*() & {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& operator*() const& {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& operator*() && {
    assert(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T* operator->() {
    assert(has_value());
    return std::get_if<0>(&state_);
  }
  const T* operator->() const {
    assert(has_value());
    return std::get_if<0>(&state_);
  }

  [[nodiscard]] const Error& error() const& {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  [[nodiscard]] Error&& error() && {
    assert(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] const Error& error() const& {
    assert(error_.has_value());
    return *error_;
  }
  [[nodiscard]] Error&& error() && {
    assert(error_.has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace gantry

#define GANTRY_RESULT_CONCAT_(a, b) a##b
#define GANTRY_RESULT_CONCAT(a, b) GANTRY_RESULT_CONCAT_(a, b)

/// Evaluates `expr`, a Result or Status; returns its Error from the enclosing function if there is one.
#define GANTRY_TRY(expr)                                                                \
  do {                                                                                  \
    if (auto gantry_try_ = (expr); !gantry_try_) return std::move(gantry_try_).error(); \
  } while (false)

/// `GANTRY_ASSIGN(auto value, expr)`: the value of the Result, or return its Error.
#define GANTRY_ASSIGN(decl, expr)                                             \
  auto GANTRY_RESULT_CONCAT(gantry_assign_, __LINE__) = (expr);               \
  if (!GANTRY_RESULT_CONCAT(gantry_assign_, __LINE__))                        \
    return std::move(GANTRY_RESULT_CONCAT(gantry_assign_, __LINE__)).error(); \
  decl = *std::move(GANTRY_RESULT_CONCAT(gantry_assign_, __LINE__))

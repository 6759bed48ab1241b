#pragma once
// Functions that expressions may call (gantry/abi/functions.h), as a filter plugin uses them:
//
//     Result<Function> risk = host.functions().resolve("risk", 1);       // when it compiles
//     std::optional<gantry_value> answer = risk->call({&country, 1}, message);  // for each message

#include "gantry/abi/functions.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/filter.hpp"
#include "gantry/sdk/result.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gantry::sdk {

// How the values are made. A text is borrowed: it must live until the call that it goes into returns.
constexpr gantry_value null_value() noexcept { return {GANTRY_VALUE_NULL, 0, 0, 0, {}}; }
constexpr gantry_value boolean_value(bool value) noexcept { return {GANTRY_VALUE_BOOL, 0, value ? 1 : 0, 0, {}}; }
constexpr gantry_value integer_value(std::int64_t value) noexcept { return {GANTRY_VALUE_INT64, 0, value, 0, {}}; }
constexpr gantry_value number_value(double value) noexcept { return {GANTRY_VALUE_DOUBLE, 0, 0, value, {}}; }
inline gantry_value text_value(std::string_view value) noexcept {
  return {GANTRY_VALUE_TEXT, 0, 0, 0, detail::to_bytes(value)};
}

/// A resolved function: a handle that is valid as long as the plugin's instance. Copies are equal.
class Function {
 public:
  Function(const gantry_functions* table, gantry_function* function) noexcept : table_(table), function_(function) {}

  /// [any-thread, concurrently] As many arguments as it was resolved with. Nothing when the call failed. A text in the
  /// answer is valid until the next call on this thread. Does not block.
  [[nodiscard]] std::optional<gantry_value> call(std::span<const gantry_value> arguments,
                                                 const FilterMessage& message) const noexcept {
    gantry_value out = null_value();
    if (table_->call(table_->context, function_, arguments.data(), static_cast<std::uint32_t>(arguments.size()),
                     &message.raw(), &out) != GANTRY_OK) {
      return std::nullopt;
    }
    return out;
  }

 private:
  const gantry_functions* table_;
  gantry_function* function_;
};

/// What the host provides; nothing when it has no provider. Valid as long as the plugin's instance.
class Functions {
 public:
  explicit Functions(const gantry_functions* table) noexcept : table_(table) {}

  /// Whether this host has a provider.
  explicit operator bool() const noexcept { return table_ != nullptr; }

  /// [any-thread] Errc::not_found names the function and what there is; Errc::unsupported: no provider.
  [[nodiscard]] Result<Function> resolve(std::string_view name, std::uint32_t argument_count) const {
    if (table_ == nullptr) return Error{Errc::unsupported, "this broker has no provider of functions"};
    std::array<char, 512> text;
    gantry_error error{text.data(), static_cast<std::uint32_t>(text.size()), 0};
    gantry_function* function = nullptr;
    const gantry_status status =
        table_->resolve(table_->context, detail::to_bytes(name), argument_count, &function, &error);
    if (status != GANTRY_OK) return Error{static_cast<Errc>(status), std::string(text.data(), error.size)};
    if (function == nullptr) return Error{Errc::internal, "a function was resolved into nothing"};
    return Function(table_, function);
  }

 private:
  const gantry_functions* table_;
};

}  // namespace gantry::sdk

#pragma once
// The checks of a store by subject; store_contract.cpp strings them together.

#include "sdk/check/store_contract.hpp"

namespace gantry::check {

[[nodiscard]] std::span<const StoreCheck> append_checks();
[[nodiscard]] std::span<const StoreCheck> read_checks();
[[nodiscard]] std::span<const StoreCheck> keep_checks();
[[nodiscard]] std::span<const StoreCheck> query_checks();
[[nodiscard]] std::span<const StoreCheck> concurrency_checks();

}  // namespace gantry::check

#include "sdk/check/store_contract.hpp"

#include "sdk/check/store_checks.hpp"

#include <exception>
#include <string>
#include <vector>

namespace gantry::check {

std::span<const StoreCheck> store_checks() {
  static const std::vector<StoreCheck> all = [] {
    std::vector<StoreCheck> list;
    for (const auto part : {append_checks(), read_checks(), keep_checks(), query_checks(), concurrency_checks()}) {
      list.insert(list.end(), part.begin(), part.end());
    }
    return list;
  }();
  return all;
}

Status run_store_check(const StoreCheck& check, StoreHarness& harness) {
  if (check.needs_persistence && !harness.persistent()) return {};
  GANTRY_TRY(harness.wipe());
  try {
    if (auto outcome = check.run(harness); !outcome) return std::move(outcome).error().within(check.name);
  } catch (const std::exception& error) {
    return Error{Errc::internal, std::string(check.name) + ": the store let an exception out: " + error.what()};
  }
  return {};
}

}  // namespace gantry::check

#pragma once
// The tools of a store plugin as the command line calls them.

#include "gantry/abi/store_tools.h"
#include "gantry/sdk/store_tools.hpp"

namespace gantry::plugin {

/// Turns a C table back into the C++ interface. `table` has been checked (extension_catalog.hpp); table and `self`
/// outlive this object. [control][configured, not started]
class StoreToolsAdapter final : public sdk::StoreTools {
 public:
  StoreToolsAdapter(const gantry_store_tools_table* table, void* self) noexcept : table_(table), self_(self) {}

  Status check(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status stat(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status dump(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status locate(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status rebuild(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;
  Status copy(const sdk::StoreQuestion& question, sdk::StoreReport& report) override;

 private:
  using Function = gantry_status (*)(void*, const gantry_store_question*, const gantry_store_report*, gantry_error*);
  Status call(Function function, const sdk::StoreQuestion& question, sdk::StoreReport& report);

  const gantry_store_tools_table* table_;
  void* self_;
};

}  // namespace gantry::plugin

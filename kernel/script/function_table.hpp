#pragma once
// What scripts export, as filter plugins call it: the host's gantry_functions.

#include "gantry/abi/functions.h"
#include "kernel/script/host.hpp"

#include <deque>
#include <mutex>
#include <string>

namespace gantry::script {

/// [any-thread] Handles stay callable as long as this lives, over reloads. Bound: handles_max names; further ones are
/// refused when an expression compiles.
class FunctionTable {
 public:
  static constexpr std::size_t handles_max = 4096;

  /// `host` outlives this.
  explicit FunctionTable(ScriptHost& host);
  FunctionTable(const FunctionTable&) = delete;
  FunctionTable& operator=(const FunctionTable&) = delete;

  [[nodiscard]] const gantry_functions& table() const noexcept { return table_; }

 private:
  static gantry_status resolve(void* self, gantry_bytes name, std::uint32_t argument_count, gantry_function** out,
                               gantry_error* error);
  static gantry_status call(void* self, gantry_function* function, const gantry_value* arguments, std::uint32_t count,
                            const gantry_filter_message* message, gantry_value* out);

  ScriptHost& host_;
  gantry_functions table_{};
  std::mutex mutex_;
  std::deque<std::string> names_;  // guarded by mutex_; a handle is the address of one, which stays
};

}  // namespace gantry::script

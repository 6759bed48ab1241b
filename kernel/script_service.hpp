#pragma once
// Joins the script room and the configuration: which scripts there are, and when their files are looked at again.

#include "kernel/base/clock.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/config/kernel_options.hpp"
#include "kernel/script/function_table.hpp"
#include "kernel/script/host.hpp"

#include <string>
#include <vector>

namespace gantry {

/// [control] unless a function says otherwise.
class ScriptService {
 public:
  ScriptService(const config::ScriptOptions& options, const Clock& clock, MetricsRegistry& metrics);

  [[nodiscard]] script::ScriptHost& host() noexcept { return host_; }
  [[nodiscard]] const script::ScriptHost& host() const noexcept { return host_; }
  /// [any-thread] What expressions may call.
  [[nodiscard]] const gantry_functions& functions() const noexcept { return functions_.table(); }

  /// At boot: what is wrong with any script ends it, as with the rest of a configuration.
  Status start();
  /// With new sections of scripts, after the configuration was read again.
  void reconfigure(std::vector<config::ScriptEntry> entries);
  /// Loads again when a file changed.
  void poll();
  /// Loads again at any rate, and lets scripts run again that were put aside. What came of it, as JSON.
  std::string reload();

 private:
  script::ScriptHost::Report load();

  std::vector<config::ScriptEntry> entries_;
  script::ScriptHost host_;
  script::FunctionTable functions_{host_};
};

/// Everything that is wrong with the scripts that a configuration names: they are loaded and tested as at boot.
std::vector<config::Finding> check_scripts(const config::ScriptOptions& options);

}  // namespace gantry

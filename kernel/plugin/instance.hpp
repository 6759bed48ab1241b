#pragma once
// One plugin of this process, from its loaded code to its end.

#include "gantry/abi/plugin.h"
#include "gantry/sdk/result.hpp"
#include "kernel/config/config.hpp"
#include "kernel/plugin/host_services.hpp"
#include "kernel/plugin/library.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::plugin {

enum class PluginState : std::uint8_t { loaded, configured, started, quiescing, stopped, failed };
std::string_view to_string(PluginState state) noexcept;

/// Walks a plugin through its life in the one order that the seam allows; each step is refused out of order.
///
/// Thread: [control], except state() which is [any-thread]. Destroyed on control, after everything that was obtained
/// through extension().
class PluginInstance {
 public:
  PluginInstance(LoadedPlugin loaded, HostBackend& backend);
  /// Destroys the plugin's object. When a callback of the plugin is still under way after five seconds, it is left
  /// alive instead: a leak in a process that ends is better than a crash.
  ~PluginInstance();
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;

  [[nodiscard]] const Manifest& manifest() const noexcept { return loaded_.manifest; }
  [[nodiscard]] PluginState state() const noexcept { return state_.load(std::memory_order_relaxed); }
  [[nodiscard]] HostServices::Faults faults() const { return services_->faults(); }

  /// Makes the object and hands it its options. `values` contains the section [plugins.<id>].
  Status configure(const config::Values& values);
  /// The table of an extension that the manifest lists, checked. After configure().
  Result<const void*> extension(std::string_view id);
  Status start();
  /// Hands over all options again when at least one of the plugin's own live ones changed.
  Status reconfigure(const config::Values& before, const config::Values& after);
  void quiesce();
  Status stop();

  /// First argument of the extensions' functions.
  [[nodiscard]] void* self() const noexcept { return self_; }

 private:
  Error failed(std::string_view doing, Error reason);
  Status require(PluginState expected, std::string_view doing) const;

  LoadedPlugin loaded_;
  std::unique_ptr<HostServices> services_;
  void* self_ = nullptr;
  std::atomic<PluginState> state_{PluginState::loaded};
};

}  // namespace gantry::plugin

#pragma once
// gantry_host for one plugin: translates the C calls to the HostBackend, and keeps count of what the plugin has under
// way, so that nothing of it runs after the plugin is gone.

#include "gantry/abi/host.h"
#include "kernel/plugin/host_backend.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::plugin {

/// Life: made before create(), destroyed after destroy(). close() comes after stop() and before destroy().
/// Bounds per plugin: `timers_max` pending timers (then BUSY), `metrics_max` metrics (then NULL), 4 KiB of a log line
/// or a fault's text.
class HostServices {
 public:
  static constexpr std::size_t timers_max = 4096;
  static constexpr std::size_t metrics_max = 1024;

  HostServices(std::string plugin_id, HostBackend& backend);
  ~HostServices();
  HostServices(const HostServices&) = delete;
  HostServices& operator=(const HostServices&) = delete;

  /// What create() is given. Valid as long as this object.
  [[nodiscard]] const gantry_host* table() const noexcept;

  /// [control] Refuses new work (UNAVAILABLE), drops pending timers, and waits until no callback of the plugin is under
  /// way, at most for `wait`. False when some still is: the plugin must then not be destroyed.
  [[nodiscard]] bool close(std::chrono::milliseconds wait);

  struct Faults {
    std::uint64_t degraded = 0;
    std::uint64_t fatal = 0;
    std::string last;  ///< text of the latest one
  };
  /// [any-thread]
  [[nodiscard]] Faults faults() const;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with posted tasks, which find it closed when they come late
};

}  // namespace gantry::plugin

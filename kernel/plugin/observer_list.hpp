#pragma once
// The observers (a draft extension point): told what happened, never in the way of it.

#include "gantry/abi/draft/observer.h"
#include "kernel/base/clock.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/plugin/failure_policy.hpp"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::plugin {

/// Built on control before traffic, constant afterwards except for the trip switches. Fails open: an observer that
/// fails too often is left alone for a while. [any-thread]
class ObserverList {
 public:
  ObserverList();
  ~ObserverList();
  ObserverList(const ObserverList&) = delete;
  ObserverList& operator=(const ObserverList&) = delete;

  void add(std::string plugin_id, const gantry_observer_table* table, void* self, TripLimits limits, const Clock& clock,
           gantry::Counter& errors);
  /// [control]
  void set_limits(std::string_view plugin_id, TripLimits limits);

  [[nodiscard]] bool empty() const noexcept { return links_.empty(); }
  [[nodiscard]] bool tripped(std::string_view plugin_id) const noexcept;

  /// [shard]
  void observe(std::span<const gantry_event> events) noexcept;

 private:
  struct Link;
  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace gantry::plugin

#pragma once
// What a broker is built from. kernel.cpp owns these; all of them outlive the Broker.

#include "gantry/sdk/store.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/broker/blocking_pool.hpp"
#include "kernel/broker/plugin_slots.hpp"
#include "kernel/routing/client_registry.hpp"
#include "kernel/routing/group_table.hpp"
#include "kernel/routing/offset_table.hpp"
#include "kernel/routing/persistence.hpp"
#include "kernel/routing/rebalance_locks.hpp"
#include "kernel/routing/topic_table.hpp"

#include <string>
#include <string_view>

namespace gantry::broker {

/// The process as administrators see it. Implemented by kernel.cpp.
class NodeControl {
 public:
  virtual ~NodeControl() = default;

  /// [any-thread] The configuration as Java properties text ("key=value" lines), without secrets.
  [[nodiscard]] virtual std::string describe_config() const = 0;

  /// [any-thread] The scripts and how they fare, as JSON.
  [[nodiscard]] virtual std::string describe_scripts() const = 0;
  /// [control] Reads all scripts again and lets those run again that were put aside. What came of it, as JSON.
  virtual std::string reload_scripts() = 0;

  /// [control] What clients may do with all topics is now this (4 read, 2 write), until the process ends: routes say
  /// so.
  virtual void permission_changed(int permission) = 0;

  /// [any-thread] The store cannot keep its promise any more (a sync failed, say): the node ends with an exit status
  /// that says so, because a store that goes on would acknowledge what a crash takes back. Returns at once; who waits
  /// for an acknowledgement has been told already.
  virtual void store_failed(std::string_view reason) = 0;
};

struct Environment {
  Shards& shards;
  Executor& control;
  const Clock& clock;
  sdk::Store& store;
  PluginSlots& plugins;
  BlockingPool& pool;
  MetricsRegistry& metrics;
  NodeControl& node;
  routing::TopicTable& topics;
  routing::GroupTable& groups;
  routing::OffsetTable& offsets;
  routing::ClientRegistry& clients;
  routing::RebalanceLocks& locks;
  routing::Persistence& persistence;
};

}  // namespace gantry::broker

#pragma once
// What plugins may ask of the process. kernel.cpp implements it over the real parts, tests with fakes; this room needs
// to know nothing of sockets, brokers and pools.

#include "gantry/abi/broker.h"
#include "gantry/abi/host.h"
#include "gantry/sdk/result.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/base/unique_function.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gantry::plugin {

enum class FaultSeverity : std::uint8_t { degraded = GANTRY_FAULT_DEGRADED, fatal = GANTRY_FAULT_FATAL };

/// Outlives all plugins. All functions are [any-thread] and do not block.
class HostBackend {
 public:
  virtual ~HostBackend() = default;

  [[nodiscard]] virtual const Clock& clock() const noexcept = 0;
  [[nodiscard]] virtual MetricsRegistry& metrics() noexcept = 0;
  /// The node's data folder, an absolute path that does not change.
  [[nodiscard]] virtual std::string_view data_folder() const noexcept = 0;
  /// What filter expressions may call; nullptr: nothing. The same pointer always.
  [[nodiscard]] virtual const gantry_functions* functions() const noexcept { return nullptr; }
  /// The control thread, for timers.
  [[nodiscard]] virtual Executor& control() noexcept = 0;

  /// False: the pool's queue is full and `task` will not run. What is accepted is run, also while the pool stops.
  [[nodiscard]] virtual bool run_blocking(UniqueFunction<void()> task) = 0;

  using PublishDone = UniqueFunction<void(const gantry_publish_outcome&)>;
  /// As gantry_host.publish; `done` is called exactly once after success and never after an Error.
  virtual Status publish(const gantry_outgoing& message, PublishDone done) = 0;

  // ---- gantry_broker (gantry/abi/broker.h); a process without a broker leaves these as they are ----

  /// False: there will be no broker, and none of what follows is called.
  [[nodiscard]] virtual bool has_broker() const noexcept { return false; }
  /// Runs `task` on the control thread once the broker serves; drops it when the process stops before.
  virtual void when_serving(UniqueFunction<void()> /*task*/) {}
  struct StoreTable {
    const gantry_store_table* table = nullptr;
    void* self = nullptr;
  };
  /// Empty before the plugins are configured.
  [[nodiscard]] virtual StoreTable store() const noexcept { return {}; }
  [[nodiscard]] virtual Result<gantry_topic_info> find_topic(std::string_view /*topic*/) { return no_broker(); }
  virtual Status ensure_topic(std::string_view /*topic*/, std::int32_t /*queues*/, std::uint32_t /*permission*/) {
    return no_broker();
  }
  [[nodiscard]] virtual Result<std::int64_t> find_offset(std::string_view /*group*/, std::string_view /*topic*/,
                                                         std::int32_t /*queue_id*/) {
    return no_broker();
  }
  virtual Status set_offset(std::string_view /*group*/, std::string_view /*topic*/, std::int32_t /*queue_id*/,
                            std::int64_t /*offset*/) {
    return no_broker();
  }
  using PublishManyDone = UniqueFunction<void(std::span<const gantry_publish_outcome>)>;
  /// As gantry_broker.publish_many. Calls with the same `sender` are stored in their order.
  virtual Status publish_many(const void* /*sender*/, std::vector<gantry_outgoing> /*messages*/,
                              PublishManyDone /*done*/) {
    return no_broker();
  }
  virtual Status ask_producer(std::string_view /*group*/, std::int32_t /*code*/,
                              std::span<const gantry_bytes> /*fields*/, std::string_view /*body*/) {
    return no_broker();
  }
  [[nodiscard]] virtual std::span<const std::int64_t> delay_levels() const noexcept { return {}; }
  [[nodiscard]] virtual std::string_view broker_name() const noexcept { return {}; }

  /// As gantry_host.answer; fields are name, value, name, value. An unknown ticket (answered before, timed out, session
  /// closed) is ignored.
  virtual void answer(std::uint64_t ticket, std::int32_t code, std::string_view remark,
                      std::span<const gantry_bytes> fields, std::string_view body) = 0;

  /// A plugin reports that it goes on with less, or that the node must stop serving. It has been logged already.
  virtual void fault(std::string_view plugin_id, FaultSeverity severity, std::string_view text) = 0;

 private:
  static Error no_broker() { return {Errc::unavailable, "this process runs no broker"}; }
};

}  // namespace gantry::plugin

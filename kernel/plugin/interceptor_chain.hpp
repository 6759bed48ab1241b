#pragma once
// The interceptors in the order of the configuration, with what happens when one of them fails.

#include "gantry/abi/interceptor.h"
#include "kernel/base/clock.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/plugin/failure_policy.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace gantry::plugin {

/// Built on control before traffic, constant afterwards except for policies and trip switches. [any-thread]
class InterceptorChain {
 public:
  InterceptorChain();
  ~InterceptorChain();
  InterceptorChain(const InterceptorChain&) = delete;
  InterceptorChain& operator=(const InterceptorChain&) = delete;

  /// `errors` counts failed batches. Everything outlives the chain.
  void add(std::string plugin_id, const gantry_interceptor_table* table, void* self, OnError on_error,
           TripLimits limits, const Clock& clock, gantry::Counter& errors);

  /// [control] New values of the plugin's options.
  void set_policy(std::string_view plugin_id, OnError on_error, TripLimits limits);

  [[nodiscard]] bool empty() const noexcept { return links_.empty(); }
  /// Whether the plugin was tripped by its failures and waits to be tried again.
  [[nodiscard]] bool tripped(std::string_view plugin_id) const noexcept;

  /// [shard] Runs the chain over messages that are about to be stored. Does not allocate while nothing fails and no
  /// interceptor accepts on error, nor after the first such batch of a thread.
  ///
  /// When an interceptor fails (or is tripped), the messages are as they were before it; its policy then accepts or
  /// rejects those that nobody rejected before. Rejected by policy means SYSTEM_ERROR, which clients try again
  /// elsewhere.
  void publish(std::span<gantry_publishing> messages, const gantry_scratch& scratch) noexcept;

  /// [any-thread] The same for messages that a consumer gave back.
  void send_back(std::span<gantry_publishing> messages, const gantry_scratch& scratch) noexcept;

 private:
  struct Link;
  using Function = gantry_status (*)(void* self, gantry_publishing* messages, std::uint64_t stride, std::uint64_t count,
                                     const gantry_scratch* scratch, gantry_error* error);
  static void run(Link& link, Function function, std::span<gantry_publishing> messages,
                  const gantry_scratch& scratch) noexcept;

  std::vector<std::unique_ptr<Link>> links_;
};

}  // namespace gantry::plugin

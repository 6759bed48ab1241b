#pragma once
// The shards of the process: threads that own connections.

#include "gantry/sdk/result.hpp"
#include "kernel/base/channel.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/base/metrics.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace gantry::net {

class Shard;

struct ShardPoolOptions {
  std::size_t shards = 1;                     ///< threads; at most 256
  std::size_t read_chunk_bytes = 256 * 1024;  ///< one read buffer per shard, shared by all of its connections

  /// Bytes of unfinished frames kept by all connections together. Above it, a connection that needs more than 16 KiB
  /// for its frame is closed, so that half-sent frames cannot exhaust the memory.
  std::size_t unfinished_bytes_max = 256 * 1024 * 1024;

  /// Copied bytes that wait for slow peers of all connections together (slices in mapped files do not count). Above it,
  /// connections with more than 64 KiB waiting are not read from.
  std::size_t out_bytes_max = 256 * 1024 * 1024;
};

/// N threads ("g-shard-0" ...), each with one event loop and the connections it owns.
///
/// Life, all [control]: construct, start(), quiesce(), stop(). Between the last two the rest of the kernel finishes
/// what it is doing; what it sends still leaves. Listeners and connectors refer to the pool and are closed before
/// stop(); handlers of connections outlive stop(). A pool is not started twice.
/// Bound: connections by the listeners' limits, each connection by its SessionLimits, unfinished frames by the options.
class ShardPool final : public Shards {
 public:
  ShardPool(const ShardPoolOptions& options, MetricsRegistry& metrics);
  ~ShardPool() override;
  ShardPool(const ShardPool&) = delete;
  ShardPool& operator=(const ShardPool&) = delete;

  /// Starts the threads. Fails with Errc::io when the system refuses one; then none runs.
  Status start();

  /// Connections read nothing any more, from now on. What is sent to them still leaves.
  void quiesce();

  /// Closes all connections after what waits for them was written, at the latest when `drain` has passed, then ends
  /// the threads. Every handler has heard on_close() when this returns. Also for a pool that was never started.
  void stop(std::chrono::milliseconds drain);

  /// [any-thread]
  [[nodiscard]] std::size_t count() const noexcept override;
  [[nodiscard]] Executor& at(ShardId shard) noexcept override;
  void with_channel(ChannelId channel, UniqueFunction<void(Channel*)> use) override;

  /// [any-thread] Open connections on all shards (those still closing included).
  [[nodiscard]] std::size_t connections() const noexcept;

  /// [any-thread] For this room: the shard itself, and the one with the fewest connections.
  [[nodiscard]] Shard& shard(ShardId id) noexcept;
  [[nodiscard]] Shard& least_loaded() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::net

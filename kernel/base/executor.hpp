#pragma once
// A thread that runs tasks in order: what the rest of the kernel knows of a shard or of the control thread.

#include "kernel/base/ids.hpp"
#include "kernel/base/unique_function.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gantry {

class Channel;

/// One thread with one event loop. Implemented by net; tests have their own (kernel/base/testing).
///
/// Life: tasks posted before the loop starts run when it does; after it stopped, tasks are destroyed without running.
/// Bound: the queue of posted tasks is not bounded here; posters bound what they post (one wake-up per queue and loop
/// turn, one task per deferred answer).
class Executor {
 public:
  using Task = UniqueFunction<void()>;
  using TimerId = std::uint64_t;

  virtual ~Executor() = default;

  /// [any-thread] Runs `task` on this thread, after those posted before it. Does not block.
  virtual void post(Task task) = 0;

  /// [any-thread] Whether the caller is this thread.
  [[nodiscard]] virtual bool runs_here() const noexcept = 0;

  /// [own thread] Runs `task` once, not earlier than after `delay`.
  virtual TimerId call_after(std::chrono::milliseconds delay, Task task) = 0;

  /// [own thread] A cancelled task is destroyed without running. Unknown and finished ids are ignored.
  virtual void cancel(TimerId timer) = 0;
};

/// All shards of the process, and the way to a connection from any thread.
class Shards {
 public:
  virtual ~Shards() = default;

  [[nodiscard]] virtual std::size_t count() const noexcept = 0;
  [[nodiscard]] virtual Executor& at(ShardId shard) noexcept = 0;

  /// [any-thread] Runs `use` on the shard that owns the channel, with nullptr when the channel is closed by then.
  virtual void with_channel(ChannelId channel, UniqueFunction<void(Channel*)> use) = 0;
};

}  // namespace gantry

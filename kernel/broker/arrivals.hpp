#pragma once
// Telling the shards that hold pulls of a queue that the queue has new messages.

#include "kernel/base/executor.hpp"
#include "kernel/base/ids.hpp"
#include "kernel/base/unique_function.hpp"
#include "kernel/routing/topic.hpp"

#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace gantry::broker {

/// One inbox per shard. A shard that holds pulls of a queue sets its bit in QueueState::waiting_shards and looks at the
/// queue once more; whoever appended to the queue takes all bits and puts the queue into the inboxes of those shards.
///
/// Both sides do a read-modify-write of the same atomic, so one of them comes second and sees what the other did
/// before: either the appender sees the bit, or the holder sees the message. Taking the bits also bounds the inboxes: a
/// queue is in one at most once until its shard has looked.
///
/// Thread: announce() on any thread. The inbox's mutex is held for one push or a swap of vectors.
class Arrivals {
 public:
  using Wake = UniqueFunction<void(std::span<routing::QueueState* const>)>;

  explicit Arrivals(Shards& shards);

  /// [control][before the loops run] `wake` runs on `shard`. The pointers it gets are keys: the queue may be gone.
  void attach(ShardId shard, Wake wake);

  /// [any-thread] The queue has messages that consumers may see. Costs one atomic exchange when nobody waits.
  void announce(routing::QueueState& queue) {
    const std::uint64_t waiting = queue.waiting_shards.exchange(0, std::memory_order_acq_rel);
    if (waiting != 0) post(queue, waiting);
  }

  /// [shard] From here on an announcement reaches `shard`; look at the queue after the call.
  static void listen(ShardId shard, routing::QueueState& queue) noexcept {
    queue.waiting_shards.fetch_or(std::uint64_t{1} << shard.value(), std::memory_order_acq_rel);
  }

 private:
  struct alignas(64) Inbox {
    std::mutex mutex;  // guards queues
    std::vector<routing::QueueState*> queues;
    std::vector<routing::QueueState*> taken;  // [shard] being worked off
    Wake wake;
  };
  void post(routing::QueueState& queue, std::uint64_t waiting);
  static void drain(Inbox& inbox);

  Shards& shards_;
  std::vector<std::unique_ptr<Inbox>> inboxes_;
};

}  // namespace gantry::broker

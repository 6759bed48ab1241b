#include "kernel/broker/arrivals.hpp"

#include "kernel/base/assert.hpp"

#include <utility>

namespace gantry::broker {

Arrivals::Arrivals(Shards& shards) : shards_(shards) {
  GANTRY_ASSERT(shards.count() <= 64, "a queue's mask of waiting shards has 64 bits");
  for (std::size_t i = 0; i < shards.count(); ++i) inboxes_.push_back(std::make_unique<Inbox>());
}

void Arrivals::attach(ShardId shard, Wake wake) { inboxes_[shard.value()]->wake = std::move(wake); }

void Arrivals::post(routing::QueueState& queue, std::uint64_t waiting) {
  for (; waiting != 0; waiting &= waiting - 1) {
    const auto shard = static_cast<std::uint32_t>(__builtin_ctzll(waiting));
    GANTRY_ASSERT(shard < inboxes_.size());
    Inbox* inbox = inboxes_[shard].get();
    bool first = false;
    {
      const std::lock_guard lock(inbox->mutex);
      first = inbox->queues.empty();
      inbox->queues.push_back(&queue);
    }
    // One task empties the inbox, so only the first entry posts it.
    if (first) shards_.at(ShardId(shard)).post([inbox] { drain(*inbox); });
  }
}

void Arrivals::drain(Inbox& inbox) {
  {
    const std::lock_guard lock(inbox.mutex);
    inbox.taken.swap(inbox.queues);
  }
  inbox.wake(inbox.taken);
  inbox.taken.clear();
}

}  // namespace gantry::broker

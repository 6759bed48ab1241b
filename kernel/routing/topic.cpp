#include "kernel/routing/topic.hpp"

#include "kernel/base/assert.hpp"

#include <utility>

namespace gantry::routing {

namespace {

std::uint64_t next_life() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

TopicQueues::TopicQueues() : choice_(0), life_(next_life()) {}

TopicQueues::~TopicQueues() = default;

void TopicQueues::grow(std::int32_t count) {
  GANTRY_ASSERT(count <= count_max, "the caller bounds the number of queues");
  std::uint32_t begin = 0;
  std::uint32_t size = first_size;
  for (std::unique_ptr<QueueState[]>& segment : segments_) {
    if (count <= 0 || begin >= static_cast<std::uint32_t>(count)) break;
    if (!segment) segment = std::make_unique<QueueState[]>(size);
    begin += size;
    size *= 2;
  }
}

Topic::Topic(protocol::TopicConfig config, TopicTraits traits, std::shared_ptr<TopicQueues> queues)
    : config_(std::move(config)), traits_(traits), queues_(std::move(queues)) {}

Result<gantry_queue*> Topic::open(sdk::Store& store, std::int32_t id) const {
  QueueState* state = queue(id);
  GANTRY_ASSERT(state != nullptr, "the caller checked the queue id");
  if (gantry_queue* opened = state->handle.load(std::memory_order_acquire); opened != nullptr) return opened;
  // Two shards may both come here: the store gives the same handle twice.
  GANTRY_ASSIGN(gantry_queue * opened, store.open_queue(name(), id));
  state->handle.store(opened, std::memory_order_release);
  return opened;
}

}  // namespace gantry::routing

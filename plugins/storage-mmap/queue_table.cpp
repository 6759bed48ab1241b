#include "plugins/storage-mmap/queue_table.hpp"

#include <algorithm>

namespace gantry::storage_mmap {

MessageQueue* QueueTable::open(std::string_view topic, std::int32_t id) {
  auto& stripe = stripe_of(topic);
  const std::lock_guard lock(stripe.mutex);
  auto found = stripe.topics.find(topic);
  if (found == stripe.topics.end()) found = stripe.topics.try_emplace(std::string(topic)).first;
  auto& ids = found->second;
  const auto at = std::lower_bound(ids.begin(), ids.end(), id,
                                   [](const MessageQueue* queue, std::int32_t wanted) { return queue->id() < wanted; });
  if (at != ids.end() && (*at)->id() == id) return *at;
  auto queue = std::make_unique<MessageQueue>(std::string(topic), id, next_number_.fetch_add(1));
  auto* made = queue.get();
  stripe.queues.push_back(std::move(queue));
  ids.insert(at, made);
  return made;
}

MessageQueue* QueueTable::find(std::string_view topic, std::int32_t id) const {
  auto& stripe = stripe_of(topic);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.topics.find(topic);
  if (found == stripe.topics.end()) return nullptr;
  const auto& ids = found->second;
  const auto at = std::lower_bound(ids.begin(), ids.end(), id,
                                   [](const MessageQueue* queue, std::int32_t wanted) { return queue->id() < wanted; });
  return at != ids.end() && (*at)->id() == id ? *at : nullptr;
}

std::vector<MessageQueue*> QueueTable::take(std::string_view topic) {
  auto& stripe = stripe_of(topic);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.topics.find(topic);
  if (found == stripe.topics.end()) return {};
  auto taken = std::move(found->second);
  stripe.topics.erase(found);
  return taken;
}

std::vector<MessageQueue*> QueueTable::all() const {
  std::vector<MessageQueue*> queues;
  for (auto& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    for (const auto& [topic, ids] : stripe.topics) queues.insert(queues.end(), ids.begin(), ids.end());
  }
  return queues;
}

}  // namespace gantry::storage_mmap

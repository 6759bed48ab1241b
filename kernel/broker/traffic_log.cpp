#include "kernel/broker/traffic_log.hpp"

#include <algorithm>
#include <utility>

namespace gantry::broker {

void TrafficLog::Window::add(std::chrono::milliseconds at, std::int64_t total) {
  // The newest sample moves until it is a step away from the one before.
  if (samples_.size() >= 2 && samples_.back().at - samples_[samples_.size() - 2].at < step_) samples_.pop_back();
  samples_.push_back({at, total});
  if (samples_.size() > count_) samples_.erase(samples_.begin());
}

protocol::BrokerStatsData::Item TrafficLog::Window::item() const {
  protocol::BrokerStatsData::Item item;
  if (samples_.size() < 2) return item;
  item.sum = std::max<std::int64_t>(samples_.back().total - samples_.front().total, 0);
  const double seconds = std::chrono::duration<double>(samples_.back().at - samples_.front().at).count();
  item.tps = seconds <= 0 ? 0 : static_cast<double>(item.sum) / seconds;
  item.average_per_tick = item.sum > 0 ? 1 : 0;
  return item;
}

void TrafficLog::note(std::string key, std::chrono::milliseconds at, std::int64_t total) {
  if (const auto known = items_.find(key); known != items_.end()) {
    Item& item = known->second;
    // A reset that went back is no traffic; what comes after it counts from there.
    for (Window* window : {&item.minute, &item.hour, &item.day}) window->add(at, total);
    return;
  }
  const auto [quiet, is_new] = quiet_.try_emplace(std::move(key), total);
  // What appears while we watch began at nothing.
  const std::int64_t before = is_new && sampled_ ? 0 : quiet->second;
  if (before == total) return;
  Item& item = items_[quiet->first];
  for (Window* window : {&item.minute, &item.hour, &item.day}) {
    window->add(at - std::chrono::seconds(10), before);
    window->add(at, total);
  }
  quiet_.erase(quiet);
}

void TrafficLog::sample(const Clock& clock, const routing::TopicTable& topics, const routing::OffsetTable& offsets,
                        sdk::Store& store) {
  const std::chrono::milliseconds now = clock.steady();
  const auto image = topics.image();
  const protocol::ConsumerOffsetTable progress = offsets.image();
  const std::lock_guard lock(mutex_);
  for (const auto& topic : image.topics) {
    std::int64_t total = 0;
    for (std::int32_t id = 0; id < topic->queue_count(); ++id) {
      gantry_queue* queue = topic->queue(id)->handle.load(std::memory_order_acquire);
      if (queue != nullptr) total += store.bounds(queue).max;
    }
    if (total > 0) note(std::string(topic->name()), now, total);
  }
  for (const auto& [key, queues] : progress.offsets) {
    std::int64_t total = 0;
    for (const auto& [id, offset] : queues) total += offset;
    if (total > 0) note(key, now, total);
  }
  sampled_ = true;
}

std::optional<protocol::BrokerStatsData> TrafficLog::find(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(key);
  if (found == items_.end()) return std::nullopt;
  return protocol::BrokerStatsData{found->second.minute.item(), found->second.hour.item(), found->second.day.item()};
}

}  // namespace gantry::broker

#include "kernel/routing/rebalance_locks.hpp"

#include <algorithm>
#include <functional>

namespace gantry::routing {

std::size_t RebalanceLocks::QueueHash::operator()(const protocol::MessageQueue& queue) const noexcept {
  const std::hash<std::string_view> hash;
  return (hash(queue.topic) * 31 + hash(queue.broker_name)) * 31 + static_cast<std::uint32_t>(queue.queue_id);
}

RebalanceLocks::RebalanceLocks(const Clock& clock, RebalanceLockOptions options) : clock_(clock), options_(options) {}

RebalanceLocks::Stripe& RebalanceLocks::stripe_of(std::string_view group) const noexcept {
  return stripes_[std::hash<std::string_view>{}(group) % stripe_count];
}

bool RebalanceLocks::live(const Holder& holder, std::chrono::milliseconds now) const noexcept {
  return now - holder.since <= options_.lifetime;
}

std::vector<protocol::MessageQueue> RebalanceLocks::lock(std::string_view group, std::string_view client_id,
                                                         std::span<const protocol::MessageQueue> queues) {
  std::vector<protocol::MessageQueue> held;
  if (queues.empty()) return held;
  const std::chrono::milliseconds now = clock_.steady();
  Stripe& stripe = stripe_of(group);
  const std::lock_guard guard(stripe.mutex);
  auto locks = stripe.groups.find(group);
  if (locks == stripe.groups.end()) {
    // Each stripe has its share of the bound, which spares a counter that all stripes would write.
    if (stripe.groups.size() >= options_.groups_max / stripe_count + 1) return held;
    locks = stripe.groups.emplace(std::string(group), GroupLocks{}).first;
  }
  for (const protocol::MessageQueue& queue : queues) {
    auto lock = locks->second.find(queue);
    if (lock == locks->second.end()) {
      if (locks->second.size() >= options_.locks_per_group_max) continue;
      lock = locks->second.emplace(queue, Holder{std::string(client_id), now}).first;
    } else if (lock->second.client_id != client_id) {
      if (live(lock->second, now)) continue;
      lock->second.client_id = client_id;
    }
    lock->second.since = now;
    held.push_back(queue);
  }
  return held;
}

void RebalanceLocks::unlock(std::string_view group, std::string_view client_id,
                            std::span<const protocol::MessageQueue> queues) {
  Stripe& stripe = stripe_of(group);
  const std::lock_guard guard(stripe.mutex);
  const auto locks = stripe.groups.find(group);
  if (locks == stripe.groups.end()) return;
  for (const protocol::MessageQueue& queue : queues) {
    const auto lock = locks->second.find(queue);
    if (lock != locks->second.end() && lock->second.client_id == client_id) locks->second.erase(lock);
  }
  if (locks->second.empty()) stripe.groups.erase(locks);
}

bool RebalanceLocks::holds_any(std::string_view group) const {
  const std::chrono::milliseconds now = clock_.steady();
  const Stripe& stripe = stripe_of(group);
  const std::lock_guard guard(stripe.mutex);
  const auto locks = stripe.groups.find(group);
  if (locks == stripe.groups.end()) return false;
  return std::any_of(locks->second.begin(), locks->second.end(),
                     [&](const auto& lock) { return live(lock.second, now); });
}

std::size_t RebalanceLocks::expire() {
  const std::chrono::milliseconds now = clock_.steady();
  std::size_t dropped = 0;
  for (Stripe& stripe : stripes_) {
    const std::lock_guard guard(stripe.mutex);
    for (auto locks = stripe.groups.begin(); locks != stripe.groups.end();) {
      dropped += std::erase_if(locks->second, [&](const auto& lock) { return !live(lock.second, now); });
      locks = locks->second.empty() ? stripe.groups.erase(locks) : std::next(locks);
    }
  }
  return dropped;
}

void RebalanceLocks::remove_group(std::string_view group) {
  Stripe& stripe = stripe_of(group);
  const std::lock_guard guard(stripe.mutex);
  if (const auto locks = stripe.groups.find(group); locks != stripe.groups.end()) stripe.groups.erase(locks);
}

}  // namespace gantry::routing

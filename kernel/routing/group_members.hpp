#pragma once
// The members of one consumer group and the union of what they subscribe to; what ClientRegistry keeps per group.

#include "kernel/routing/client_registry.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gantry::routing {

/// Counts who wants what, so that a member that comes or goes costs as much as its own subscriptions, however many
/// others there are. A resource of one group; the caller locks.
class SubscriptionUnion {
 public:
  using Subscription = ConsumerGroup::Subscription;
  using Subscriptions = std::vector<Subscription>;  ///< of one member, sorted by topic

  struct Change {
    bool topics = false;        ///< a topic came or went
    bool any = false;           ///< something did, be it a version
    bool disagreement = false;  ///< another member wants other messages of a topic than this one
  };

  /// What a member that had `before` says now. Entries whose version is not larger than before are kept, as are those
  /// that another member already brought (to share them).
  Subscriptions merge(const Subscriptions& before, const std::vector<protocol::SubscriptionData>& said) const;

  /// Takes the member's subscriptions from `before` to `after`. `others(topic, visit)` shows the subscription of every
  /// member (as they are after the change) to that topic; it is called only when a topic's newest version left.
  template <typename Others>
  Change replace(const Subscriptions& before, const Subscriptions& after, Others&& others);

  [[nodiscard]] Subscriptions all() const;
  [[nodiscard]] std::size_t size() const noexcept { return topics_.size(); }
  [[nodiscard]] bool empty() const noexcept { return topics_.empty(); }

 private:
  struct Topic {
    Subscription newest;
    std::size_t members = 0;  // that subscribe to the topic
    std::size_t holders = 0;  // that subscribe with `newest`
  };

  void add(const Subscription& subscription, bool had_topic, Change& change);
  static bool contains(const Subscriptions& sorted, std::string_view topic) noexcept;

  std::map<std::string, Topic, std::less<>> topics_;
};

template <typename Others>
SubscriptionUnion::Change SubscriptionUnion::replace(const Subscriptions& before, const Subscriptions& after,
                                                     Others&& others) {
  Change change;
  // Added first: a topic that stays is never without members in between.
  for (const Subscription& subscription : after) add(subscription, contains(before, subscription->topic), change);
  for (const Subscription& subscription : before) {
    const auto found = topics_.find(subscription->topic);
    Topic& topic = found->second;
    if (--topic.members == 0) {
      topics_.erase(found);
      change.topics = change.any = true;
      continue;
    }
    if (topic.newest != subscription || --topic.holders > 0) continue;
    topic.newest = nullptr;
    others(found->first, [&topic](const Subscription& candidate) {
      if (topic.newest == nullptr || candidate->version > topic.newest->version) {
        topic.newest = candidate;
        topic.holders = 0;
      }
      if (candidate == topic.newest) ++topic.holders;
    });
    change.any = true;
  }
  return change;
}

}  // namespace gantry::routing

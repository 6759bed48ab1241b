#include "kernel/routing/group_members.hpp"

#include <algorithm>

namespace gantry::routing {

namespace {

bool same_messages(const protocol::SubscriptionData& a, const protocol::SubscriptionData& b) {
  return a.expression == b.expression && a.expression_type == b.expression_type && a.tag_codes == b.tag_codes;
}

}  // namespace

SubscriptionUnion::Subscriptions SubscriptionUnion::merge(const Subscriptions& before,
                                                          const std::vector<protocol::SubscriptionData>& said) const {
  std::vector<const protocol::SubscriptionData*> sorted;
  sorted.reserve(said.size());
  for (const protocol::SubscriptionData& subscription : said) sorted.push_back(&subscription);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->topic < b->topic; });

  Subscriptions merged;
  merged.reserve(sorted.size());
  auto known = before.begin();
  for (const protocol::SubscriptionData* subscription : sorted) {
    if (!merged.empty() && merged.back()->topic == subscription->topic) continue;
    while (known != before.end() && (*known)->topic < subscription->topic) ++known;
    if (known != before.end() && (*known)->topic == subscription->topic && (*known)->version >= subscription->version) {
      merged.push_back(*known);
      continue;
    }
    const auto shared = topics_.find(subscription->topic);
    merged.push_back(shared != topics_.end() && *shared->second.newest == *subscription
                         ? shared->second.newest
                         : std::make_shared<const protocol::SubscriptionData>(*subscription));
  }
  return merged;
}

bool SubscriptionUnion::contains(const Subscriptions& sorted, std::string_view topic) noexcept {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), topic,
                                      [](const Subscription& a, std::string_view b) { return a->topic < b; });
  return found != sorted.end() && (*found)->topic == topic;
}

void SubscriptionUnion::add(const Subscription& subscription, bool had_topic, Change& change) {
  const auto [found, is_new] = topics_.try_emplace(subscription->topic);
  Topic& topic = found->second;
  ++topic.members;
  if (is_new) {
    topic.newest = subscription;
    topic.holders = 1;
    change.topics = change.any = true;
    return;
  }
  if (topic.newest == subscription) {
    ++topic.holders;
    return;
  }
  // The member's own former subscription is still counted, if it had one; others are who may disagree.
  const std::size_t others = topic.members - 1 - (had_topic ? 1 : 0);
  if (others > 0 && !same_messages(*topic.newest, *subscription)) change.disagreement = true;
  if (subscription->version <= topic.newest->version) return;
  topic.newest = subscription;
  topic.holders = 1;
  change.any = true;
}

SubscriptionUnion::Subscriptions SubscriptionUnion::all() const {
  Subscriptions subscriptions;
  subscriptions.reserve(topics_.size());
  for (const auto& [name, topic] : topics_) subscriptions.push_back(topic.newest);
  return subscriptions;
}

}  // namespace gantry::routing

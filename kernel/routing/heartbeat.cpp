#include "kernel/routing/heartbeat.hpp"

#include "protocol/names.hpp"

#include <algorithm>

namespace gantry::routing {

namespace {

bool any_ordered(const std::vector<protocol::SubscriptionData>& subscriptions, const TopicTable& topics) {
  return std::any_of(subscriptions.begin(), subscriptions.end(), [&topics](const auto& subscription) {
    if (protocol::is_retry_topic(subscription.topic)) return false;
    const std::shared_ptr<const Topic> topic = topics.find(subscription.topic);
    return topic && topic->config().order;
  });
}

/// False when the group's retry topic cannot exist, so that its members could never be served whole.
bool ensure_retry_topic(const protocol::ConsumerData& consumer, const Group& group, bool knows_subscriptions,
                        TopicTable& topics, HeartbeatOutcome& outcome) {
  const bool existed = topics.find(protocol::retry_topic(consumer.group)) != nullptr;
  const bool order = knows_subscriptions && any_ordered(consumer.subscriptions, topics);
  const auto topic = topics.ensure_retry_topic(consumer.group, group.config().retry_queue_count,
                                               knows_subscriptions ? &order : nullptr);
  if (topic && !existed) outcome.topics_created = true;
  return topic.has_value();
}

}  // namespace

HeartbeatOutcome apply_heartbeat(const Client& client, const protocol::HeartbeatData& heartbeat, TopicTable& topics,
                                 GroupTable& groups, ClientRegistry& clients) {
  HeartbeatOutcome outcome;
  const bool second_version = heartbeat.fingerprint != 0;
  outcome.subscriptions_changed = !second_version;
  std::size_t count = 0;
  for (const protocol::ConsumerData& consumer : heartbeat.consumers) {
    if (++count > protocol::heartbeat_group_count_max) {
      outcome.refused_groups += heartbeat.consumers.size() - protocol::heartbeat_group_count_max;
      break;
    }
    const auto group = groups.find_or_create(consumer.group);
    const bool knows_subscriptions = !heartbeat.without_subscriptions;
    if (!group || !ensure_retry_topic(consumer, **group, knows_subscriptions, topics, outcome)) {
      ++outcome.refused_groups;
      continue;
    }
    ConsumerRegistration registration;
    registration.group = consumer.group;
    registration.consume_type = consumer.consume_type;
    registration.message_model = consumer.message_model;
    registration.consume_from = consumer.consume_from;
    registration.subscriptions = knows_subscriptions ? &consumer.subscriptions : nullptr;
    registration.notify = (*group)->config().notify_consumer_ids_changed_enable;
    if (clients.register_consumer(client, registration, outcome.notices) == RegisterOutcome::refused_full) {
      ++outcome.refused_groups;
      continue;
    }
    if (second_version && clients.fingerprint_changed(consumer.group, heartbeat.fingerprint)) {
      outcome.subscriptions_changed = true;
    }
  }
  count = 0;
  for (const std::string& group : heartbeat.producer_groups) {
    if (++count > protocol::heartbeat_group_count_max) {
      outcome.refused_groups += heartbeat.producer_groups.size() - protocol::heartbeat_group_count_max;
      break;
    }
    if (!protocol::is_group_name(group) || clients.register_producer(client, group) == RegisterOutcome::refused_full) {
      ++outcome.refused_groups;
    }
  }
  return outcome;
}

}  // namespace gantry::routing

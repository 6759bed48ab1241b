#include "protocol/heartbeat.hpp"

#include "protocol/java_hash.hpp"
#include "protocol/json_common_shapes.hpp"

#include <algorithm>

namespace gantry::protocol {

namespace detail {

/// Producers come as objects with one member.
struct ProducerName {
  std::string group;
};

template <>
struct Shape<ProducerName> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("groupName", d.group);
  }
};

template <>
struct Shape<ConsumerData> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("consumeFromWhere", d.consume_from);
    v.member("consumeType", d.consume_type);
    v.member("groupName", d.group);
    v.member("messageModel", d.message_model);
    v.member("subscriptionDataSet", d.subscriptions);
    v.member("unitMode", d.unit_mode);
  }
};

/// HeartbeatData with producers in their wire form.
struct WireHeartbeat {
  HeartbeatData data;
  std::vector<ProducerName> producers;
};

template <>
struct Shape<WireHeartbeat> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("clientID", d.data.client_id);
    v.member("consumerDataSet", d.data.consumers);
    v.member("heartbeatFingerprint", d.data.fingerprint);
    v.member("producerDataSet", d.producers);
    v.member("withoutSub", d.data.without_subscriptions);
  }
};

template <>
struct Shape<CheckClientConfigBody> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("clientId", d.client_id);
    v.member("group", d.group);
    v.member_unless_empty("namespace", d.client_namespace);
    v.member("subscriptionData", d.subscription);
  }
};

}  // namespace detail

template <>
Result<HeartbeatData> decode_body(std::string_view json) {
  GANTRY_ASSIGN(detail::WireHeartbeat wire, detail::decode_shape<detail::WireHeartbeat>(json));
  const std::size_t group_count = std::max(wire.producers.size(), wire.data.consumers.size());
  if (group_count > heartbeat_group_count_max) {
    return Error{Errc::too_large, "reading a heartbeat: expected at most " + std::to_string(heartbeat_group_count_max) +
                                      " groups of a kind, found " + std::to_string(group_count)};
  }
  wire.data.producer_groups.reserve(wire.producers.size());
  for (auto& producer : wire.producers) wire.data.producer_groups.push_back(std::move(producer.group));
  return std::move(wire.data);
}

template <>
std::string encode_body(const HeartbeatData& body, JsonStyle style) {
  detail::WireHeartbeat wire{body, {}};
  for (const auto& group : body.producer_groups) wire.producers.push_back({group});
  return detail::encode_shape(wire, style);
}

GANTRY_JSON_BODY(SubscriptionData)
GANTRY_JSON_BODY(CheckClientConfigBody)

std::string_view to_string(ConsumeType type) noexcept {
  return detail::EnumShape<ConsumeType>::names[static_cast<std::size_t>(type)];
}
std::string_view to_string(MessageModel model) noexcept {
  return detail::EnumShape<MessageModel>::names[static_cast<std::size_t>(model)];
}
std::string_view to_string(ConsumeFrom from) noexcept {
  return detail::EnumShape<ConsumeFrom>::names[static_cast<std::size_t>(from)];
}

SubscriptionData make_tag_subscription(std::string_view topic, std::string_view expression, std::int64_t version) {
  SubscriptionData subscription;
  subscription.topic = topic;
  subscription.version = version;
  if (expression.empty() || expression == "*") return subscription;
  subscription.expression = expression;
  while (!expression.empty()) {
    const std::size_t size = std::min(expression.find("||"), expression.size());
    std::string_view tag = expression.substr(0, size);
    expression.remove_prefix(std::min(size + 2, expression.size()));
    while (!tag.empty() && tag.front() == ' ') tag.remove_prefix(1);
    while (!tag.empty() && tag.back() == ' ') tag.remove_suffix(1);
    if (tag.empty()) continue;
    subscription.tags.emplace_back(tag);
    subscription.tag_codes.push_back(java_hash(tag));
  }
  return subscription;
}

}  // namespace gantry::protocol

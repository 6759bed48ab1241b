#include "protocol/group_config.hpp"

#include "protocol/json_common_shapes.hpp"

namespace gantry::protocol {

namespace detail {

template <>
struct Shape<ExponentialRetry> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("initial", d.initial_ms);
    v.member("max", d.max_ms);
    v.member("multiplier", d.multiplier);
  }
};

/// The customised policy is an object with one member, which is left out while nothing was customised.
struct CustomizedPolicy {
  std::vector<std::int64_t> next_ms;
};

template <>
struct Shape<CustomizedPolicy> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("next", d.next_ms);
  }
};

template <>
struct Shape<GroupRetryPolicy> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    std::optional<CustomizedPolicy> customized;
    if (!d.customized_next_ms.empty()) customized = CustomizedPolicy{d.customized_next_ms};
    v.member("customizedRetryPolicy", customized);
    if constexpr (!std::is_const_v<D>) {
      if (customized) d.customized_next_ms = customized->next_ms;
    }
    v.member("exponentialRetryPolicy", d.exponential);
    v.member("type", d.type);
  }
};

template <>
struct Shape<SimpleSubscriptionData> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("expression", d.expression);
    v.member("expressionType", d.expression_type);
    v.member("topic", d.topic);
    v.member("version", d.version);
  }
};

template <>
struct Shape<SubscriptionGroupConfig> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("attributes", d.attributes);
    v.member("brokerId", d.broker_id);
    v.member("consumeBroadcastEnable", d.consume_broadcast_enable);
    v.member("consumeEnable", d.consume_enable);
    v.member("consumeFromMinEnable", d.consume_from_min_enable);
    v.member("consumeMessageOrderly", d.consume_message_orderly);
    v.member("consumeTimeoutMinute", d.consume_timeout_minutes);
    v.member("groupName", d.group_name);
    v.member("groupRetryPolicy", d.retry_policy);
    v.member("groupSysFlag", d.group_sys_flag);
    v.member("notifyConsumerIdsChangedEnable", d.notify_consumer_ids_changed_enable);
    v.member("retryMaxTimes", d.retry_count_max);
    v.member("retryQueueNums", d.retry_queue_count);
    v.member_unless_empty("subscriptionDataSet", d.subscriptions);
    v.member("whichBrokerWhenConsumeSlowly", d.which_broker_when_consume_slowly);
  }
};

template <>
struct Shape<SubscriptionGroupTable> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("dataVersion", d.data_version);
    v.member("forbiddenTable", d.forbidden);
    v.member("subscriptionGroupTable", d.groups);
  }
};

template <>
struct Shape<SubscriptionGroupList> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("groupConfigList", d.groups);
  }
};

}  // namespace detail

GANTRY_JSON_BODY(SubscriptionGroupConfig)
GANTRY_JSON_BODY(SubscriptionGroupTable)
GANTRY_JSON_BODY(SubscriptionGroupList)

}  // namespace gantry::protocol

#pragma once
// What a consumer group is allowed. Source: classes SubscriptionGroupConfig, SubscriptionGroupWrapper; file
// config/subscriptionGroup.json.

#include "protocol/data_version.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::protocol {

/// Waits that grow by a factor from one delivery to the next.
struct ExponentialRetry {
  std::int64_t initial_ms = 5000;
  std::int64_t max_ms = 7200000;
  std::int64_t multiplier = 2;
  friend bool operator==(const ExponentialRetry&, const ExponentialRetry&) = default;
};

/// How long a message waits before its next delivery; only POP proxies use it.
struct GroupRetryPolicy {
  std::string type = "CUSTOMIZED";  ///< or "EXPONENTIAL"
  std::vector<std::int64_t> customized_next_ms{};
  std::optional<ExponentialRetry> exponential{};
  friend bool operator==(const GroupRetryPolicy&, const GroupRetryPolicy&) = default;
};

/// A subscription that an operator fixed for a group.
struct SimpleSubscriptionData {
  std::string topic{};
  std::string expression{};
  std::string expression_type{};
  std::int64_t version = 0;
  friend bool operator==(const SimpleSubscriptionData&, const SimpleSubscriptionData&) = default;
};

/// The body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP(200), the answer to GET_SUBSCRIPTIONGROUP_CONFIG(352).
/// Decoded and encoded.
struct SubscriptionGroupConfig {
  std::string group_name{};
  bool consume_enable = true;
  bool consume_from_min_enable = true;
  bool consume_broadcast_enable = true;
  bool consume_message_orderly = false;
  std::int32_t retry_queue_count = 1;
  std::int32_t retry_count_max = 16;
  GroupRetryPolicy retry_policy{};
  std::int64_t broker_id = 0;
  std::int64_t which_broker_when_consume_slowly = 1;
  bool notify_consumer_ids_changed_enable = true;
  std::int32_t group_sys_flag = 0;
  std::int32_t consume_timeout_minutes = 15;
  std::vector<SimpleSubscriptionData> subscriptions{};  ///< left out when empty
  std::map<std::string, std::string> attributes{};
  friend bool operator==(const SubscriptionGroupConfig&, const SubscriptionGroupConfig&) = default;
};
template <>
Result<SubscriptionGroupConfig> decode_body(std::string_view json);
template <>
std::string encode_body(const SubscriptionGroupConfig& body, JsonStyle style);

/// All groups of a broker: the answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG(201) and, as JsonStyle::file, the file
/// config/subscriptionGroup.json. Decoded and encoded.
struct SubscriptionGroupTable {
  std::map<std::string, SubscriptionGroupConfig> groups{};
  std::map<std::string, std::map<std::string, std::int32_t>> forbidden{};  ///< group -> topic -> bits
  DataVersion data_version{};
};
template <>
Result<SubscriptionGroupTable> decode_body(std::string_view json);
template <>
std::string encode_body(const SubscriptionGroupTable& body, JsonStyle style);

/// The body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST(225). Decoded and encoded.
struct SubscriptionGroupList {
  std::vector<SubscriptionGroupConfig> groups{};
};
template <>
Result<SubscriptionGroupList> decode_body(std::string_view json);
template <>
std::string encode_body(const SubscriptionGroupList& body, JsonStyle style);

}  // namespace gantry::protocol

#pragma once
// Where topics live. Source: classes TopicRouteData, QueueData, BrokerData, ClusterInfo, BrokerMemberGroup.

#include "protocol/json_body.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantry::protocol {

struct QueueData {
  std::string broker_name{};
  std::int32_t read_queue_count = 0;
  std::int32_t write_queue_count = 0;
  std::int32_t perm = 0;
  std::int32_t topic_sys_flag = 0;
  friend bool operator==(const QueueData&, const QueueData&) = default;
};

struct BrokerData {
  std::string cluster{};
  std::string broker_name{};
  std::map<std::int64_t, std::string> addresses{};  ///< by broker id; 0 is the master, without which producers see none
  std::string zone_name{};                          ///< left out when empty
  bool enable_acting_master = false;
  friend bool operator==(const BrokerData&, const BrokerData&) = default;
};

/// The answer to GET_ROUTEINFO_BY_TOPIC(105). Decoded and encoded: always compact strict JSON, which all clients read
/// (Go cuts brokerAddrs textually and cannot take blanks).
struct TopicRouteData {
  std::vector<QueueData> queues{};
  std::vector<BrokerData> brokers{};
  std::map<std::string, std::vector<std::string>> filter_servers{};
  std::string order_topic_conf{};  ///< "broker-a:8;broker-b:4"; left out when empty, which clients need
  friend bool operator==(const TopicRouteData&, const TopicRouteData&) = default;
};
template <>
Result<TopicRouteData> decode_body(std::string_view json);
template <>
std::string encode_body(const TopicRouteData& body, JsonStyle style);

/// The answer to GET_BROKER_CLUSTER_INFO(106). Decoded and encoded.
struct ClusterInfo {
  std::map<std::string, BrokerData> brokers{};              ///< by broker name
  std::map<std::string, std::set<std::string>> clusters{};  ///< cluster -> broker names
};
template <>
Result<ClusterInfo> decode_body(std::string_view json);
template <>
std::string encode_body(const ClusterInfo& body, JsonStyle style);

/// The answer to GET_BROKER_MEMBER_GROUP(901). Decoded and encoded.
struct BrokerMemberGroupBody {
  std::string cluster{};
  std::string broker_name{};
  std::map<std::int64_t, std::string> addresses{};
};
template <>
Result<BrokerMemberGroupBody> decode_body(std::string_view json);
template <>
std::string encode_body(const BrokerMemberGroupBody& body, JsonStyle style);

}  // namespace gantry::protocol

#pragma once
// The small bodies: lists of names and maps of texts. Source: classes TopicList, GroupList, KVTable,
// GetConsumerListByGroupResponseBody.

#include "protocol/json_body.hpp"

#include <map>
#include <string>
#include <vector>

namespace gantry::protocol {

/// Decoded and encoded.
struct TopicList {
  std::vector<std::string> topics{};
  std::string broker_address{};  ///< left out when empty
};
template <>
Result<TopicList> decode_body(std::string_view json);
template <>
std::string encode_body(const TopicList& body, JsonStyle style);

/// The answer to QUERY_TOPIC_CONSUME_BY_WHO(300). Decoded and encoded.
struct GroupList {
  std::vector<std::string> groups{};
};
template <>
Result<GroupList> decode_body(std::string_view json);
template <>
std::string encode_body(const GroupList& body, JsonStyle style);

/// The answer to GET_CONSUMER_LIST_BY_GROUP(38). Never send an empty one: clients would drop all their queues.
/// Decoded and encoded.
struct ConsumerIdList {
  std::vector<std::string> client_ids{};
};
template <>
Result<ConsumerIdList> decode_body(std::string_view json);
template <>
std::string encode_body(const ConsumerIdList& body, JsonStyle style);

/// Runtime information(28), order configuration(103, 219). Decoded and encoded.
struct KvTable {
  std::map<std::string, std::string> table{};
};
template <>
Result<KvTable> decode_body(std::string_view json);
template <>
std::string encode_body(const KvTable& body, JsonStyle style);

/// The file kvConfig.json of a name server: namespace -> key -> value. Decoded and encoded.
struct KvConfigTable {
  std::map<std::string, std::map<std::string, std::string>> spaces{};
};
template <>
Result<KvConfigTable> decode_body(std::string_view json);
template <>
std::string encode_body(const KvConfigTable& body, JsonStyle style);

}  // namespace gantry::protocol

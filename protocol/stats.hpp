#pragma once
// What tools show about topics, groups and connections. Source: classes TopicStatsTable, ConsumeStats,
// ConsumerConnection, ProducerConnection and their neighbours.

#include "protocol/codes.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/message_queue.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::protocol {

/// The answer to GET_TOPIC_STATS_INFO(202). Decoded and encoded.
struct TopicStatsTable {
  struct Queue {
    std::int64_t min_offset = 0;
    std::int64_t max_offset = 0;
    std::int64_t last_update_ms = 0;
  };
  double put_tps = 0;
  std::map<MessageQueue, Queue> queues{};
};
template <>
Result<TopicStatsTable> decode_body(std::string_view json);
template <>
std::string encode_body(const TopicStatsTable& body, JsonStyle style);

/// The answer to GET_CONSUME_STATS(208). Decoded and encoded.
struct ConsumeStats {
  struct Queue {
    std::int64_t broker_offset = 0;
    std::int64_t consumer_offset = 0;
    std::int64_t pull_offset = 0;
    std::int64_t last_ms = 0;
  };
  double consume_tps = 0;
  std::map<MessageQueue, Queue> queues{};
};
template <>
Result<ConsumeStats> decode_body(std::string_view json);
template <>
std::string encode_body(const ConsumeStats& body, JsonStyle style);

/// The answer to GET_BROKER_CONSUME_STATS(317). Decoded and encoded.
struct ConsumeStatsList {
  std::string broker_address{};
  std::int64_t total_diff = 0;
  std::int64_t total_inflight_diff = 0;
  std::vector<std::map<std::string, std::vector<ConsumeStats>>> stats{};  ///< each: group -> its topics
};
template <>
Result<ConsumeStatsList> decode_body(std::string_view json);
template <>
std::string encode_body(const ConsumeStatsList& body, JsonStyle style);

struct Connection {
  std::string client_id{};
  std::string client_address{};  ///< "ip:port"
  Language language = Language::other;
  std::int32_t version = 0;
};

/// The answer to GET_CONSUMER_CONNECTION_LIST(203). Decoded and encoded.
struct ConsumerConnection {
  std::vector<Connection> connections{};
  std::map<std::string, SubscriptionData> subscriptions{};  ///< by topic
  ConsumeType consume_type = ConsumeType::passively;
  MessageModel message_model = MessageModel::clustering;
  ConsumeFrom consume_from = ConsumeFrom::last_offset;
};
template <>
Result<ConsumerConnection> decode_body(std::string_view json);
template <>
std::string encode_body(const ConsumerConnection& body, JsonStyle style);

/// The answer to GET_PRODUCER_CONNECTION_LIST(204). Decoded and encoded.
struct ProducerConnection {
  std::vector<Connection> connections{};
};
template <>
Result<ProducerConnection> decode_body(std::string_view json);
template <>
std::string encode_body(const ProducerConnection& body, JsonStyle style);

/// The answer to GET_ALL_PRODUCER_INFO(328). Encoded.
struct ProducerTableInfo {
  struct Producer {
    std::string client_id{};
    std::string remote_ip{};
    Language language = Language::other;
    std::int32_t version = 0;
    std::int64_t last_update_ms = 0;
  };
  std::map<std::string, std::vector<Producer>> groups{};
};
template <>
std::string encode_body(const ProducerTableInfo& body, JsonStyle style);

/// The answer to VIEW_BROKER_STATS_DATA(315). Encoded.
struct BrokerStatsData {
  struct Item {
    std::int64_t sum = 0;
    double tps = 0;
    double average_per_tick = 0;
  };
  Item minute{};
  Item hour{};
  Item day{};
};
template <>
std::string encode_body(const BrokerStatsData& body, JsonStyle style);

/// The answer to QUERY_CONSUME_QUEUE(321). Encoded.
struct QueueEntriesAnswer {
  struct Entry {
    std::int64_t log_offset = 0;
    std::int32_t size = 0;
    std::int64_t tag_code = 0;
    bool passes = false;                   ///< the group's subscription lets it pass, as far as tags say
    std::optional<std::string> message{};  ///< why there is no entry
  };
  std::optional<SubscriptionData> subscription{};  ///< of the group that was asked about, when it is online
  std::int64_t min_index = 0;
  std::int64_t max_index = 0;
  std::vector<Entry> entries{};
};
template <>
std::string encode_body(const QueueEntriesAnswer& body, JsonStyle style);

/// The body of SET_MESSAGE_REQUEST_MODE(401). Decoded and encoded.
struct RequestModeBody {
  std::string topic{};
  std::string consumer_group{};
  std::string mode{};  ///< PULL or POP
  std::int32_t pop_share_queue_count = 0;
};
template <>
Result<RequestModeBody> decode_body(std::string_view json);
template <>
std::string encode_body(const RequestModeBody& body, JsonStyle style);

/// The answer to GET_BROKER_HA_STATUS(907) of a master without slaves. Encoded.
struct HaStatus {
  std::int64_t log_end = 0;
};
template <>
std::string encode_body(const HaStatus& body, JsonStyle style);

/// The answer to QUERY_CONSUME_TIME_SPAN(303). Encoded; times in ms.
struct ConsumeTimeSpans {
  struct Span {
    MessageQueue queue{};
    std::int64_t min_ms = 0;
    std::int64_t max_ms = 0;
    std::int64_t consume_ms = 0;
    std::int64_t delay_ms = 0;
  };
  std::vector<Span> spans{};
};
template <>
std::string encode_body(const ConsumeTimeSpans& body, JsonStyle style);

/// The answer to QUERY_SUBSCRIPTION_BY_CONSUMER(345). Encoded.
struct SubscriptionAnswer {
  std::string group{};
  std::string topic{};
  SubscriptionData subscription{};
};
template <>
std::string encode_body(const SubscriptionAnswer& body, JsonStyle style);

}  // namespace gantry::protocol

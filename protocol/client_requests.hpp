#pragma once
// Headers of the requests that producers and consumers exchange with a broker, except SEND and PULL, which have their
// own files. Source: RocketMQ remoting protocol, org.apache.rocketmq.remoting.protocol.header.
//
// Decode with decode_fields<Struct>(header.ext, scratch) (fields.hpp), write with write_frame() (frame_writer.hpp).
// Texts are views into the frame or the scratch. An empty optional text is an absent one.

#include "protocol/fields.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// QUERY_CONSUMER_OFFSET(14). Answered with OffsetResponse, or QUERY_NOT_FOUND.
struct QueryConsumerOffsetHeader {
  static constexpr std::string_view name = "QUERY_CONSUMER_OFFSET";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::optional<bool> set_zero_if_not_found{};  ///< false asks for QUERY_NOT_FOUND rather than 0

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.optional("setZeroIfNotFound", h.set_zero_if_not_found);
  }
};

/// UPDATE_CONSUMER_OFFSET(15). Go and Node send -1 for "no offset yet": not to be stored.
struct UpdateConsumerOffsetHeader {
  static constexpr std::string_view name = "UPDATE_CONSUMER_OFFSET";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::int64_t commit_offset = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("commitOffset", h.commit_offset);
  }
};

/// SEARCH_OFFSET_BY_TIMESTAMP(29). Answered with OffsetResponse.
struct SearchOffsetHeader {
  static constexpr std::string_view name = "SEARCH_OFFSET_BY_TIMESTAMP";
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::int64_t timestamp_ms = 0;
  std::string_view boundary_type{};  ///< "UPPER" in any case; everything else is lower

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("timestamp", h.timestamp_ms);
    v.optional("boundaryType", h.boundary_type);
  }
};

/// GET_MAX_OFFSET(30), GET_MIN_OFFSET(31), GET_EARLIEST_MSG_STORETIME(32). Answered with OffsetResponse, or
/// TimestampResponse for 32.
struct QueueHeader {
  static constexpr std::string_view name = "TOPIC_QUEUE";
  std::string_view topic{};
  std::int32_t queue_id = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
  }
};

/// QUERY_MESSAGE(12). Answered with QueryMessageResponse and records, or QUERY_NOT_FOUND.
struct QueryMessageHeader {
  static constexpr std::string_view name = "QUERY_MESSAGE";
  std::string_view topic{};
  std::string_view key{};
  std::int32_t count_max = 0;
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;
  bool is_unique_key = false;  ///< `key` is a UNIQ_KEY rather than one of KEYS

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("key", h.key);
    v.required("maxNum", h.count_max);
    v.required("beginTimestamp", h.begin_ms);
    v.required("endTimestamp", h.end_ms);
    v.optional("_UNIQUE_KEY_QUERY", h.is_unique_key);
  }
};

/// VIEW_MESSAGE_BY_ID(33). The body of the answer is one record.
struct ViewMessageHeader {
  static constexpr std::string_view name = "VIEW_MESSAGE_BY_ID";
  std::int64_t log_offset = 0;
  std::string_view topic{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("offset", h.log_offset);
    v.optional("topic", h.topic);
  }
};

/// QUERY_CONSUME_QUEUE(321).
struct QueryConsumeQueueHeader {
  static constexpr std::string_view name = "QUERY_CONSUME_QUEUE";
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::int64_t index = 0;
  std::int32_t count = 0;
  std::string_view consumer_group{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("index", h.index);
    v.required("count", h.count);
    v.optional("consumerGroup", h.consumer_group);
  }
};

/// RECALL_MESSAGE(370).
struct RecallMessageHeader {
  static constexpr std::string_view name = "RECALL_MESSAGE";
  std::string_view producer_group{};
  std::string_view topic{};
  std::string_view recall_handle{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("producerGroup", h.producer_group);
    v.required("topic", h.topic);
    v.required("recallHandle", h.recall_handle);
  }
};

/// UNREGISTER_CLIENT(35). Node leaves out the group that it does not use, C++ sends it empty.
struct UnregisterClientHeader {
  static constexpr std::string_view name = "UNREGISTER_CLIENT";
  std::string_view client_id{};
  std::string_view producer_group{};
  std::string_view consumer_group{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("clientID", h.client_id);
    v.optional("producerGroup", h.producer_group);
    v.optional("consumerGroup", h.consumer_group);
  }
};

/// GET_CONSUMER_LIST_BY_GROUP(38), NOTIFY_CONSUMER_IDS_CHANGED(40), GET_CONSUMER_CONNECTION_LIST(203).
struct ConsumerGroupHeader {
  static constexpr std::string_view name = "CONSUMER_GROUP";
  std::string_view consumer_group{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
  }
};

/// GET_PRODUCER_CONNECTION_LIST(204).
struct ProducerGroupHeader {
  static constexpr std::string_view name = "PRODUCER_GROUP";
  std::string_view producer_group{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("producerGroup", h.producer_group);
  }
};

/// CONSUMER_SEND_MSG_BACK(36).
struct SendBackHeader {
  static constexpr std::string_view name = "CONSUMER_SEND_MSG_BACK";
  std::int64_t log_offset = 0;  ///< commit-log offset of the record that was not consumed
  std::string_view group{};
  std::int32_t delay_level = 0;  ///< 0: the broker decides; <0: dead letter at once; >0: this level
  std::string_view origin_message_id{};
  std::string_view origin_topic{};
  bool unit_mode = false;
  std::optional<std::int32_t> reconsume_count_max{};  ///< honoured from version::v3_4_9 on

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("offset", h.log_offset);
    v.required("group", h.group);
    v.required("delayLevel", h.delay_level);
    v.optional("originMsgId", h.origin_message_id);
    v.optional("originTopic", h.origin_topic);
    v.optional("unitMode", h.unit_mode);
    v.optional("maxReconsumeTimes", h.reconsume_count_max);
  }
};

/// END_TRANSACTION(37). commit_or_rollback: 0 unknown, 8 commit, 12 rollback (sysFlag bits 2-3).
struct EndTransactionHeader {
  static constexpr std::string_view name = "END_TRANSACTION";
  std::string_view producer_group{};
  std::int64_t half_queue_offset = 0;  ///< queue offset of the half record
  std::int64_t log_offset = 0;         ///< commit-log offset of the half record
  std::int32_t commit_or_rollback = 0;
  bool from_check = false;  ///< this answers a CHECK_TRANSACTION_STATE
  std::string_view message_id{};
  std::string_view transaction_id{};
  std::string_view topic{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("producerGroup", h.producer_group);
    v.required("tranStateTableOffset", h.half_queue_offset);
    v.required("commitLogOffset", h.log_offset);
    v.required("commitOrRollback", h.commit_or_rollback);
    v.optional("fromTransactionCheck", h.from_check);
    v.required("msgId", h.message_id);
    v.optional("transactionId", h.transaction_id);
    v.optional("topic", h.topic);
  }
};

/// CHECK_TRANSACTION_STATE(39), broker to producer, one-way; the body is the half record with its real topic.
struct CheckTransactionHeader {
  static constexpr std::string_view name = "CHECK_TRANSACTION_STATE";
  std::string_view topic{};
  std::int64_t half_queue_offset = 0;
  std::int64_t log_offset = 0;
  std::string_view message_id{};
  std::string_view transaction_id{};
  std::string_view offset_message_id{};
  std::string_view broker_name{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("topic", h.topic);
    v.required("tranStateTableOffset", h.half_queue_offset);
    v.required("commitLogOffset", h.log_offset);
    v.optional("msgId", h.message_id);
    v.optional("transactionId", h.transaction_id);
    v.optional("offsetMsgId", h.offset_message_id);
    v.optional("bname", h.broker_name);
  }
};

/// RESUME_CHECK_HALF_MESSAGE(323).
struct ResumeCheckHeader {
  static constexpr std::string_view name = "RESUME_CHECK_HALF_MESSAGE";
  std::string_view topic{};
  std::string_view message_id{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("topic", h.topic);
    v.optional("msgId", h.message_id);
  }
};

/// RESET_CONSUMER_CLIENT_OFFSET(220), broker to consumer, one-way.
struct ResetClientOffsetHeader {
  static constexpr std::string_view name = "RESET_CONSUMER_CLIENT_OFFSET";
  std::string_view topic{};
  std::string_view group{};
  std::int64_t timestamp_ms = 0;
  bool is_force = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("group", h.group);
    v.required("timestamp", h.timestamp_ms);
    v.required("isForce", h.is_force);
  }
};

/// GET_CONSUMER_STATUS_FROM_CLIENT(221), QUERY_CONSUME_TIME_SPAN(303), QUERY_SUBSCRIPTION_BY_CONSUMER(345).
struct GroupTopicHeader {
  static constexpr std::string_view name = "GROUP_TOPIC";
  std::string_view topic{};
  std::string_view group{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("group", h.group);
  }
};

/// GET_CONSUMER_RUNNING_INFO(307), admin to broker to consumer.
struct ConsumerRunningInfoHeader {
  static constexpr std::string_view name = "GET_CONSUMER_RUNNING_INFO";
  std::string_view consumer_group{};
  std::string_view client_id{};
  bool jstack_enable = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("clientId", h.client_id);
    v.optional("jstackEnable", h.jstack_enable);
  }
};

/// CONSUME_MESSAGE_DIRECTLY(309), admin to broker to consumer; the relayed body is the record.
struct ConsumeDirectlyHeader {
  static constexpr std::string_view name = "CONSUME_MESSAGE_DIRECTLY";
  std::string_view consumer_group{};
  std::string_view client_id{};
  std::string_view message_id{};
  std::string_view broker_name{};
  std::string_view topic{};
  std::optional<std::int32_t> topic_sys_flag{};
  std::optional<std::int32_t> group_sys_flag{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.optional("clientId", h.client_id);
    v.optional("msgId", h.message_id);
    v.optional("brokerName", h.broker_name);
    v.optional("topic", h.topic);
    v.optional("topicSysFlag", h.topic_sys_flag);
    v.optional("groupSysFlag", h.group_sys_flag);
  }
};

/// PUSH_REPLY_MESSAGE_TO_CLIENT(326), broker to producer; the body is the message body.
struct PushReplyHeader {
  static constexpr std::string_view name = "PUSH_REPLY_MESSAGE_TO_CLIENT";
  std::string_view producer_group{};
  std::string_view topic{};
  std::string_view default_topic{};
  std::int32_t default_topic_queue_count = 0;
  std::int32_t queue_id = 0;
  std::int32_t sys_flag = 0;
  std::int64_t born_ms = 0;
  std::int32_t flag = 0;
  std::string_view properties{};
  std::int32_t reconsume_count = 0;
  bool unit_mode = false;
  std::string_view born_host{};   ///< "ip:port"
  std::string_view store_host{};  ///< "ip:port"
  std::int64_t store_ms = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("producerGroup", h.producer_group);
    v.required("topic", h.topic);
    v.required("defaultTopic", h.default_topic);
    v.required("defaultTopicQueueNums", h.default_topic_queue_count);
    v.required("queueId", h.queue_id);
    v.required("sysFlag", h.sys_flag);
    v.required("bornTimestamp", h.born_ms);
    v.required("flag", h.flag);
    v.optional("properties", h.properties);
    v.optional("reconsumeTimes", h.reconsume_count);
    v.optional("unitMode", h.unit_mode);
    v.required("bornHost", h.born_host);
    v.required("storeHost", h.store_host);
    v.required("storeTimestamp", h.store_ms);
  }
};

}  // namespace gantry::protocol

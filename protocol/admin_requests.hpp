#pragma once
// Headers of the requests that tools send to a broker. Source: RocketMQ remoting protocol, class AdminBrokerProcessor.
//
// Decode with decode_fields<Struct>(header.ext, scratch) (fields.hpp), write with write_frame() (frame_writer.hpp).
// Texts are views into the frame or the scratch. An empty optional text is an absent one.

#include "protocol/fields.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// UPDATE_AND_CREATE_TOPIC(17).
struct CreateTopicHeader {
  static constexpr std::string_view name = "UPDATE_AND_CREATE_TOPIC";
  std::string_view topic{};
  std::string_view default_topic{};  ///< every client sends it, none needs it
  std::int32_t read_queue_count = 0;
  std::int32_t write_queue_count = 0;
  std::int32_t perm = 0;
  std::string_view filter_type{};  ///< "SINGLE_TAG" (also when absent) or "MULTI_TAG"
  std::int32_t topic_sys_flag = 0;
  bool order = false;
  std::string_view attributes{};  ///< "+name=value,-name"
  bool force = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.optional("defaultTopic", h.default_topic);
    v.required("readQueueNums", h.read_queue_count);
    v.required("writeQueueNums", h.write_queue_count);
    v.required("perm", h.perm);
    v.optional("topicFilterType", h.filter_type);
    v.optional("topicSysFlag", h.topic_sys_flag);
    v.optional("order", h.order);
    v.optional("attributes", h.attributes);
    v.optional("force", h.force);
  }
};

/// DELETE_TOPIC_IN_BROKER(215), GET_TOPIC_STATS_INFO(202), QUERY_TOPIC_CONSUME_BY_WHO(300), GET_TOPIC_CONFIG(351),
/// REGISTER_TOPIC_IN_NAMESRV(217).
struct TopicHeader {
  static constexpr std::string_view name = "TOPIC";
  std::string_view topic{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
  }
};

/// GET_SUBSCRIPTIONGROUP_CONFIG(352), QUERY_TOPICS_BY_CONSUMER(343).
struct GroupHeader {
  static constexpr std::string_view name = "GROUP";
  std::string_view group{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("group", h.group);
  }
};

/// GET_ALL_TOPIC_CONFIG(21); the fields ask for one page, and older tools send none.
struct GetAllTopicConfigHeader {
  static constexpr std::string_view name = "GET_ALL_TOPIC_CONFIG";
  std::optional<std::int32_t> topic_index{};
  std::string_view data_version{};  ///< JSON
  std::optional<std::int32_t> count_max{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("topicSeq", h.topic_index);
    v.optional("dataVersion", h.data_version);
    v.optional("maxTopicNum", h.count_max);
  }
};

/// GET_ALL_SUBSCRIPTIONGROUP_CONFIG(201); the fields ask for one page, and older tools send none.
struct GetAllGroupConfigHeader {
  static constexpr std::string_view name = "GET_ALL_SUBSCRIPTIONGROUP_CONFIG";
  std::optional<std::int32_t> group_index{};
  std::string_view data_version{};  ///< JSON
  std::optional<std::int32_t> count_max{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("groupSeq", h.group_index);
    v.optional("dataVersion", h.data_version);
    v.optional("maxGroupNum", h.count_max);
  }
};

/// DELETE_SUBSCRIPTIONGROUP(207). 4.9 tools call the flag removeOffset.
struct DeleteGroupHeader {
  static constexpr std::string_view name = "DELETE_SUBSCRIPTIONGROUP";
  std::string_view group_name{};
  bool clean_offset = false;
  bool remove_offset = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("groupName", h.group_name);
    v.optional("cleanOffset", h.clean_offset);
    v.optional("removeOffset", h.remove_offset);
  }
};

/// GET_CONSUME_STATS(208).
struct ConsumeStatsHeader {
  static constexpr std::string_view name = "GET_CONSUME_STATS";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::string_view topic_list{};  ///< topics joined by ";"

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.optional("topic", h.topic);
    v.optional("topicList", h.topic_list);
  }
};

/// GET_BROKER_CONSUME_STATS(317).
struct BrokerConsumeStatsHeader {
  static constexpr std::string_view name = "GET_BROKER_CONSUME_STATS";
  bool is_order = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("isOrder", h.is_order);
  }
};

/// INVOKE_BROKER_TO_RESET_OFFSET(222). timestamp -1: the end; queue -1: all queues.
struct ResetOffsetHeader {
  static constexpr std::string_view name = "INVOKE_BROKER_TO_RESET_OFFSET";
  std::string_view topic{};
  std::string_view group{};
  std::int64_t timestamp_ms = 0;
  bool is_force = false;
  std::int32_t queue_id = -1;
  std::optional<std::int64_t> offset{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("group", h.group);
    v.required("timestamp", h.timestamp_ms);
    v.required("isForce", h.is_force);
    v.optional("queueId", h.queue_id);
    v.optional("offset", h.offset);
  }
};

/// INVOKE_BROKER_TO_GET_CONSUMER_STATUS(223).
struct ConsumerStatusHeader {
  static constexpr std::string_view name = "INVOKE_BROKER_TO_GET_CONSUMER_STATUS";
  std::string_view topic{};
  std::string_view group{};
  std::string_view client_address{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("topic", h.topic);
    v.required("group", h.group);
    v.optional("clientAddr", h.client_address);
  }
};

/// CLONE_GROUP_OFFSET(314).
struct CloneGroupOffsetHeader {
  static constexpr std::string_view name = "CLONE_GROUP_OFFSET";
  std::string_view from_group{};
  std::string_view to_group{};
  std::string_view topic{};
  bool offline = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("srcGroup", h.from_group);
    v.required("destGroup", h.to_group);
    v.optional("topic", h.topic);
    v.optional("offline", h.offline);
  }
};

/// VIEW_BROKER_STATS_DATA(315).
struct BrokerStatsHeader {
  static constexpr std::string_view name = "VIEW_BROKER_STATS_DATA";
  std::string_view stats_name{};
  std::string_view stats_key{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("statsName", h.stats_name);
    v.required("statsKey", h.stats_key);
  }
};

/// UPDATE_AND_GET_GROUP_FORBIDDEN(353).
struct GroupForbiddenHeader {
  static constexpr std::string_view name = "UPDATE_AND_GET_GROUP_FORBIDDEN";
  std::string_view group{};
  std::string_view topic{};
  std::optional<bool> readable{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("group", h.group);
    v.required("topic", h.topic);
    v.optional("readable", h.readable);
  }
};

}  // namespace gantry::protocol

#pragma once
// Shapes that several bodies hold. For this room's .cpp files only.

#include "protocol/data_version.hpp"
#include "protocol/heartbeat.hpp"
#include "protocol/json_shape.hpp"
#include "protocol/topic_config.hpp"

namespace gantry::protocol::detail {

template <>
struct EnumShape<ConsumeType> {
  static constexpr std::array<std::string_view, 3> names = {"CONSUME_ACTIVELY", "CONSUME_PASSIVELY", "CONSUME_POP"};
  static constexpr std::optional<ConsumeType> fallback = std::nullopt;
};

template <>
struct EnumShape<MessageModel> {
  static constexpr std::array<std::string_view, 2> names = {"BROADCASTING", "CLUSTERING"};
  static constexpr std::optional<MessageModel> fallback = std::nullopt;
};

template <>
struct EnumShape<ConsumeFrom> {
  static constexpr std::array<std::string_view, 6> names = {
      "CONSUME_FROM_LAST_OFFSET",  "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
      "CONSUME_FROM_MIN_OFFSET",   "CONSUME_FROM_MAX_OFFSET",
      "CONSUME_FROM_FIRST_OFFSET", "CONSUME_FROM_TIMESTAMP"};
  static constexpr std::optional<ConsumeFrom> fallback = std::nullopt;
};

template <>
struct EnumShape<TopicFilterType> {
  static constexpr std::array<std::string_view, 2> names = {"SINGLE_TAG", "MULTI_TAG"};
  static constexpr std::optional<TopicFilterType> fallback = std::nullopt;
};

template <>
struct Shape<DataVersion> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("counter", d.counter);
    v.member("stateVersion", d.state_version);
    v.member("timestamp", d.timestamp_ms);
  }
};

template <>
struct Shape<SubscriptionData> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("classFilterMode", d.class_filter_mode);
    v.member("codeSet", d.tag_codes);
    v.member("expressionType", d.expression_type);
    v.member("subString", d.expression);
    v.member("subVersion", d.version);
    v.member("tagsSet", d.tags);
    v.member("topic", d.topic);
  }
};

template <>
struct Shape<TopicConfig> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("attributes", d.attributes);
    v.member("order", d.order);
    v.member("perm", d.perm);
    v.member("readQueueNums", d.read_queue_count);
    v.member("topicFilterType", d.filter_type);
    v.member("topicName", d.topic_name);
    v.member("topicSysFlag", d.topic_sys_flag);
    v.member("writeQueueNums", d.write_queue_count);
  }
};

template <>
struct Shape<TopicConfigTable> {
  template <class V, class D>
  static void visit(V& v, D& d) {
    v.member("dataVersion", d.data_version);
    v.wire_constant("mappingDataVersion", R"({"counter":0,"stateVersion":0,"timestamp":0})");
    v.member("topicConfigTable", d.topics);
    v.wire_constant("topicQueueMappingDetailMap", "{}");
    v.wire_constant("topicQueueMappingInfoMap", "{}");
  }
};

}  // namespace gantry::protocol::detail

#pragma once
// Headers of POP consumption. Codes above 32767: JSON headers only. Source: RocketMQ remoting protocol, class
// PopMessageProcessor and its neighbours.
//
// Decode with decode_fields<Struct>(header.ext, scratch) (fields.hpp), write with write_frame() (frame_writer.hpp).
// Texts are views into the frame or the scratch. An empty optional text is an absent one.

#include "protocol/fields.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// POP_MESSAGE(200050). Answered with PopResponse.
struct PopHeader {
  static constexpr std::string_view name = "POP_MESSAGE";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::int32_t count_max = 0;
  std::int64_t invisible_ms = 0;
  std::int64_t poll_ms = 0;
  std::int64_t born_ms = 0;    ///< 0: now
  std::int32_t init_mode = 0;  ///< 0: from the first message, 1: from the end
  std::string_view expression_type{};
  std::string_view expression{};
  bool order = false;
  std::string_view attempt_id{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("maxMsgNums", h.count_max);
    v.required("invisibleTime", h.invisible_ms);
    v.required("pollTime", h.poll_ms);
    v.optional("bornTime", h.born_ms);
    v.required("initMode", h.init_mode);
    v.optional("expType", h.expression_type);
    v.optional("exp", h.expression);
    v.optional("order", h.order);
    v.optional("attemptId", h.attempt_id);
  }
};

/// ACK_MESSAGE(200051).
struct AckHeader {
  static constexpr std::string_view name = "ACK_MESSAGE";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::string_view extra_info{};
  std::int64_t offset = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("extraInfo", h.extra_info);
    v.required("offset", h.offset);
  }
};

/// CHANGE_MESSAGE_INVISIBLETIME(200053). Answered with ChangeInvisibleResponse.
struct ChangeInvisibleHeader {
  static constexpr std::string_view name = "CHANGE_MESSAGE_INVISIBLETIME";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::string_view extra_info{};
  std::int64_t offset = 0;
  std::int64_t invisible_ms = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("extraInfo", h.extra_info);
    v.required("offset", h.offset);
    v.required("invisibleTime", h.invisible_ms);
  }
};

/// NOTIFICATION(200054). Answered with NotificationResponse.
struct NotificationHeader {
  static constexpr std::string_view name = "NOTIFICATION";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::int64_t poll_ms = 0;
  std::int64_t born_ms = 0;
  bool order = false;
  std::string_view attempt_id{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("pollTime", h.poll_ms);
    v.required("bornTime", h.born_ms);
    v.optional("order", h.order);
    v.optional("attemptId", h.attempt_id);
  }
};

/// PEEK_MESSAGE(200052) and, without the count, POLLING_INFO(200055).
struct PeekHeader {
  static constexpr std::string_view name = "PEEK_MESSAGE";
  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::int32_t count_max = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.optional("maxMsgNums", h.count_max);
  }
};

}  // namespace gantry::protocol

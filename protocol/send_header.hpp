#pragma once
// The header of a message that a client publishes: the hottest request of all, decoded in one pass over its fields.
// Source: RocketMQ remoting protocol, classes SendMessageRequestHeader and SendMessageRequestHeaderV2.

#include "gantry/sdk/result.hpp"
#include "protocol/header.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// Which names the fields have: long ones with SEND_MESSAGE(10) and SEND_REPLY_MESSAGE(324), single letters with
/// SEND_MESSAGE_V2(310), SEND_BATCH_MESSAGE(320) and SEND_REPLY_MESSAGE_V2(325).
enum class SendNames : std::uint8_t { v1, v2 };

constexpr SendNames send_names_of(std::int32_t request_code) noexcept {
  return request_code == 10 || request_code == 324 ? SendNames::v1 : SendNames::v2;
}

/// What a publisher says about its message (or, with `batch`, about all messages of the body).
/// Texts are views into the frame or the scratch.
struct SendHeader {
  static constexpr std::string_view name = "SEND_MESSAGE";
  std::string_view producer_group{};
  std::string_view topic{};
  std::string_view default_topic{};            ///< template for auto-creation, normally "TBW102"
  std::int32_t default_topic_queue_count = 0;  ///< wish for auto-creation, normally 4
  std::int32_t queue_id = 0;                   ///< below 0: the broker picks a write queue
  std::int32_t sys_flag = 0;                   ///< sys_flag.hpp
  std::int64_t born_ms = 0;
  std::int32_t flag = 0;             ///< the application's, stored as given
  std::string_view properties{};     ///< properties.hpp
  std::int32_t reconsume_count = 0;  ///< above 0 on retries by the client
  bool unit_mode = false;
  std::optional<std::int32_t> reconsume_count_max{};  ///< honoured from version::v3_4_9 on
  bool batch = false;  ///< the body is a batch (batch.hpp). This flag decides, not the code: C++ sends batches with 310
  std::string_view broker_name{};

  /// For writing (FrameWriter); decode_send() is the way to read.
  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("a", h.producer_group);
    v.required("b", h.topic);
    v.required("c", h.default_topic);
    v.required("d", h.default_topic_queue_count);
    v.required("e", h.queue_id);
    v.required("f", h.sys_flag);
    v.required("g", h.born_ms);
    v.required("h", h.flag);
    v.optional("i", h.properties);
    v.required("j", h.reconsume_count);
    v.required("k", h.unit_mode);
    v.optional("l", h.reconsume_count_max);
    v.required("m", h.batch);
    v.optional("n", h.broker_name);
  }
};

/// Decodes the fields of a send. Allocates only on failure (and when the scratch grows). [any-thread]
/// Error: Errc::invalid_argument naming the field, expected and found.
Status decode_send(SendNames names, const ExtFields& fields, Scratch& scratch, SendHeader& out);

}  // namespace gantry::protocol

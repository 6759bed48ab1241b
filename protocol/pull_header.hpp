#pragma once
// The header of a pull: the other hot request, decoded in one pass over its fields.
// Source: RocketMQ remoting protocol, classes PullMessageRequestHeader and PullSysFlag.

#include "gantry/sdk/result.hpp"
#include "protocol/header.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// PULL_MESSAGE(11) and LITE_PULL_MESSAGE(361). Texts are views into the frame or the scratch.
struct PullHeader {
  static constexpr std::string_view name = "PULL_MESSAGE";
  // Bits of sys_flag.
  static constexpr std::int32_t commit_offset_bit = 1;  ///< commit_offset is to be stored
  static constexpr std::int32_t suspend_bit = 2;        ///< the request may be held for suspend_timeout_ms
  static constexpr std::int32_t subscription_bit = 4;   ///< subscription counts, rather than the heartbeat's
  static constexpr std::int32_t class_filter_bit = 8;   ///< no longer in use
  static constexpr std::int32_t lite_pull_bit = 16;     ///< comes from a lite pull consumer

  std::string_view consumer_group{};
  std::string_view topic{};
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;  ///< the first wanted one
  std::int32_t message_count_max = 0;
  std::int32_t sys_flag = 0;
  std::int64_t commit_offset = 0;  ///< Go and Node send -1 for "none"
  std::int64_t suspend_timeout_ms = 0;
  std::string_view subscription{};
  std::int64_t sub_version = 0;
  std::string_view expression_type{};  ///< "TAG" (also when empty) or "SQL92"
  std::optional<std::int32_t> bytes_max{};
  std::optional<std::int32_t> request_source{};
  std::string_view proxy_forward_client_id{};

  [[nodiscard]] bool has(std::int32_t bit) const noexcept { return (sys_flag & bit) != 0; }

  /// For writing (FrameWriter); decode_pull() is the way to read.
  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("consumerGroup", h.consumer_group);
    v.required("topic", h.topic);
    v.required("queueId", h.queue_id);
    v.required("queueOffset", h.queue_offset);
    v.required("maxMsgNums", h.message_count_max);
    v.required("sysFlag", h.sys_flag);
    v.required("commitOffset", h.commit_offset);
    v.required("suspendTimeoutMillis", h.suspend_timeout_ms);
    v.optional("subscription", h.subscription);
    v.required("subVersion", h.sub_version);
    v.optional("expressionType", h.expression_type);
    v.optional("maxMsgBytes", h.bytes_max);
    v.optional("requestSource", h.request_source);
    v.optional("proxyFrowardClientId", h.proxy_forward_client_id);  // The misspelling is the protocol's.
  }
};

/// Decodes the fields of a pull. Allocates only on failure (and when the scratch grows). [any-thread]
/// Error: Errc::invalid_argument naming the field, expected and found.
Status decode_pull(const ExtFields& fields, Scratch& scratch, PullHeader& out);

}  // namespace gantry::protocol

#pragma once
// Fields of responses, for the broker to write and for the client to read.
// Source: RocketMQ remoting protocol, package header, the *ResponseHeader classes.
//
// Write with write_frame() (frame_writer.hpp), decode with decode_fields<Struct>() (fields.hpp).

#include "protocol/fields.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace gantry::protocol {

/// To a send that was stored: codes SUCCESS, FLUSH_DISK_TIMEOUT, FLUSH_SLAVE_TIMEOUT, SLAVE_NOT_AVAILABLE.
struct SendResponse {
  static constexpr std::string_view name = "SEND_MESSAGE response";
  std::string_view message_id{};  ///< offset message id; of a batch, all of them joined by ","
  std::int32_t queue_id = 0;
  std::int64_t queue_offset = 0;      ///< of a batch, the first
  std::string_view transaction_id{};  ///< the UNIQ_KEY
  std::string_view batch_uniq_id{};
  std::string_view recall_handle{};
  std::string_view region = "DefaultRegion";
  bool trace_on = true;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("msgId", h.message_id);
    v.required("queueId", h.queue_id);
    v.required("queueOffset", h.queue_offset);
    v.optional("transactionId", h.transaction_id);
    v.optional("batchUniqId", h.batch_uniq_id);
    v.optional("recallHandle", h.recall_handle);
    v.required("MSG_REGION", h.region);
    v.required("TRACE_ON", h.trace_on);
  }
};

/// To a send that was refused: a response without any field would crash the C++ client.
struct SendErrorResponse {
  static constexpr std::string_view name = "SEND_MESSAGE error";
  std::string_view region = "DefaultRegion";
  bool trace_on = true;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("MSG_REGION", h.region);
    v.required("TRACE_ON", h.trace_on);
  }
};

/// To a pull with SUCCESS, PULL_NOT_FOUND, PULL_RETRY_IMMEDIATELY, PULL_OFFSET_MOVED: all four numbers are always
/// present, or clients fail. The body, with SUCCESS only, is stored records back to back.
struct PullResponse {
  static constexpr std::string_view name = "PULL_MESSAGE response";
  std::int64_t suggested_broker_id = 0;
  std::int64_t next_begin_offset = 0;
  std::int64_t min_offset = 0;
  std::int64_t max_offset = 0;
  std::optional<std::int32_t> topic_sys_flag{};
  std::optional<std::int32_t> group_sys_flag{};
  std::optional<std::int32_t> forbidden_type{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("suggestWhichBrokerId", h.suggested_broker_id);
    v.required("nextBeginOffset", h.next_begin_offset);
    v.required("minOffset", h.min_offset);
    v.required("maxOffset", h.max_offset);
    v.optional("topicSysFlag", h.topic_sys_flag);
    v.optional("groupSysFlag", h.group_sys_flag);
    v.optional("forbiddenType", h.forbidden_type);
  }
};

/// To a pull with NO_PERMISSION.
struct PullForbiddenResponse {
  static constexpr std::string_view name = "PULL_MESSAGE forbidden";
  std::int32_t forbidden_type = 0;  ///< 1 broker, 2 group, 3 topic, 4 broadcast, 5 subscription

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("forbiddenType", h.forbidden_type);
  }
};

/// To QUERY_CONSUMER_OFFSET, SEARCH_OFFSET_BY_TIMESTAMP, GET_MAX_OFFSET, GET_MIN_OFFSET.
struct OffsetResponse {
  static constexpr std::string_view name = "offset response";
  std::int64_t offset = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("offset", h.offset);
  }
};

/// To GET_EARLIEST_MSG_STORETIME; -1 when the queue is empty.
struct TimestampResponse {
  static constexpr std::string_view name = "timestamp response";
  std::int64_t timestamp_ms = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("timestamp", h.timestamp_ms);
  }
};

/// To QUERY_MESSAGE; the body is records back to back.
struct QueryMessageResponse {
  static constexpr std::string_view name = "QUERY_MESSAGE response";
  std::int64_t index_last_update_ms = 0;
  std::int64_t index_last_update_log_offset = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("indexLastUpdateTimestamp", h.index_last_update_ms);
    v.required("indexLastUpdatePhyoffset", h.index_last_update_log_offset);
  }
};

/// To HEART_BEAT, for brokers that support the second version of it.
struct HeartbeatResponse {
  static constexpr std::string_view name = "HEART_BEAT response";
  bool supports_v2 = false;
  bool sub_changed = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("IS_SUPPORT_HEART_BEAT_V2", h.supports_v2);
    v.required("IS_SUB_CHANGE", h.sub_changed);
  }
};

/// To RECALL_MESSAGE: the UNIQ_KEY of the recalled message.
struct RecallMessageResponse {
  static constexpr std::string_view name = "RECALL_MESSAGE response";
  std::string_view message_id{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("msgId", h.message_id);
  }
};

/// To REGISTER_BROKER; filled for slaves only.
struct RegisterBrokerResponse {
  static constexpr std::string_view name = "REGISTER_BROKER response";
  std::string_view ha_server_address{};
  std::string_view master_address{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("haServerAddr", h.ha_server_address);
    v.optional("masterAddr", h.master_address);
  }
};

/// To GET_KV_CONFIG.
struct KvValueResponse {
  static constexpr std::string_view name = "GET_KV_CONFIG response";
  std::string_view value{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("value", h.value);
  }
};

/// To QUERY_DATA_VERSION; the body is the name server's DataVersion.
struct QueryDataVersionResponse {
  static constexpr std::string_view name = "QUERY_DATA_VERSION response";
  bool changed = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("changed", h.changed);
  }
};

/// To WIPE_WRITE_PERM_OF_BROKER.
struct WipeWritePermResponse {
  static constexpr std::string_view name = "WIPE_WRITE_PERM_OF_BROKER response";
  std::int32_t topic_count = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("wipeTopicCount", h.topic_count);
  }
};

/// To ADD_WRITE_PERM_OF_BROKER.
struct AddWritePermResponse {
  static constexpr std::string_view name = "ADD_WRITE_PERM_OF_BROKER response";
  std::int32_t topic_count = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("addTopicCount", h.topic_count);
  }
};

/// To a paged GET_ALL_TOPIC_CONFIG.
struct GetAllTopicConfigResponse {
  static constexpr std::string_view name = "GET_ALL_TOPIC_CONFIG response";
  std::optional<std::int32_t> topic_count{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("totalTopicNum", h.topic_count);
  }
};

/// To a paged GET_ALL_SUBSCRIPTIONGROUP_CONFIG.
struct GetAllGroupConfigResponse {
  static constexpr std::string_view name = "GET_ALL_SUBSCRIPTIONGROUP_CONFIG response";
  std::optional<std::int32_t> group_count{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.optional("totalGroupNum", h.group_count);
  }
};

/// To GET_BROKER_CONFIG; the body is Java properties text.
struct GetBrokerConfigResponse {
  static constexpr std::string_view name = "GET_BROKER_CONFIG response";
  std::string_view version{};  ///< a DataVersion as JSON

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("version", h.version);
  }
};

/// To POP_MESSAGE and PEEK_MESSAGE; the body is records back to back.
struct PopResponse {
  static constexpr std::string_view name = "POP_MESSAGE response";
  std::int64_t pop_ms = 0;
  std::int64_t invisible_ms = 0;
  std::int32_t revive_queue_id = 0;
  std::int64_t rest_count = 0;
  std::string_view start_offset_info{};
  std::string_view message_offset_info{};
  std::string_view order_count_info{};

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("popTime", h.pop_ms);
    v.required("invisibleTime", h.invisible_ms);
    v.required("reviveQid", h.revive_queue_id);
    v.required("restNum", h.rest_count);
    v.optional("startOffsetInfo", h.start_offset_info);
    v.optional("msgOffsetInfo", h.message_offset_info);
    v.optional("orderCountInfo", h.order_count_info);
  }
};

/// To CHANGE_MESSAGE_INVISIBLETIME.
struct ChangeInvisibleResponse {
  static constexpr std::string_view name = "CHANGE_MESSAGE_INVISIBLETIME response";
  std::int64_t pop_ms = 0;
  std::int64_t invisible_ms = 0;
  std::int32_t revive_queue_id = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("popTime", h.pop_ms);
    v.required("invisibleTime", h.invisible_ms);
    v.required("reviveQid", h.revive_queue_id);
  }
};

/// To NOTIFICATION.
struct NotificationResponse {
  static constexpr std::string_view name = "NOTIFICATION response";
  bool has_message = false;
  bool polling_full = false;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("hasMsg", h.has_message);
    v.optional("pollingFull", h.polling_full);
  }
};

/// To POLLING_INFO.
struct PollingInfoResponse {
  static constexpr std::string_view name = "POLLING_INFO response";
  std::int32_t polling_count = 0;

  template <class Self, class Visitor>
  static void visit(Self& h, Visitor& v) {
    v.required("pollingNum", h.polling_count);
  }
};

}  // namespace gantry::protocol

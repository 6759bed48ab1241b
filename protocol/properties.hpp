#pragma once
// The property string of a message: repeated  name 0x01 value 0x02.  Source: class MessageDecoder.
//
// Reading rules: the last 0x02 may be missing; segments of fewer than 3 bytes, without 0x01, with an empty name or an
// empty value do not count; of equal names the last one counts. Order carries no meaning.

#include "protocol/buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gantry::protocol {

/// The length field of a record has 16 bits, signed.
inline constexpr std::size_t properties_size_max = 32767;
inline constexpr char property_name_end = '\x01';
inline constexpr char property_end = '\x02';
inline constexpr char key_separator = ' ';  ///< between the keys of KEYS

/// Names that the broker reads or writes.
namespace property {
inline constexpr std::string_view keys = "KEYS";
inline constexpr std::string_view tags = "TAGS";
inline constexpr std::string_view wait = "WAIT";
inline constexpr std::string_view delay = "DELAY";
inline constexpr std::string_view timer_delay_sec = "TIMER_DELAY_SEC";
inline constexpr std::string_view timer_delay_ms = "TIMER_DELAY_MS";
inline constexpr std::string_view timer_deliver_ms = "TIMER_DELIVER_MS";
inline constexpr std::string_view timer_out_ms = "TIMER_OUT_MS";
inline constexpr std::string_view timer_enqueue_ms = "TIMER_ENQUEUE_MS";
inline constexpr std::string_view timer_dequeue_ms = "TIMER_DEQUEUE_MS";
inline constexpr std::string_view timer_roll_times = "TIMER_ROLL_TIMES";
inline constexpr std::string_view timer_del_uniqkey = "TIMER_DEL_UNIQKEY";
inline constexpr std::string_view uniq_key = "UNIQ_KEY";
inline constexpr std::string_view retry_topic = "RETRY_TOPIC";
inline constexpr std::string_view origin_message_id = "ORIGIN_MESSAGE_ID";
inline constexpr std::string_view reconsume_time = "RECONSUME_TIME";
inline constexpr std::string_view max_reconsume_times = "MAX_RECONSUME_TIMES";
inline constexpr std::string_view real_topic = "REAL_TOPIC";
inline constexpr std::string_view real_queue_id = "REAL_QID";
inline constexpr std::string_view transaction_prepared = "TRAN_MSG";
inline constexpr std::string_view producer_group = "PGROUP";
inline constexpr std::string_view transaction_id = "__transactionId__";
inline constexpr std::string_view transaction_check_times = "TRANSACTION_CHECK_TIMES";
inline constexpr std::string_view check_immunity_seconds = "CHECK_IMMUNITY_TIME_IN_SECONDS";
inline constexpr std::string_view transaction_prepared_queue_offset = "TRAN_PREPARED_QUEUE_OFFSET";
inline constexpr std::string_view message_region = "MSG_REGION";
inline constexpr std::string_view trace_switch = "TRACE_ON";
inline constexpr std::string_view cluster = "CLUSTER";
inline constexpr std::string_view min_offset = "MIN_OFFSET";
inline constexpr std::string_view max_offset = "MAX_OFFSET";
inline constexpr std::string_view pop_ck = "POP_CK";
inline constexpr std::string_view first_pop_time = "1ST_POP_TIME";
inline constexpr std::string_view inner_num = "INNER_NUM";
inline constexpr std::string_view inner_base = "INNER_BASE";
inline constexpr std::string_view inner_multi_dispatch = "INNER_MULTI_DISPATCH";
inline constexpr std::string_view inner_multi_queue_offset = "INNER_MULTI_QUEUE_OFFSET";
inline constexpr std::string_view correlation_id = "CORRELATION_ID";
inline constexpr std::string_view reply_to_client = "REPLY_TO_CLIENT";
inline constexpr std::string_view ttl = "TTL";
inline constexpr std::string_view push_reply_time = "PUSH_REPLY_TIME";
inline constexpr std::string_view message_type = "MSG_TYPE";
inline constexpr std::string_view sharding_key = "__SHARDINGKEY";
inline constexpr std::string_view instance_id = "INSTANCE_ID";
inline constexpr std::string_view crc32 = "__CRC32#";
}  // namespace property

struct Property {
  std::string_view name;
  std::string_view value;
};

/// Goes over the valid segments in their order. `for (Property p : PropertyRange(text))`. Views into the text.
class PropertyRange {
 public:
  explicit PropertyRange(std::string_view text) noexcept : text_(text) {}

  class Iterator {
   public:
    explicit Iterator(std::string_view rest) noexcept : rest_(rest) { advance(); }
    Iterator() noexcept = default;
    const Property& operator*() const noexcept { return current_; }
    const Property* operator->() const noexcept { return &current_; }
    Iterator& operator++() noexcept {
      advance();
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
      return a.current_.name.data() == b.current_.name.data();
    }

   private:
    void advance() noexcept;
    std::string_view rest_;
    Property current_;
  };

  [[nodiscard]] Iterator begin() const noexcept { return Iterator(text_); }
  [[nodiscard]] Iterator end() const noexcept { return {}; }

 private:
  std::string_view text_;
};

/// Writes the valid segments, in their order, to `out`, for callers that look for several; how many there were. Stops
/// behind the first one that does not fit, and then returns out.size() + 1. One pass. [any-thread], no allocation.
std::size_t index_properties(std::string_view properties, std::span<Property> out) noexcept;

/// The value of that property; empty when it is absent (empty values do not exist). [any-thread], no allocation.
std::string_view find_property(std::string_view properties, std::string_view name) noexcept;

/// Whether `key` is one of a message's KEYS: the parts that single blanks separate, as RocketMQ indexes them.
/// [any-thread], no allocation.
bool keys_contain(std::string_view keys, std::string_view key) noexcept;
/// The first of a message's KEYS; empty without one.
std::string_view first_key(std::string_view keys) noexcept;
/// Whether a message is found by `key`: it is its UNIQ_KEY or, unless `unique_only`, one of its KEYS.
bool has_index_key(std::string_view properties, std::string_view key, bool unique_only) noexcept;

/// What a publish needs to know, found in one pass. Empty texts are absent properties.
struct CommonProperties {
  std::string_view tags;
  std::string_view keys;
  std::string_view uniq_key;
  std::string_view delay;  ///< text of a level, 1 and up
  std::string_view timer_delay_sec;
  std::string_view timer_delay_ms;
  std::string_view timer_deliver_ms;
  std::string_view transaction_prepared;  ///< "true" marks a half message
  std::string_view producer_group;
  std::string_view pop_ck;  ///< to be dropped from sends
  std::string_view cluster;
  std::string_view message_region;
  std::string_view trace_switch;
  std::string_view wait;  ///< "false": no waiting for flush and replicas
  std::string_view inner_num;

  [[nodiscard]] bool is_half_message() const noexcept;
  /// False only for the text "false" in any case, like Java.
  [[nodiscard]] bool waits_for_store() const noexcept;
};
CommonProperties scan_properties(std::string_view properties) noexcept;

/// True when another property can be appended right behind the text: it is empty or ends in 0x02.
inline bool ends_in_separator(std::string_view properties) noexcept {
  return properties.empty() || properties.back() == property_end;
}

/// True when neither separator occurs in the text, which is what names and values must hold to.
bool is_property_text(std::string_view text) noexcept;

/// Appends  name 0x01 value 0x02  to `out`; nothing when name or value is empty or holds a separator (then false).
bool append_property(ByteBuffer& out, std::string_view name, std::string_view value);
bool append_property(ByteBuffer& out, std::string_view name, std::int64_t value);
/// Closes a text that lacks its last 0x02, so that more can follow.
void close_properties(ByteBuffer& out, std::size_t start);
/// Appends all properties of `text` but those named `name`. Keeps unknown ones; drops segments that do not count.
void append_properties_without(ByteBuffer& out, std::string_view text, std::string_view name);
/// Appends `text` with `name` set to `value`, wherever and how often it occurred before; an empty value removes it.
bool append_properties_with(ByteBuffer& out, std::string_view text, std::string_view name, std::string_view value);

}  // namespace gantry::protocol

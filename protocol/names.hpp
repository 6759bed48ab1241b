#pragma once
// Names of topics and groups: what they may look like, and which are ours. Source: class TopicValidator.

#include "gantry/sdk/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::protocol {

inline constexpr std::size_t topic_size_max = 127;
inline constexpr std::size_t retry_topic_size_max = 255;
inline constexpr std::size_t group_size_max = 120;

namespace topic_name {
inline constexpr std::string_view retry_prefix = "%RETRY%";
inline constexpr std::string_view dead_letter_prefix = "%DLQ%";
inline constexpr std::string_view lmq_prefix = "%LMQ%";
inline constexpr std::string_view system_prefix = "rmq_sys_";
inline constexpr std::string_view auto_create = "TBW102";
inline constexpr std::string_view schedule = "SCHEDULE_TOPIC_XXXX";
inline constexpr std::string_view benchmark = "BenchmarkTest";
inline constexpr std::string_view transaction_half = "RMQ_SYS_TRANS_HALF_TOPIC";
inline constexpr std::string_view transaction_op_half = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
inline constexpr std::string_view transaction_check_max = "TRANS_CHECK_MAX_TIME_TOPIC";
inline constexpr std::string_view trace = "RMQ_SYS_TRACE_TOPIC";
inline constexpr std::string_view self_test = "SELF_TEST_TOPIC";
inline constexpr std::string_view offset_moved = "OFFSET_MOVED_EVENT";
inline constexpr std::string_view checkpoint = "CHECKPOINT_TOPIC";
inline constexpr std::string_view timer_wheel = "rmq_sys_wheel_timer";
inline constexpr std::string_view revive_log_prefix = "rmq_sys_REVIVE_LOG_";
inline constexpr std::string_view sync_member_prefix = "rmq_sys_SYNC_BROKER_MEMBER_";
inline constexpr std::string_view reply_suffix = "_REPLY_TOPIC";
}  // namespace topic_name

/// Characters: ASCII letters and digits, '%', '-', '_', '|', and '+' in retry topics only (POP writes
/// "%RETRY%group+topic"). Nothing else, so a valid name is a safe file name too. Sizes as above.
/// Error: Errc::invalid_argument saying which rule was broken; answer it with INVALID_PARAMETER. [any-thread]
Status check_topic_name(std::string_view topic);
Status check_group_name(std::string_view group);
/// The same without an error text and without allocation.
bool is_topic_name(std::string_view topic) noexcept;
bool is_group_name(std::string_view group) noexcept;

inline bool is_retry_topic(std::string_view topic) noexcept { return topic.starts_with(topic_name::retry_prefix); }
inline bool is_dead_letter_topic(std::string_view topic) noexcept {
  return topic.starts_with(topic_name::dead_letter_prefix);
}
std::string retry_topic(std::string_view group);
std::string dead_letter_topic(std::string_view group);
/// The part behind "%RETRY%" or "%DLQ%"; the whole text when there is no such prefix.
std::string_view group_of_retry_topic(std::string_view topic) noexcept;

/// Topics that every broker has whatever its name: admin may not create, change or delete them. Those made of the
/// cluster's or the broker's name are the routing room's to know.
bool is_system_topic(std::string_view topic) noexcept;
/// Topics that no client may publish to: a forged message there would stop delays, timers or transactions.
bool is_send_forbidden(std::string_view topic) noexcept;
/// Groups that exist at every broker for its own or the tools' use.
bool is_system_group(std::string_view group) noexcept;

}  // namespace gantry::protocol

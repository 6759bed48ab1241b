#pragma once
// RocketMQ's names for delayed messages, and the one name of ours.

#include "gantry/sdk/response_code.hpp"

#include <cstdint>
#include <string_view>

namespace gantry::delay {

inline constexpr std::string_view timer_topic = "rmq_sys_wheel_timer";
inline constexpr std::string_view level_topic = "SCHEDULE_TOPIC_XXXX";
inline constexpr std::string_view half_topic = "RMQ_SYS_TRANS_HALF_TOPIC";
/// Ours: where messages go whose topic is gone when they fall due. Their REAL_TOPIC tells where they belong.
inline constexpr std::string_view undeliverable_topic = "rmq_sys_gantry_undeliverable";
inline constexpr std::string_view retry_prefix = "%RETRY%";

/// Levels that RocketMQ has unless it is configured otherwise, and queues of its topic for them.
inline constexpr std::int32_t rocketmq_level_count = 18;

namespace property {
inline constexpr std::string_view delay = "DELAY";
inline constexpr std::string_view delay_sec = "TIMER_DELAY_SEC";
inline constexpr std::string_view delay_ms = "TIMER_DELAY_MS";
inline constexpr std::string_view deliver_ms = "TIMER_DELIVER_MS";
inline constexpr std::string_view out_ms = "TIMER_OUT_MS";
inline constexpr std::string_view enqueue_ms = "TIMER_ENQUEUE_MS";
inline constexpr std::string_view dequeue_ms = "TIMER_DEQUEUE_MS";
inline constexpr std::string_view roll_times = "TIMER_ROLL_TIMES";
inline constexpr std::string_view cancel_key = "TIMER_DEL_UNIQKEY";  ///< "<real topic>+<UNIQ_KEY>"
inline constexpr std::string_view real_topic = "REAL_TOPIC";
inline constexpr std::string_view real_queue = "REAL_QID";
inline constexpr std::string_view unique_key = "UNIQ_KEY";
inline constexpr std::string_view keys = "KEYS";
inline constexpr std::string_view half_message = "TRAN_MSG";
/// Ours: TIMER_OUT_MS is exact. Without it RocketMQ has rounded it down to its wheel's precision.
inline constexpr std::string_view exact = "TIMER_EXACT";
}  // namespace property

namespace code = sdk::response_code;

}  // namespace gantry::delay

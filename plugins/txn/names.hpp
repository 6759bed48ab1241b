#pragma once
// RocketMQ's names and numbers around transactions.

#include "gantry/sdk/response_code.hpp"

#include <cstdint>
#include <string_view>

namespace gantry::txn {

inline constexpr std::string_view half_topic = "RMQ_SYS_TRANS_HALF_TOPIC";
inline constexpr std::string_view op_topic = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
inline constexpr std::string_view discard_topic = "TRANS_CHECK_MAX_TIME_TOPIC";
/// Its offsets on the half and the op topic say how far transactions are finished.
inline constexpr std::string_view progress_group = "CID_RMQ_SYS_TRANS";

namespace property {
inline constexpr std::string_view is_half = "TRAN_MSG";
inline constexpr std::string_view real_topic = "REAL_TOPIC";
inline constexpr std::string_view real_queue = "REAL_QID";
inline constexpr std::string_view producer_group = "PGROUP";
inline constexpr std::string_view uniq_key = "UNIQ_KEY";
inline constexpr std::string_view transaction_id = "__transactionId__";
inline constexpr std::string_view check_times = "TRANSACTION_CHECK_TIMES";
inline constexpr std::string_view first_half_offset = "TRAN_PREPARED_QUEUE_OFFSET";
inline constexpr std::string_view immunity_seconds = "CHECK_IMMUNITY_TIME_IN_SECONDS";
inline constexpr std::string_view tags = "TAGS";
inline constexpr std::string_view delay = "DELAY";
inline constexpr std::string_view timer_prefix = "TIMER_";
/// Ours, on op records: how the transaction ended, its group and its key. RocketMQ does not look at it.
inline constexpr std::string_view outcome = "GANTRY_TXN";
/// Ours, on discarded messages: why, in words.
inline constexpr std::string_view discard_reason = "GANTRY_TXN_DISCARD";
}  // namespace property

inline constexpr std::string_view op_tag = "d";

/// Bits 2 and 3 of sys_flag.
namespace sys_flag {
inline constexpr std::int32_t transaction_mask = 0xC;
inline constexpr std::int32_t commit = 0x8;
inline constexpr std::int32_t rollback = 0xC;
inline constexpr std::int32_t host_v6_mask = 0x30;  ///< which the store sets by itself
}  // namespace sys_flag

namespace request {
inline constexpr std::int32_t end_transaction = 37;
inline constexpr std::int32_t check_transaction_state = 39;
inline constexpr std::int32_t resume_check_half_message = 323;
inline constexpr std::int32_t list_transactions = 30021;  ///< Gantry's own, as is the next one
inline constexpr std::int32_t show_transaction = 30022;
}  // namespace request

namespace response = sdk::response_code;

/// A record's properties fill at most 32767 bytes; copies of half messages carry two more than the first one.
inline constexpr std::size_t properties_size_max = 32767;
inline constexpr std::size_t properties_reserve = 512;

}  // namespace gantry::txn

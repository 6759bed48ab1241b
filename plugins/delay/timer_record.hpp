#pragma once
// Between records of the timer topic and what happens with them.

#include "plugins/delay/entry.hpp"

#include "gantry/sdk/messages.hpp"
#include "gantry/sdk/record.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::delay {

/// What a record of the timer topic asks for. Views into the record.
struct TimerRecord {
  Entry entry;
  std::string_view topic;       ///< the real one
  std::string_view unique_key;  ///< may be empty
  std::string_view cancel_key;  ///< "<topic>+<UNIQ_KEY>" of what it cancels; empty: it is a timer
  std::int32_t queue_id = 0;    ///< the real one
  std::int64_t due_ms = 0;
  std::int64_t out_ms = 0;  ///< TIMER_OUT_MS
};

/// Understands ours and RocketMQ's own. Those of RocketMQ have a time that was rounded down: what was asked for is
/// taken from TIMER_DELIVER_MS if that can be, else it is due a second later, as RocketMQ would deliver it; never
/// early.
///
/// A timer that waits much longer than `roll_after_ms` is to be appended again before its record expires.
Result<TimerRecord> read_timer_record(const sdk::Record& record, std::int64_t roll_after_ms);

/// The properties that the message has when it is delivered from the timer topic.
std::string delivered_properties(const sdk::Record& record, std::int64_t now_ms);
/// The properties that a timer's record has when it is appended again.
std::string rolled_properties(const sdk::Record& record);

/// The message of a record, with other properties; views into the record.
sdk::Outgoing to_outgoing(const sdk::Record& record);

}  // namespace gantry::delay

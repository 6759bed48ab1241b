#pragma once
// What RocketMQ says about its timers, for a broker that goes on with its files: config/timercheck.
//
//   big-endian, 8 bytes each: last read time (ms) | position in the timer log | queue offset read so far
//   | the master's queue offset | state version | timestamp | counter; the file has 4096 bytes

#include "plugins/delay/state.hpp"

#include "gantry/sdk/result.hpp"

#include <string_view>

namespace gantry::delay {

inline constexpr std::string_view timer_checkpoint_blob = "timercheck";

/// What had been delivered. Nothing (zeros) when the file says that RocketMQ never delivered a timer.
Result<Watermark> decode_timer_checkpoint(std::string_view bytes);

}  // namespace gantry::delay

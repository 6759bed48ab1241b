#pragma once
// With what a producer recalls a message: RocketMQ's handle, "v1 <topic> <broker name> <time> <UNIQ_KEY>" in URL-safe
// Base64. The time is TIMER_OUT_MS + 1, so that RocketMQ's rounding finds the same slot of its wheel.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::delay {

struct RecallHandle {
  std::string topic;
  std::string broker_name;
  std::int64_t due_ms = 0;
  std::string unique_key;
};

std::string encode_handle(const RecallHandle& handle);
/// Takes Base64 with padding or without. The error says what is wrong with the text.
Result<RecallHandle> decode_handle(std::string_view text);

}  // namespace gantry::delay

#pragma once
// RocketMQ's delayOffset.json: how far the queue of each delay level has been delivered, so that either broker goes on
// where the other stopped. Written as RocketMQ does, with numbers as keys; read with quotes around them, too.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace gantry::delay {

inline constexpr std::string_view delay_offsets_blob = "delayOffset.json";

struct DelayOffsets {
  std::map<std::int32_t, std::int64_t> levels;  ///< level, from 1 -> next queue offset
  std::int64_t counter = 0;                     ///< of dataVersion
};

std::string encode_delay_offsets(const DelayOffsets& offsets, std::int64_t now_ms);
Result<DelayOffsets> decode_delay_offsets(std::string_view json);

}  // namespace gantry::delay

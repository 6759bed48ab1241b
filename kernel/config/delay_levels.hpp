#pragma once
// The list of delay levels, as operators (and RocketMQ's messageDelayLevel) write it: "1s 5s 10s 30s 1m 2h".

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace gantry::config {

inline constexpr std::size_t delay_levels_max = 64;

/// Milliseconds of the levels 1, 2, ... Errors name the level, what was expected and what was found: durations above
/// zero with a unit, separated by blanks, one to delay_levels_max of them.
Result<std::vector<std::int64_t>> parse_delay_levels(std::string_view text);

}  // namespace gantry::config

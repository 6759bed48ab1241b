#pragma once
// What a message says about when it wants to be delivered.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::delay {

struct WishLimits {
  std::int32_t level_count = 18;
  std::int64_t horizon_ms = 0;  ///< how far in the future a timer may lie
};

struct Wish {
  enum class Kind : std::uint8_t {
    now,      ///< like any other message
    level,    ///< DELAY
    timer,    ///< TIMER_DELAY_SEC, TIMER_DELAY_MS or TIMER_DELIVER_MS
    refused,  ///< `reason` says why
  };
  Kind kind = Kind::now;
  bool asks = false;       ///< some property asked, whatever became of it
  bool is_cancel = false;  ///< TIMER_DEL_UNIQKEY: no message, but the end of one
  std::int32_t level = 0;  ///< 1 .. level_count
  std::int64_t due_ms = 0;
  std::string reason = {};
};

/// Reads the wish out of the properties in one pass, with RocketMQ's precedence: a DELAY above 0, then TIMER_DELAY_SEC,
/// TIMER_DELAY_MS, TIMER_DELIVER_MS. Allocates only when it refuses.
Wish read_wish(std::string_view properties, std::int64_t now_ms, const WishLimits& limits);

/// A whole decimal number, as Java's parsers take it (a sign is allowed); nothing when it is none or does not fit.
std::optional<std::int64_t> read_number(std::string_view text) noexcept;

}  // namespace gantry::delay

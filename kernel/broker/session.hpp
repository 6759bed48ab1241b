#pragma once
// What a shard keeps per connection.

#include "kernel/base/channel.hpp"

#include <cstddef>

namespace gantry::broker {

struct Hold;

/// Lives from on_open to on_close of its channel, at a stable address, on the channel's shard.
struct Session {
  Channel* channel = nullptr;
  Hold* holds = nullptr;  ///< the pulls of this connection that wait (HoldTable links them)
  std::size_t hold_count = 0;
};

}  // namespace gantry::broker

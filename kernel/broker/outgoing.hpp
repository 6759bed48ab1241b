#pragma once
// Messages that the broker or a plugin publishes itself.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"
#include "kernel/base/unique_function.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::broker {

/// A message and all that its record says. Owns its bytes. A value.
struct OutgoingMessage {
  std::string topic;
  std::string body;
  std::string properties;      ///< stored as given
  std::int32_t queue_id = -1;  ///< below 0: the broker chooses
  std::int32_t flag = 0;
  std::int32_t sys_flag = 0;
  std::int32_t reconsume_count = 0;
  std::int64_t born_ms = 0;
  std::int64_t prepared_offset = 0;
  gantry_address born_host{};
};

/// Where it was stored.
struct PublishedMessage {
  std::int64_t log_offset = 0;
  std::int64_t queue_offset = 0;
  std::int32_t queue_id = 0;
  std::string message_id;
};

/// Called once, on a shard. An error timed_out means: stored, but its promise was not kept in time.
using PublishDone = UniqueFunction<void(const Result<PublishedMessage>&)>;

}  // namespace gantry::broker

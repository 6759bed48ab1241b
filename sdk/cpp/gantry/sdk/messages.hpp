#pragma once
// Messages that a plugin publishes, and what becomes of them.

#include "gantry/abi/host.h"
#include "gantry/sdk/detail/guard.hpp"
#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::sdk {

/// A message to publish on the plugin's behalf. Borrows everything until publish() returns.
struct Outgoing {
  std::string_view topic;
  std::string_view body;
  std::string_view properties = {};  ///< see gantry/sdk/properties.hpp
  std::int32_t queue_id = -1;        ///< -1: the host chooses
  std::int64_t born_ms = 0;          ///< 0: now
  std::int64_t prepared_offset = 0;
  std::int32_t flag = 0;
  std::int32_t sys_flag = 0;
  std::int32_t reconsume_count = 0;
  gantry_address born_host = {};
  bool after = false;  ///< in a batch: stored only when the one before it was
};

/// Where a published message went. `message_id` is borrowed until the callback returns.
struct Published {
  Status status = {};
  std::int64_t log_offset = -1;
  std::int64_t queue_offset = -1;
  std::string_view message_id = {};
};

namespace detail {

inline gantry_outgoing to_c(const Outgoing& message) noexcept {
  gantry_outgoing out = {};
  out.struct_size = sizeof out;
  out.queue_id = message.queue_id;
  out.topic = to_bytes(message.topic);
  out.body = to_bytes(message.body);
  out.properties = to_bytes(message.properties);
  out.born_ms = message.born_ms;
  out.prepared_offset = message.prepared_offset;
  out.flag = message.flag;
  out.sys_flag = message.sys_flag;
  out.reconsume_count = message.reconsume_count;
  out.born_host = message.born_host;
  out.options = message.after ? GANTRY_OUTGOING_AFTER : 0;
  return out;
}

inline Published from_c(const gantry_publish_outcome& outcome) {
  Published published{.log_offset = outcome.log_offset,
                      .queue_offset = outcome.queue_offset,
                      .message_id = to_view(outcome.message_id)};
  if (outcome.status != GANTRY_OK) {
    const auto code = static_cast<Errc>(outcome.status);
    published.status = Error{code, "the message was not published: " + std::string(to_string(code))};
  }
  return published;
}

}  // namespace detail
}  // namespace gantry::sdk

#pragma once
// A request while it is handled, and what is left of it once it has to wait.

#include "kernel/base/channel.hpp"
#include "protocol/codes.hpp"
#include "protocol/frame.hpp"
#include "protocol/header.hpp"

#include <cstdint>

namespace gantry::broker {

/// All that is needed to address the answer to a request on its channel. A value.
struct ReplyTo {
  std::int32_t opaque = 0;
  protocol::SerializeType type = protocol::SerializeType::json;
  bool oneway = false;  ///< the client reads no answer: none is written
};

/// A request whose bytes are still there. Lives for the call that handles it.
struct Request {
  const protocol::FrameView& frame;
  const protocol::HeaderView& header;
  Channel& channel;

  [[nodiscard]] ReplyTo reply_to() const noexcept { return {header.opaque, header.type, header.is_oneway()}; }
};

}  // namespace gantry::broker

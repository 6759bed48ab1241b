#pragma once
// From the bytes of a connection to its requests: what all listeners share.

#include "kernel/base/channel.hpp"
#include "kernel/base/log.hpp"
#include "protocol/frame.hpp"
#include "protocol/header.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace gantry::broker {

/// Cuts all whole frames out of `bytes`, decodes their headers into `header` (reused, because it is large) and calls
/// `serve(frame)` for each request; answers to our own requests go to `answered(frame)`. A frame or header that does
/// not decode ends the connection: after it nothing in the stream can be trusted, not even where the next frame begins.
template <typename Serve, typename Answered>
Consumed consume_frames(Channel& channel, std::span<const std::byte> bytes, protocol::HeaderView& header, Serve&& serve,
                        Answered&& answered) {
  Consumed consumed;
  for (;;) {
    const protocol::CutResult cut = protocol::cut_frame(bytes.subspan(consumed.bytes));
    if (cut.outcome == protocol::CutOutcome::need_more) {
      consumed.wanted = cut.size_wanted;
      return consumed;
    }
    if (cut.outcome == protocol::CutOutcome::malformed) {
      GANTRY_LOG_EVERY(std::chrono::seconds(1), warn, "broker.frame_malformed", field("channel", channel.id()),
                       field("error", cut.describe()));
      consumed.fault = "malformed frame";
      return consumed;
    }
    if (const Status decoded = protocol::decode_header(cut.frame, header); !decoded) {
      GANTRY_LOG_EVERY(std::chrono::seconds(1), warn, "broker.header_malformed", field("channel", channel.id()),
                       field("error", decoded.error()));
      consumed.fault = "malformed header";
      return consumed;
    }
    consumed.bytes += cut.frame.size;
    if (header.is_response()) {
      answered(cut.frame);
    } else {
      serve(cut.frame);
    }
  }
}

}  // namespace gantry::broker

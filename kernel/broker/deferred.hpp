#pragma once
// Answers that are given later, from another thread than the one that read the request.

#include "kernel/broker/remarks.hpp"
#include "kernel/broker/request.hpp"
#include "kernel/broker/shared.hpp"
#include "protocol/buffer.hpp"
#include "protocol/frame_writer.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

namespace gantry::broker {

/// The right to answer one request, once, from any thread. Moves, does not copy. Going without having answered means
/// that the work was thrown away at the stop of the process: nothing is sent.
///
/// Bounds: `deferred_max` of them; see admit(). A connection that does not take what it was sent gets SYSTEM_BUSY
/// instead of a large answer.
class Deferred {
 public:
  /// [shard] False: too many requests wait already; answer SYSTEM_BUSY.
  [[nodiscard]] static bool admit(const Shared& shared) noexcept {
    return shared.counters.deferred.value() < static_cast<std::int64_t>(shared.options.deferred_max);
  }

  Deferred(Shared& shared, ChannelId channel, ReplyTo to) : shared_(&shared), channel_(channel), to_(to) {
    shared.counters.deferred.add(1);
  }
  Deferred(Deferred&& other) noexcept
      : shared_(std::exchange(other.shared_, nullptr)), channel_(other.channel_), to_(other.to_) {}
  Deferred& operator=(Deferred&&) = delete;
  ~Deferred() { finish(); }

  /// [any-thread]
  void answer(protocol::ResponseCode code, std::string_view remark = {}, protocol::ByteView body = {}) {
    protocol::ByteBuffer frame;
    protocol::write_frame(frame, protocol::response_meta(to_.type, to_.opaque, code, remark), body);
    send(std::move(frame));
  }
  template <typename Header>
  void answer(protocol::ResponseCode code, std::string_view remark, const Header& header,
              protocol::ByteView body = {}) {
    protocol::ByteBuffer frame;
    protocol::write_frame(frame, protocol::response_meta(to_.type, to_.opaque, code, remark), header, body);
    send(std::move(frame));
  }

 private:
  static constexpr std::size_t small_bytes_max = 64 * 1024;

  void send(protocol::ByteBuffer frame) {
    if (shared_ == nullptr) return;
    if (!to_.oneway) {
      const std::size_t pending_bytes_max = shared_->options.pull_pending_bytes_max;
      shared_->env.shards.with_channel(
          channel_, [held = std::move(frame), pending_bytes_max, to = to_](Channel* channel) {
            if (channel == nullptr) return;
            if (held.size() <= small_bytes_max || channel->pending_bytes() <= pending_bytes_max) {
              return channel->send(held.view());
            }
            protocol::ByteBuffer refusal;
            protocol::write_frame(refusal,
                                  protocol::response_meta(to.type, to.opaque, protocol::ResponseCode::system_busy,
                                                          remark::connection_stalled),
                                  protocol::ByteView());
            channel->send(refusal.view());
          });
    }
    finish();
  }
  void finish() noexcept {
    if (Shared* shared = std::exchange(shared_, nullptr)) shared->counters.deferred.add(-1);
  }

  Shared* shared_;
  ChannelId channel_;
  ReplyTo to_;
};

}  // namespace gantry::broker

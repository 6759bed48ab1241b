#pragma once
// Requests of the broker's own to clients that wait for an answer, which is relayed to whoever asked.

#include "kernel/base/channel.hpp"
#include "kernel/base/clock.hpp"
#include "kernel/base/executor.hpp"
#include "kernel/base/unique_function.hpp"
#include "kernel/broker/deferred.hpp"
#include "protocol/frame.hpp"
#include "protocol/header.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace gantry::broker {

/// Thread: [any-thread]; one lock, held for a look into the table. Such calls are an operator's, a few per second.
/// Bound: each call holds a Deferred (Options::deferred_max).
class ClientCalls {
 public:
  static constexpr std::chrono::milliseconds timeout{10'000};  ///< RocketMQ's; then CONSUME_MSG_TIMEOUT

  explicit ClientCalls(Shared& shared) : shared_(shared) {}
  ClientCalls(const ClientCalls&) = delete;
  ClientCalls& operator=(const ClientCalls&) = delete;

  /// What a client answered; SYSTEM_ERROR when it went away, CONSUME_MSG_TIMEOUT when it is silent. Borrowed.
  struct Outcome {
    protocol::ResponseCode code = protocol::ResponseCode::success;
    std::string_view remark;
    protocol::ByteView body;
  };
  using Done = UniqueFunction<void(const Outcome&)>;

  /// Sends a request with `header` and `body` on `channel`. `done` is called once, on any thread, unless the process
  /// stops before.
  template <typename Header>
  void call(ChannelId channel, protocol::RequestCode code, const Header& header, protocol::ByteView body, Done done) {
    const std::int32_t opaque = shared_.next_opaque.fetch_add(1, std::memory_order_relaxed);
    protocol::ByteBuffer frame;
    protocol::write_frame(frame, protocol::request_meta(code, opaque, false), header, body);
    send(channel, opaque, std::move(frame), std::move(done));
  }

  /// The same; `later` is answered with code, remark and body as they come.
  template <typename Header>
  void relay(ChannelId channel, protocol::RequestCode code, const Header& header, protocol::ByteView body,
             Deferred later) {
    call(channel, code, header, body, [answer = std::move(later)](const Outcome& outcome) mutable {
      answer.answer(outcome.code, outcome.remark, outcome.body);
    });
  }

  /// [shard] A client answered. What nobody waits for (any more) is ignored.
  void answered(ChannelId channel, const protocol::HeaderView& header, protocol::ByteView body,
                protocol::Scratch& scratch);
  /// [shard] The connection is gone.
  void closed(ChannelId channel);

 private:
  struct Call {
    ChannelId channel;
    std::int64_t deadline_ns = 0;
    Done done;
  };
  void send(ChannelId channel, std::int32_t opaque, protocol::ByteBuffer frame, Done done);
  /// [control] Each call asks for one when its time is over.
  void expire();
  std::optional<Call> take(std::int32_t opaque, ChannelId channel);

  Shared& shared_;
  std::mutex mutex_;  // guards calls_
  std::unordered_map<std::int32_t, Call> calls_;
};

}  // namespace gantry::broker

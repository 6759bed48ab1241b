#pragma once
// What all request handlers of one shard share: the way to the tables, and one buffer for answers.

#include "kernel/broker/request.hpp"
#include "kernel/broker/session.hpp"
#include "kernel/broker/shared.hpp"
#include "protocol/buffer.hpp"
#include "protocol/frame_writer.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace gantry::broker {

/// [shard] Handlers append answers to `out`; the dispatcher sends it once per chunk of requests, and whoever answers
/// out of turn (a timer, a wake-up) calls flush() for the channel it wrote to.
struct ShardContext {
  static constexpr std::size_t out_bytes = 64 * 1024;
  static constexpr std::size_t kept_out_bytes_max = 1024 * 1024;  ///< a larger buffer does not stay resident

  ShardContext(Shared& all, ShardId shard);
  ShardContext(const ShardContext&) = delete;
  ShardContext& operator=(const ShardContext&) = delete;

  Shared& shared;
  const ShardId id;
  Executor& executor;
  routing::TopicTable::Reader topics;
  routing::GroupTable::Reader groups;
  routing::ClientRegistry::ConsumerReader consumers;
  protocol::ByteBuffer out;
  protocol::Scratch scratch;  ///< texts of the requests of one chunk
  std::unordered_map<std::uint64_t, Session> sessions;

  /// Begins a turn: what the turn before looked up and unescaped is gone.
  void turn();

  [[nodiscard]] std::int64_t steady_ns() const noexcept { return shared.env.clock.steady_ns(); }
  [[nodiscard]] static std::int64_t to_ns(std::chrono::milliseconds time) noexcept {
    return std::chrono::nanoseconds(time).count();
  }

  /// Adopts a group by name: creates it when that is allowed. nullptr with `error` otherwise.
  const routing::Group* group(std::string_view name, Error& error);

  // ---- answering; nothing is written for one-way requests ----

  void reply(const ReplyTo& to, protocol::ResponseCode code, std::string_view remark = {},
             protocol::ByteView body = {}) {
    if (!to.oneway) protocol::write_frame(out, protocol::response_meta(to.type, to.opaque, code, remark), body);
  }
  template <typename Header>
  void reply(const ReplyTo& to, protocol::ResponseCode code, std::string_view remark, const Header& header,
             protocol::ByteView body = {}) {
    if (!to.oneway) protocol::write_frame(out, protocol::response_meta(to.type, to.opaque, code, remark), header, body);
  }
  /// Sends what was written so far.
  void flush(Channel& channel) {
    if (out.empty()) return;
    channel.send(out.view());
    out.clear();
    if (out.capacity() > kept_out_bytes_max) protocol::ByteBuffer(out_bytes).swap(out);
  }

  [[nodiscard]] Session* session(ChannelId channel) {
    const auto found = sessions.find(channel.value());
    return found == sessions.end() ? nullptr : &found->second;
  }
};

}  // namespace gantry::broker

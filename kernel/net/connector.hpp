#pragma once
// Connections that we open to others.

#include "gantry/sdk/result.hpp"
#include "kernel/base/channel.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/net/blocking_pool.hpp"
#include "kernel/net/session_limits.hpp"
#include "kernel/net/shard_pool.hpp"
#include "kernel/net/tls.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace gantry::net {

struct ConnectOptions {
  std::string host;  ///< address or name
  std::uint16_t port = 0;
  std::chrono::milliseconds timeout{3'000};  ///< for name lookup, connect and TLS handshake together
  SessionLimits session;
  std::shared_ptr<TlsContext> tls;  ///< nullptr = plain
};

/// Opens connections. The same sessions as on the server's side: what arrives goes to the ChannelHandler.
///
/// Thread: connect() is [any-thread]. Life: outlives its ShardPool's stop(), or has no connect() under way any more;
/// the pools outlive it. Bound: lookups by the blocking pool's queue (then Errc::busy); the caller bounds how many
/// connections it asks for.
class Connector {
 public:
  using Done = UniqueFunction<void(Result<ChannelId>)>;

  Connector(ShardPool& shards, BlockingPool& blocking, MetricsRegistry& metrics);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  /// Connects on `shard`. Success: handler.on_open(channel), then done(id), both on that shard. Failure: done(error) on
  /// that shard, saying which address was tried and what it answered; the handler hears nothing. `handler` outlives
  /// the connection. `done` is destroyed without a call only when the pool stops meanwhile.
  void connect(ShardId shard, ConnectOptions options, ChannelHandler& handler, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::net

#pragma once
// A port that accepts connections and hands them to the shards.

#include "gantry/abi/types.h"
#include "gantry/sdk/result.hpp"
#include "kernel/base/channel.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/net/session_limits.hpp"
#include "kernel/net/shard_pool.hpp"
#include "kernel/net/tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gantry::net {

struct ListenerOptions {
  std::string name = "broker";     ///< for logs and metrics
  std::string host = "127.0.0.1";  ///< address or name; "0.0.0.0" = every IPv4, "::" = every IPv6 and IPv4 address
  std::uint16_t port = 0;          ///< 0 lets the system choose; see Listener::port()
  int backlog = 1024;
  std::size_t connections_max = 10'000;  ///< of this listener; further ones are closed at once, logged and counted
  SessionLimits session;
  TlsMode tls_mode = TlsMode::disabled;
  std::shared_ptr<TlsContext> tls;  ///< needed for enforcing; permissive without one serves plain only
  /// One per shard, in the order of the shards; handler i is used on shard i only. Not owned: they outlive
  /// ShardPool::stop(). Several listeners may share them.
  std::vector<ChannelHandler*> handlers;
};

/// Accepts on one port. Connections go to the shard that has the fewest; there they become sessions, whose events the
/// shard's handler hears. A process that is out of file descriptors keeps serving those it has, and closes new ones.
///
/// Life, all [control]: open() after ShardPool::start(), close() before ShardPool::stop().
class Listener {
 public:
  /// Errors name the address and what to do about it (in use, not ours, privileged).
  static Result<std::unique_ptr<Listener>> open(ShardPool& pool, ListenerOptions options, MetricsRegistry& metrics);

  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Stops accepting and returns when that is so. Connections stay. Idempotent.
  void close();

  /// [any-thread] The port and address in use.
  [[nodiscard]] std::uint16_t port() const noexcept;
  [[nodiscard]] const gantry_address& address() const noexcept;

  /// [any-thread] Connections accepted here that are still there.
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  struct Impl;
  explicit Listener(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with the accepting shard and the sessions, which count themselves out
};

}  // namespace gantry::net

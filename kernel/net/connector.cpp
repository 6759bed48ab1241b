#include "kernel/net/connector.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/net/address.hpp"
#include "kernel/net/shard.hpp"
#include "kernel/net/socket.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace gantry::net {

namespace {

using Instant = std::chrono::steady_clock::time_point;

/// One connect() on its way from the caller over the name lookup to the shard.
struct Attempt {
  Shard& shard;
  ConnectOptions options;
  ChannelHandler& handler;
  Connector::Done done;
  Instant deadline;
  Counter* tls_handshakes;
  Counter* tls_failures;
};

std::string target(const ConnectOptions& options) { return options.host + ":" + std::to_string(options.port); }

void report(std::shared_ptr<Attempt> attempt, Error error) {
  Shard& shard = attempt->shard;
  shard.loop().post([attempt = std::move(attempt), error = std::move(error)]() mutable {
    attempt->done(std::move(error).within("connecting to " + target(attempt->options)));
  });
}

// [shard]
void begin(std::shared_ptr<Attempt> attempt, const gantry_address& address) {
  auto fd = make_tcp_socket(address);
  if (!fd) return attempt->done(std::move(fd).error().within("connecting to " + target(attempt->options)));
  prepare_connection(fd->get());
  sockaddr_storage raw{};
  const socklen_t size = to_sockaddr(address, raw);
  if (::connect(fd->get(), reinterpret_cast<const sockaddr*>(&raw), size) != 0 && errno != EINPROGRESS) {
    return attempt->done(Error{Errc::io, "connecting to " + target(attempt->options) + ": " + system_text(errno)});
  }
  auto profile = std::make_shared<SessionProfile>();
  profile->limits = attempt->options.session;
  profile->tls = attempt->options.tls;
  profile->tls_mode = attempt->options.tls ? TlsMode::enforcing : TlsMode::disabled;
  profile->name = attempt->options.host;
  profile->is_server = false;
  profile->tls_handshakes = attempt->tls_handshakes;
  profile->tls_failures = attempt->tls_failures;
  Session::Setup setup;
  setup.peer = address;
  setup.handler = &attempt->handler;
  setup.profile = ConnectionCount(std::move(profile));
  setup.connected = std::move(attempt->done);

  Shard& shard = attempt->shard;
  const ChannelId id = shard.adopt_here(std::move(*fd), std::move(setup));
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(attempt->deadline - std::chrono::steady_clock::now());
  shard.loop().call_after(std::max(left, std::chrono::milliseconds(0)), [&shard, id] {
    Session* session = shard.find(id);
    if (session != nullptr && session->phase() < Session::Phase::open)
      session->end("no answer in time", Errc::timed_out);
  });
}

}  // namespace

struct Connector::Impl {
  ShardPool& shards;
  BlockingPool& blocking;
  Counter& tls_handshakes;
  Counter& tls_failures;
};

Connector::Connector(ShardPool& shards, BlockingPool& blocking, MetricsRegistry& metrics)
    : impl_(std::make_unique<Impl>(Impl{
          shards, blocking,
          metrics.counter("gantry_net_tls_handshakes", "TLS handshakes completed", {{"listener", "outgoing"}}),
          metrics.counter("gantry_net_tls_failures", "TLS handshakes that failed", {{"listener", "outgoing"}})})) {}

Connector::~Connector() = default;

void Connector::connect(ShardId shard, ConnectOptions options, ChannelHandler& handler, Done done) {
  const Instant deadline = std::chrono::steady_clock::now() + options.timeout;
  auto attempt =
      std::make_shared<Attempt>(Attempt{impl_->shards.shard(shard), std::move(options), handler, std::move(done),
                                        deadline, &impl_->tls_handshakes, &impl_->tls_failures});
  // A numeric address needs no lookup, and so no thread that may block.
  if (const auto address = parse_ip(attempt->options.host, attempt->options.port)) {
    EventLoop& loop = attempt->shard.loop();
    return loop.post(
        [attempt = std::move(attempt), address = *address]() mutable { begin(std::move(attempt), address); });
  }
  Executor::Task lookup = [attempt]() mutable {
    auto address = resolve(attempt->options.host, attempt->options.port);
    if (!address) return report(std::move(attempt), std::move(address).error());
    EventLoop& loop = attempt->shard.loop();
    loop.post([attempt = std::move(attempt), address = *address]() mutable { begin(std::move(attempt), address); });
  };
  if (impl_->blocking.post(std::move(lookup))) return;
  report(std::move(attempt), Error{Errc::busy, "too many tasks wait for a thread that may look the name up"});
}

}  // namespace gantry::net

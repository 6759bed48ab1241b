#include "kernel/net/listener.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/log.hpp"
#include "kernel/net/address.hpp"
#include "kernel/net/shard.hpp"
#include "kernel/net/socket.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <future>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>

namespace gantry::net {

namespace {

constexpr int accepts_per_turn = 64;
constexpr std::chrono::milliseconds back_off{100};
constexpr std::chrono::seconds log_interval{5};

int open_reserve() noexcept { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

Error refuse(const ListenerOptions& options, const char* doing, int code) {
  std::string text = std::string(doing) + " " + options.host + ":" + std::to_string(options.port) + " for " +
                     options.name + ": " + system_text(code);
  if (code == EADDRINUSE) text += "; another process (perhaps a broker) has this port: stop it or choose another one";
  if (code == EADDRNOTAVAIL) text += "; this is no address of this machine";
  if (code == EACCES) text += "; ports below 1024 need a privilege";
  return Error{code == EADDRINUSE ? Errc::already_exists : Errc::io, std::move(text)};
}

Result<OwnedFd> listen_on(const ListenerOptions& options) {
  GANTRY_ASSIGN(const gantry_address address, resolve(options.host, options.port));
  GANTRY_ASSIGN(OwnedFd fd, make_tcp_socket(address));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ip_size == 16) {
    const int v6_only = 0;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  }
  sockaddr_storage raw{};
  const socklen_t size = to_sockaddr(address, raw);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&raw), size) != 0) return refuse(options, "binding", errno);
  if (::listen(fd.get(), options.backlog) != 0) return refuse(options, "listening on", errno);
  return fd;
}

Status check(const ShardPool& pool, const ListenerOptions& options) {
  GANTRY_ASSERT(options.handlers.size() == pool.count(), "a listener needs one handler for each shard");
  if (options.tls_mode == TlsMode::enforcing && !options.tls) {
    return Error{Errc::invalid_argument, "listening for " + options.name +
                                             ": TLS is enforced, but there is no certificate; configure one, or "
                                             "choose the mode permissive"};
  }
  if (options.tls_mode == TlsMode::permissive && !options.tls) {
    GANTRY_LOG(info, "net.tls_unavailable", field("listener", options.name),
               field("reason", "no certificate is configured; only plain connections are served"));
  }
  return {};
}

}  // namespace

// Lives on its home shard after open(). The waiting accept keeps it alive until close().
struct Listener::Impl : std::enable_shared_from_this<Listener::Impl> {
  Impl(ShardPool& shards, ListenerOptions given, MetricsRegistry& metrics)
      : pool(shards),
        home(shards.least_loaded()),
        options(std::move(given)),
        descriptor(home.loop().io()),
        accepted(metrics.counter("gantry_net_accepted", "Connections accepted", {{"listener", options.name}})),
        refused_limit(refused(metrics, "limit")),
        refused_files(refused(metrics, "files")) {
    profile = std::make_shared<SessionProfile>();
    profile->limits = options.session;
    profile->tls_mode = options.tls_mode;
    profile->tls = options.tls;
    profile->name = options.name;
    profile->wrong_kind = &refused(metrics, "kind");
    profile->open = &metrics.gauge("gantry_net_listener_connections", "Open connections of a listener",
                                   {{"listener", options.name}});
    profile->tls_handshakes =
        &metrics.counter("gantry_net_tls_handshakes", "TLS handshakes completed", {{"listener", options.name}});
    profile->tls_failures =
        &metrics.counter("gantry_net_tls_failures", "TLS handshakes that failed", {{"listener", options.name}});
  }
  ~Impl() { OwnedFd close_it(reserve); }

  Counter& refused(MetricsRegistry& metrics, const char* reason) const {
    return metrics.counter("gantry_net_refused",
                           "Connections closed at once: too many, no file descriptor left, or TLS where plain is "
                           "served and the other way round",
                           {{"listener", options.name}, {"reason", reason}});
  }

  void wait() {
    descriptor.async_wait(Descriptor::wait_read, [self = shared_from_this()](const error_code& error) {
      if (!error) self->accept_some();
    });
  }

  void accept_some() {
    for (int i = 0; i < accepts_per_turn; ++i) {
      sockaddr_storage raw{};
      socklen_t size = sizeof raw;
      OwnedFd fd(::accept4(descriptor.native_handle(), reinterpret_cast<sockaddr*>(&raw), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() >= 0) {
        take(std::move(fd), from_sockaddr(raw));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      } else if (errno == EMFILE || errno == ENFILE) {
        // The system says so even when nobody waits to be accepted.
        const Shed shed = shed_one();
        if (shed == Shed::nobody) break;
        if (shed == Shed::stuck) return wait_a_little();
      } else if (errno == ENOBUFS || errno == ENOMEM) {
        GANTRY_LOG_EVERY(log_interval, error, "net.accept_failed", field("listener", options.name),
                         field("error", system_text(errno)));
        return wait_a_little();
      }
      // Anything else is the fate of that one connection, which ended before it was accepted.
    }
    wait();
  }

  void take(OwnedFd fd, const gantry_address& peer) {
    if (profile->connections.load(std::memory_order_relaxed) >= options.connections_max) {
      refused_limit.add();
      GANTRY_LOG_EVERY(log_interval, warn, "net.refused", field("listener", options.name),
                       field("peer", to_string(peer)), field("reason", "as many connections as connections_max allows"),
                       field("connections_max", options.connections_max));
      return;
    }
    accepted.add();
    prepare_connection(fd.get());
    Shard& shard = pool.least_loaded();
    Session::Setup setup;
    setup.peer = peer;
    setup.local = local_address(fd.get());
    setup.handler = options.handlers[shard.id().value()];
    setup.profile = ConnectionCount(profile);
    shard.adopt(std::move(fd), std::move(setup));
  }

  // Out of file descriptors: one is kept in reserve, with which the waiting connection can be taken and closed, so that
  // its client learns of it at once and the loop does not spin on a socket that stays readable.
  enum class Shed : std::uint8_t { one, nobody, stuck };
  Shed shed_one() {
    if (reserve < 0) reserve = open_reserve();
    if (reserve < 0) return Shed::stuck;
    OwnedFd(std::exchange(reserve, -1)).reset();
    OwnedFd shed(::accept4(descriptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
    const bool nobody = shed.get() < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    const bool one = shed.get() >= 0;
    shed.reset();
    reserve = open_reserve();
    if (nobody) return Shed::nobody;
    refused_files.add();
    GANTRY_LOG_EVERY(log_interval, error, "net.refused", field("listener", options.name),
                     field("reason", "out of file descriptors; raise the limit of open files"));
    return one ? Shed::one : Shed::stuck;
  }

  void wait_a_little() {
    home.loop().call_after(back_off, [self = shared_from_this()] {
      if (self->descriptor.is_open()) self->wait();
    });
  }

  ShardPool& pool;
  Shard& home;
  ListenerOptions options;
  std::shared_ptr<SessionProfile> profile;
  Descriptor descriptor;
  Counter& accepted;
  Counter& refused_limit;
  Counter& refused_files;
  int reserve = open_reserve();
  gantry_address address{};
  bool closed = false;  // [control]
};

Result<std::unique_ptr<Listener>> Listener::open(ShardPool& pool, ListenerOptions options, MetricsRegistry& metrics) {
  GANTRY_TRY(check(pool, options));
  GANTRY_ASSIGN(OwnedFd fd, listen_on(options));
  const auto impl = std::make_shared<Impl>(pool, std::move(options), metrics);
  impl->address = local_address(fd.get());
  impl->home.loop().post([impl, owned = std::move(fd)]() mutable {
    error_code error;
    impl->descriptor.assign(owned.get(), error);
    if (error) {
      GANTRY_LOG(error, "net.listen_failed", field("listener", impl->options.name), field("error", error.message()));
      return;
    }
    (void)owned.release();
    impl->wait();
  });
  GANTRY_LOG(info, "net.listening", field("listener", impl->options.name), field("address", to_string(impl->address)),
             field("tls", impl->options.tls_mode));
  return std::unique_ptr<Listener>(new Listener(impl));
}

Listener::Listener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() { close(); }

void Listener::close() {
  if (std::exchange(impl_->closed, true)) return;
  // When the shard has stopped, the task is destroyed without running, which ends the wait as well.
  std::promise<void> promise;
  const std::future<void> closed = promise.get_future();
  impl_->home.loop().post([impl = impl_, promise = std::move(promise)]() mutable {
    error_code ignored;
    impl->descriptor.close(ignored);
    promise.set_value();
  });
  closed.wait();
}

std::uint16_t Listener::port() const noexcept { return static_cast<std::uint16_t>(impl_->address.port); }
const gantry_address& Listener::address() const noexcept { return impl_->address; }
std::size_t Listener::connections() const noexcept {
  return impl_->profile->connections.load(std::memory_order_relaxed);
}

}  // namespace gantry::net

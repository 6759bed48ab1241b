#pragma once
// What the tests of this room share: handlers with a simple frame format, a raw client, a server in one object.

#include "kernel/base/channel.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/net/address.hpp"
#include "kernel/net/blocking_pool.hpp"
#include "kernel/net/connector.hpp"
#include "kernel/net/listener.hpp"
#include "kernel/net/shard_pool.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gantry::net::testing {

using namespace std::chrono_literals;

/// Waits until `condition` holds; false after `limit`.
inline bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// A frame of the test protocol: the payload's length as 4 bytes (big endian), then the payload.
inline std::string frame(std::string_view payload) {
  const std::uint32_t size = htonl(static_cast<std::uint32_t>(payload.size()));
  std::string out(reinterpret_cast<const char*>(&size), 4);
  return out.append(payload);
}

/// Cuts frames and hands them to `on_frame`; counts everything. Counters may be read from any thread.
class FrameHandler : public ChannelHandler {
 public:
  using OnFrame = std::function<void(Channel&, std::span<const std::byte> whole)>;

  explicit FrameHandler(OnFrame on_frame = echo()) : on_frame_(std::move(on_frame)) {}

  static OnFrame echo() {
    return [](Channel& channel, std::span<const std::byte> whole) { channel.send(whole); };
  }

  void on_open(Channel& channel) override {
    const std::lock_guard lock(mutex_);
    last_id_ = channel.id();
    last_peer_ = channel.peer();
    last_local_ = channel.local();
    last_secure_ = channel.is_secure();
    ++opened;
  }
  Consumed on_bytes(Channel& channel, std::span<const std::byte> bytes) override {
    ++shown;
    largest_shown = std::max(largest_shown.load(), bytes.size());
    Consumed out;
    while (bytes.size() - out.bytes >= 4) {
      std::uint32_t size = 0;
      std::memcpy(&size, bytes.data() + out.bytes, 4);
      const std::size_t whole = 4 + std::size_t{ntohl(size)};
      if (whole > frame_bytes_max) {
        out.fault = "the frame is too large for this test";
        return out;
      }
      if (bytes.size() - out.bytes < whole || channel.pending_bytes() > pending_bytes_max) {
        out.wanted = whole;
        break;
      }
      ++frames;
      on_frame_(channel, bytes.subspan(out.bytes, whole));
      out.bytes += whole;
    }
    return out;
  }
  void on_close(Channel&, std::string_view reason) override {
    const std::lock_guard lock(mutex_);
    last_reason_ = reason;
    ++closed;
  }

  [[nodiscard]] ChannelId last_id() const { return with_lock(last_id_); }
  [[nodiscard]] std::string last_reason() const { return with_lock(last_reason_); }
  [[nodiscard]] gantry_address last_peer() const { return with_lock(last_peer_); }
  [[nodiscard]] gantry_address last_local() const { return with_lock(last_local_); }
  [[nodiscard]] bool last_secure() const { return with_lock(last_secure_); }

  std::size_t frame_bytes_max = 64 << 20;
  std::size_t pending_bytes_max = SIZE_MAX;  // frames are left alone while more waits
  std::atomic<std::size_t> opened{0};
  std::atomic<std::size_t> closed{0};
  std::atomic<std::size_t> frames{0};
  std::atomic<std::size_t> shown{0};
  std::atomic<std::size_t> largest_shown{0};

 private:
  template <typename T>
  T with_lock(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }

  OnFrame on_frame_;
  mutable std::mutex mutex_;
  ChannelId last_id_;
  std::string last_reason_;
  gantry_address last_peer_{};
  gantry_address last_local_{};
  bool last_secure_ = false;
};

/// Limits for tests: no lingering for clients that stay connected while the server stops.
inline SessionLimits test_limits() {
  SessionLimits limits;
  limits.linger_timeout = 20ms;
  limits.close_timeout = 2s;
  return limits;
}

/// Shards, one handler for all of them, one listener.
class Server {
 public:
  struct Options {
    std::size_t shards = 1;
    ShardPoolOptions pool{};
    ListenerOptions listener{};
  };

  explicit Server(ChannelHandler& handler) : Server(handler, defaults()) {}
  Server(ChannelHandler& handler, Options options) {
    options.pool.shards = options.shards;
    pool = std::make_unique<ShardPool>(options.pool, metrics);
    EXPECT_TRUE(pool->start().has_value());
    options.listener.handlers.assign(options.shards, &handler);
    auto opened = Listener::open(*pool, std::move(options.listener), metrics);
    if (!opened) {
      ADD_FAILURE() << opened.error().text;
      std::abort();
    }
    listener = std::move(*opened);
  }
  ~Server() { stop(); }

  static Options defaults() {
    Options options;
    options.listener.session = test_limits();
    return options;
  }

  void stop(std::chrono::milliseconds drain = 5s) {
    listener->close();
    pool->stop(drain);
  }

  [[nodiscard]] std::int64_t metric(std::string_view name, std::string_view label = {}) const {
    std::int64_t sum = 0;
    for (const MetricSample& sample : metrics.snapshot()) {
      if (sample.name != name) continue;
      bool matches = label.empty();
      for (const auto& [key, value] : sample.labels) matches = matches || value == label;
      if (matches) sum += sample.value;
    }
    return sum;
  }

  MetricsRegistry metrics;
  std::unique_ptr<ShardPool> pool;
  std::unique_ptr<Listener> listener;
};

/// A blocking socket whose every wait is bounded by ten seconds.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (receive_buffer > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(Client&& other) noexcept : connected(other.connected), fd_(std::exchange(other.fd_, -1)) {}
  ~Client() { close(); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Exactly `size` bytes, or fewer when the connection ended before.
  std::string receive(std::size_t size) {
    std::string out(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t count = ::recv(fd_, out.data() + got, size - got, 0);
      if (count <= 0) break;
      got += static_cast<std::size_t>(count);
    }
    out.resize(got);
    return out;
  }
  /// True once the server ended the connection (in order or by reset); false after the time limit.
  bool closed_by_server() {
    char rest[4096];
    for (;;) {
      const ssize_t count = ::recv(fd_, rest, sizeof rest, 0);
      if (count == 0) return true;
      if (count < 0) return errno != EAGAIN && errno != EWOULDBLOCK;
    }
  }
  /// Closes so that the server sees a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int fd() const { return fd_; }

  bool connected = false;

 private:
  int fd_;
};

}  // namespace gantry::net::testing

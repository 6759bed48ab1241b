#pragma once
// One connection on its shard.

#include "gantry/sdk/result.hpp"
#include "kernel/base/channel.hpp"
#include "kernel/base/metrics.hpp"
#include "kernel/net/asio.hpp"
#include "kernel/net/op_slot.hpp"
#include "kernel/net/out_buffer.hpp"
#include "kernel/net/session_limits.hpp"
#include "kernel/net/tls.hpp"
#include "kernel/net/transport.hpp"
#include "kernel/net/unfinished.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::net {

class Shard;

/// What the connections of one listener (or of one connect()) have in common. Immutable but for the count.
struct SessionProfile {
  SessionLimits limits;
  TlsMode tls_mode = TlsMode::disabled;
  std::shared_ptr<TlsContext> tls;
  std::string name;  ///< listener or remote host, for logs and as TLS server name
  bool is_server = true;
  Gauge* open = nullptr;  ///< connections of this listener
  Counter* tls_handshakes = nullptr;
  Counter* tls_failures = nullptr;
  Counter* wrong_kind = nullptr;  ///< plain where TLS is demanded, or the other way round
  std::atomic<std::size_t> connections{0};
};

/// One connection, counted with its listener from the moment it was accepted until its session is destroyed.
class ConnectionCount {
 public:
  ConnectionCount() = default;
  explicit ConnectionCount(std::shared_ptr<SessionProfile> profile) noexcept : profile_(std::move(profile)) {
    profile_->connections.fetch_add(1, std::memory_order_relaxed);
    if (profile_->open != nullptr) profile_->open->add(1);
  }
  ConnectionCount(ConnectionCount&&) noexcept = default;
  ConnectionCount& operator=(ConnectionCount&& other) noexcept {
    profile_.swap(other.profile_);
    return *this;
  }
  ~ConnectionCount() {
    if (!profile_) return;
    profile_->connections.fetch_sub(1, std::memory_order_relaxed);
    if (profile_->open != nullptr) profile_->open->add(-1);
  }
  [[nodiscard]] const SessionProfile* operator->() const noexcept { return profile_.get(); }

 private:
  std::shared_ptr<SessionProfile> profile_;
};

/// A socket that became a session's. Closes it when nobody takes it.
class OwnedFd {
 public:
  explicit OwnedFd(int fd = -1) noexcept : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~OwnedFd() { reset(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept;

 private:
  int fd_;
};

/// The Channel of a TCP connection. Everything is [shard]. Owned by its Shard, which destroys it at the end of the turn
/// in which it ended and no operation refers to it any more.
///
/// Reading is by readiness: a session waits for its socket, then reads into the shard's one buffer and shows the
/// handler what is there. Only an unfinished frame is kept by the session. So an idle connection costs this object,
/// Asio's record of the descriptor and nothing else.
///
/// A handler may leave whole frames when much waits for the peer: it reports `wanted` no larger than what it left. They
/// are shown again when half of what waited has left; until then nothing is read.
///
/// Phases go only downwards: connecting (clients) -> first_byte (servers) -> handshake (TLS) -> open -> closing (writes
/// what waits) -> lingering (waits for the peer to close) -> ended. The handler hears on_open on the way into `open`
/// and on_close on the way out of it or of `closing`, if it heard on_open.
class Session final : public Channel {
 public:
  using Instant = std::chrono::steady_clock::time_point;
  enum class Phase : std::uint8_t { connecting, first_byte, handshake, open, closing, lingering, ended };
  using Connected = UniqueFunction<void(Result<ChannelId>)>;

  struct Setup {
    ChannelId id;
    gantry_address peer{};
    gantry_address local{};
    ChannelHandler* handler = nullptr;
    ConnectionCount profile;
    Connected connected;  ///< clients: hears how it went
  };

  Session(Shard& shard, Setup setup, int fd);
  ~Session() override;

  /// Has the loop watch the socket. When that fails, the session has ended on return.
  void start();

  // Channel
  [[nodiscard]] ChannelId id() const noexcept override { return id_; }
  [[nodiscard]] Executor& shard() noexcept override;
  [[nodiscard]] const gantry_address& peer() const noexcept override { return peer_; }
  [[nodiscard]] const gantry_address& local() const noexcept override { return local_; }
  [[nodiscard]] bool is_secure() const noexcept override { return transport_.is_tls(); }
  void send(std::span<const std::byte> bytes) override;
  void send(std::span<const std::byte> head, std::span<const gantry_slice> slices,
            UniqueFunction<void()> release) override;
  [[nodiscard]] std::size_t pending_bytes() const noexcept override { return out_ ? out_->size() : 0; }
  void close(std::string_view reason) override;

  // For the shard.
  [[nodiscard]] Phase phase() const noexcept { return phase_; }
  [[nodiscard]] bool is_open() const noexcept { return phase_ == Phase::open && !close_asked_; }
  [[nodiscard]] bool may_be_destroyed() const noexcept {
    return phase_ == Phase::ended && !reading_ && !writing_ && !dirty;
  }
  /// Writes what waits, at the end of a turn.
  void flush();
  /// Reads nothing any more; what is sent still leaves.
  void quiesce() noexcept { quiesced_ = true; }
  /// Ends it if one of its times is over. `slack` is how inexact `now` is.
  void check_times(Instant now, std::chrono::milliseconds slack);
  /// Ends it after what waits was written; the handler hears on_close now.
  void begin_close(std::string_view reason);
  /// Ends it at once: runs all releases, tells the handler (or whoever connects, with `code`), closes the socket.
  void end(std::string_view reason, Errc code = Errc::unavailable);

  // Places in the shard's bookkeeping.
  std::size_t index = 0;
  bool dirty = false;

 private:
  struct ReadWaiting;
  struct WriteWaiting;

  void wait_readable();
  void wait_writable();
  void on_readable();
  void on_writable();

  void finish_connect();
  void classify();
  void shake_hands();
  void open();
  void read_some();
  [[nodiscard]] Io read_chunk();
  [[nodiscard]] Io read_long();
  Io show_kept();
  std::size_t show(std::span<const std::byte> bytes);
  void keep(std::span<const std::byte> rest);
  void note_read(std::size_t bytes) noexcept;
  void begin_linger();
  void drain_until_closed();
  void end_after(std::chrono::milliseconds delay, Phase phase);
  void refuse_memory();
  void fail(std::string_view doing);
  void write_out();
  void account_out() noexcept;
  [[nodiscard]] bool out_is_over_limit() const noexcept;
  [[nodiscard]] bool out_is_low() const noexcept;
  void set_paused(bool paused) noexcept;
  void tell_closed(std::string_view reason);

  Shard& shard_;
  const ChannelId id_;
  ChannelHandler* const handler_;
  const ConnectionCount profile_;
  const gantry_address peer_;
  gantry_address local_;
  Descriptor descriptor_;
  Transport transport_;

  Phase phase_ = Phase::first_byte;
  bool reading_ = false;     // an operation waits for the socket to be readable
  bool writing_ = false;     // an operation waits for it to be writable
  bool paused_ = false;      // too much waits for the peer; nothing is read
  bool quiesced_ = false;    // nothing is read any more
  bool in_handler_ = false;  // the handler is on the stack, and a flush follows its return
  bool told_open_ = false;
  bool close_asked_ = false;    // close() was called; takes effect at the end of the turn
  bool write_on_read_ = false;  // TLS must read before it can write on
  bool held_back_ = false;      // unfinished_ begins with a whole frame that the handler left on purpose
  bool read_on_write_ = false;  // TLS must write before it can read on

  Unfinished unfinished_;
  std::size_t resume_at_ = 0;       // held_back_: shown again when no more than this waits for the peer
  std::size_t wanted_ = 0;          // bytes of the frame in unfinished_, when known
  std::unique_ptr<OutBuffer> out_;  // nullptr while nothing waits
  std::size_t out_charged_ = 0;     // how much of out_ counts against the process's budget

  Instant phase_began_;
  Instant last_active_;
  Instant frame_began_;
  Instant stalled_since_;
  std::string close_reason_;  // what close() or the handler said
  std::unique_ptr<Connected> connected_;

  OpSlot<160> read_slot_;
  OpSlot<160> write_slot_;
};

}  // namespace gantry::net

#include "kernel/net/session.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/base/log.hpp"
#include "kernel/net/address.hpp"
#include "kernel/net/shard.hpp"
#include "kernel/net/socket.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace gantry::net {

namespace {

// How many chunks one connection may read before others have their turn.
constexpr int reads_per_turn = 4;
// Up to here an unfinished frame goes through the shard's buffer again; a longer one is read into its own memory, so
// that a frame that trickles in is not copied for every byte.
constexpr std::size_t short_bytes = Unfinished::free_bytes;
// Above this, a session whose peer does not read waits when all sessions together hold too much.
constexpr std::size_t out_fair_bytes = 64 * 1024;
constexpr std::byte tls_handshake_record{0x16};

}  // namespace

void OwnedFd::reset(int fd) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

struct Session::ReadWaiting {
  Session* session;
  using allocator_type = OpAllocator<void, 160>;
  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(session->read_slot_); }
  // The error says only that the session ended meanwhile, which the session knows itself.
  void operator()(const error_code& = {}) const { session->on_readable(); }
};

struct Session::WriteWaiting {
  Session* session;
  using allocator_type = OpAllocator<void, 160>;
  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(session->write_slot_); }
  void operator()(const error_code& = {}) const { session->on_writable(); }
};

Session::Session(Shard& shard, Setup setup, int fd)
    : shard_(shard),
      id_(setup.id),
      handler_(setup.handler),
      profile_(std::move(setup.profile)),
      peer_(setup.peer),
      local_(setup.local),
      descriptor_(shard.loop().io()),
      transport_(fd),
      phase_(profile_->is_server ? Phase::first_byte : Phase::connecting),
      unfinished_(shard.commons().unfinished),
      phase_began_(shard.coarse_now()),
      last_active_(phase_began_),
      frame_began_(phase_began_),
      stalled_since_(phase_began_) {
  if (setup.connected) connected_ = std::make_unique<Connected>(std::move(setup.connected));
}

Session::~Session() { GANTRY_ASSERT(phase_ == Phase::ended, "a session ends before it is destroyed"); }

Executor& Session::shard() noexcept { return shard_.loop(); }

void Session::start() {
  error_code error;
  descriptor_.assign(transport_.fd(), error);
  if (error) {
    ::close(transport_.fd());
    return end("the loop cannot watch the socket: " + error.message(), Errc::io);
  }
  phase_ == Phase::connecting ? wait_writable() : wait_readable();
}

// ---- waiting for the socket ----

void Session::wait_readable() {
  if (std::exchange(reading_, true)) return;
  if (held_back_ || transport_.has_buffered()) {
    // These bytes already left the socket, which will not announce them again.
    asio::post(descriptor_.get_executor(), ReadWaiting{this});
  } else {
    descriptor_.async_wait(Descriptor::wait_read, ReadWaiting{this});
  }
}

void Session::wait_writable() {
  if (std::exchange(writing_, true)) return;
  stalled_since_ = shard_.coarse_now();
  descriptor_.async_wait(Descriptor::wait_write, WriteWaiting{this});
}

void Session::on_readable() {
  reading_ = false;
  if (std::exchange(write_on_read_, false)) flush();
  switch (phase_) {
    case Phase::first_byte: return classify();
    case Phase::handshake: return shake_hands();
    case Phase::open: return read_some();
    case Phase::lingering: return drain_until_closed();
    case Phase::ended: return shard_.schedule_turn_end();
    case Phase::connecting:
    case Phase::closing: return;
  }
}

void Session::on_writable() {
  writing_ = false;
  switch (phase_) {
    case Phase::connecting: return finish_connect();
    case Phase::handshake: return shake_hands();
    case Phase::open:
    case Phase::closing:
      flush();
      if (std::exchange(read_on_write_, false) && phase_ == Phase::open) read_some();
      return;
    case Phase::ended: return shard_.schedule_turn_end();
    case Phase::first_byte:
    case Phase::lingering: return;
  }
}

// ---- from the first event to open ----

void Session::finish_connect() {
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(transport_.fd(), SOL_SOCKET, SO_ERROR, &code, &size);
  if (code != 0) return end(system_text(code), Errc::io);
  local_ = local_address(transport_.fd());
  if (!profile_->tls) return open();
  phase_ = Phase::handshake;
  if (!transport_.start_tls(*profile_->tls, TlsRole::client, profile_->name)) return fail("beginning TLS");
  shake_hands();
}

// A server tells TLS from plain by the first byte, which stays in the socket.
void Session::classify() {
  std::byte first{};
  const ssize_t count = ::recv(transport_.fd(), &first, 1, MSG_PEEK);
  if (count == 0) return end("closed by the peer before it sent anything");
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return wait_readable();
    return end(system_text(errno));
  }
  const bool wants_tls = first == tls_handshake_record;
  const bool may_tls = profile_->tls_mode != TlsMode::disabled && profile_->tls;
  if (wants_tls != may_tls && (wants_tls || profile_->tls_mode == TlsMode::enforcing)) {
    const std::string_view reason = wants_tls ? "the client began TLS, which is off or has no certificate here"
                                              : "the client sent plain bytes, but this listener demands TLS";
    if (profile_->wrong_kind != nullptr) profile_->wrong_kind->add();
    GANTRY_LOG_EVERY(std::chrono::seconds(5), warn, "net.refused", field("listener", profile_->name),
                     field("peer", to_string(peer_)), field("reason", reason));
    return end(reason);
  }
  if (!wants_tls) return open();
  phase_ = Phase::handshake;
  phase_began_ = shard_.coarse_now();
  if (!transport_.start_tls(*profile_->tls, TlsRole::server, {})) return fail("beginning TLS");
  shake_hands();
}

void Session::shake_hands() {
  switch (transport_.handshake()) {
    case Io::done:
      if (profile_->tls_handshakes != nullptr) profile_->tls_handshakes->add();
      return open();
    case Io::want_read: return wait_readable();
    case Io::want_write: return wait_writable();
    case Io::closed:
    case Io::failed: return fail("TLS handshake");
  }
}

void Session::open() {
  phase_ = Phase::open;
  phase_began_ = last_active_ = shard_.coarse_now();
  told_open_ = true;
  in_handler_ = true;
  handler_->on_open(*this);
  if (connected_) {
    const auto connected = std::exchange(connected_, nullptr);
    (*connected)(id_);
  }
  in_handler_ = false;
  flush();
  if (phase_ != Phase::open) return;
  profile_->is_server ? read_some() : wait_readable();
}

// ---- reading ----

void Session::read_some() {
  for (int turn = 0; turn < reads_per_turn; ++turn) {
    if (quiesced_) return;
    if (out_is_over_limit()) return set_paused(true);
    const Io state = held_back_ ? show_kept() : unfinished_.size() > short_bytes ? read_long() : read_chunk();
    if (phase_ != Phase::open) return;
    flush();
    if (phase_ != Phase::open) return;
    if (held_back_ && pending_bytes() > resume_at_) return set_paused(true);
    switch (state) {
      case Io::done: break;
      case Io::want_read: return out_is_over_limit() ? set_paused(true) : wait_readable();
      case Io::want_write: read_on_write_ = true; return wait_writable();
      case Io::closed: return out_ ? begin_close("closed by the peer") : end("closed by the peer");
      case Io::failed: return fail("reading");
    }
  }
  wait_readable();
}

Io Session::read_chunk() {
  const std::span<std::byte> buffer = shard_.buffer();
  const std::size_t kept = unfinished_.size();
  if (kept > 0) std::memcpy(buffer.data(), unfinished_.bytes().data(), kept);
  const IoResult got = transport_.read(buffer.subspan(kept, shard_.commons().read_chunk_bytes));
  if (got.bytes == 0) return got.state;
  note_read(got.bytes);
  const auto bytes = buffer.first(kept + got.bytes);
  if (bytes.size() < wanted_) {
    keep(bytes);
  } else {
    const std::size_t taken = show(bytes);
    if (phase_ == Phase::open) keep(bytes.subspan(taken));
  }
  return got.state;
}

// The frame is longer than what goes through the shard's buffer: what arrives is put where it stays.
Io Session::read_long() {
  if (unfinished_.room().empty()) {
    const std::size_t limit = wanted_ > 0 ? wanted_ : profile_->limits.unfinished_bytes_max;
    if (unfinished_.size() >= limit) {
      begin_close("the frame is longer than " + std::to_string(limit) + " bytes and not complete");
      return Io::done;
    }
    if (!unfinished_.grow(limit)) {
      refuse_memory();
      return Io::done;
    }
  }
  const IoResult got = transport_.read(unfinished_.room());
  if (got.bytes == 0) return got.state;
  note_read(got.bytes);
  unfinished_.add(got.bytes);
  if (unfinished_.size() >= wanted_) {
    const std::size_t taken = show(unfinished_.bytes());
    if (phase_ == Phase::open) unfinished_.drop_front(taken);
  }
  return got.state;
}

Io Session::show_kept() {
  const std::size_t taken = show(unfinished_.bytes());
  if (phase_ == Phase::open) unfinished_.drop_front(taken);
  return Io::done;
}

void Session::note_read(std::size_t bytes) noexcept {
  shard_.metrics().bytes_in.add(bytes);
  last_active_ = shard_.coarse_now();
  if (unfinished_.size() == 0) frame_began_ = last_active_;
}

// Lets the handler take what it can from `bytes`; returns how much that was.
std::size_t Session::show(std::span<const std::byte> bytes) {
  in_handler_ = true;
  Consumed taken = handler_->on_bytes(*this, bytes);
  in_handler_ = false;
  if (!GANTRY_BUG(taken.bytes <= bytes.size(), "a handler cannot take more than it was shown")) {
    taken.bytes = bytes.size();
  }
  const std::size_t rest = bytes.size() - taken.bytes;
  wanted_ = taken.wanted > rest ? taken.wanted : 0;
  held_back_ = taken.wanted > 0 && taken.wanted <= rest && pending_bytes() > 0;
  resume_at_ = pending_bytes() / 2;
  if (taken.bytes > 0) frame_began_ = last_active_;
  if (!taken.fault.empty()) {
    begin_close(taken.fault);
  } else if (wanted_ > profile_->limits.unfinished_bytes_max) {
    begin_close("a frame of " + std::to_string(wanted_) + " bytes, where at most " +
                std::to_string(profile_->limits.unfinished_bytes_max) + " are accepted");
  }
  return taken.bytes;
}

void Session::keep(std::span<const std::byte> rest) {
  if (!unfinished_.assign(rest)) refuse_memory();
}

void Session::refuse_memory() {
  GANTRY_LOG_EVERY(std::chrono::seconds(1), warn, "net.unfinished_frames_over_limit", field("peer", to_string(peer_)),
                   field("bytes_max", shard_.commons().unfinished.bytes_max()));
  end("unfinished frames of all connections hold too much memory");
}

// ---- writing ----

void Session::send(std::span<const std::byte> bytes) { send(bytes, {}, {}); }

void Session::send(std::span<const std::byte> head, std::span<const gantry_slice> slices,
                   UniqueFunction<void()> release) {
  if (!is_open()) {
    if (release) release();
    return;
  }
  if (!out_) out_ = shard_.take_out_buffer();
  out_->append(head);
  if (!slices.empty() || release) out_->append(slices, std::move(release));
  if (!in_handler_) shard_.mark_dirty(*this);
}

void Session::close(std::string_view reason) {
  if (!is_open()) return;
  close_asked_ = true;
  close_reason_ = reason;
  if (!in_handler_) shard_.mark_dirty(*this);
}

void Session::flush() {
  if (phase_ != Phase::open && phase_ != Phase::closing) return;
  if (out_ && !writing_ && !write_on_read_) write_out();
  if (phase_ == Phase::open && close_asked_) return begin_close(close_reason_);
  if (phase_ == Phase::closing && !out_) return begin_linger();
  if (paused_ && phase_ == Phase::open && out_is_low()) {
    set_paused(false);
    frame_began_ = shard_.coarse_now();
    wait_readable();
  }
}

void Session::write_out() {
  const IoResult wrote = transport_.write(*out_, shard_.buffer());
  if (wrote.bytes > 0) {
    shard_.metrics().bytes_out.add(wrote.bytes);
    last_active_ = stalled_since_ = shard_.coarse_now();
  }
  switch (wrote.state) {
    case Io::done:
      if (!out_->empty()) shard_.mark_dirty(*this);
      break;
    case Io::want_write: wait_writable(); break;
    case Io::want_read:
      write_on_read_ = true;
      wait_readable();
      break;
    case Io::closed:
    case Io::failed: return fail("writing");
  }
  account_out();
  if (out_->empty()) shard_.give_out_buffer(std::exchange(out_, nullptr));
}

// Tells the process how much this session holds; costs nothing while everything leaves at once.
void Session::account_out() noexcept {
  const std::size_t held = out_ ? out_->owned_bytes() : 0;
  if (held == out_charged_) return;
  ByteBudget& budget = shard_.commons().out;
  budget.force(held);
  budget.give_back(out_charged_);
  out_charged_ = held;
}

bool Session::out_is_over_limit() const noexcept {
  const std::size_t pending = pending_bytes();
  return pending > profile_->limits.out_bytes_max || (pending > out_fair_bytes && shard_.commons().out.exhausted());
}

// When it was held back because of the others, it goes on when its own share is small, so that it never waits for an
// event of another session.
bool Session::out_is_low() const noexcept {
  const std::size_t pending = pending_bytes();
  return pending <= profile_->limits.out_bytes_max / 2 && (!held_back_ || pending <= resume_at_) &&
         (pending <= out_fair_bytes / 2 || !shard_.commons().out.exhausted());
}

void Session::set_paused(bool paused) noexcept {
  if (paused_ == paused) return;
  paused_ = paused;
  shard_.metrics().paused.add(paused ? 1 : -1);
}

// ---- the end ----

void Session::begin_close(std::string_view reason) {
  if (phase_ >= Phase::closing) return;
  if (phase_ < Phase::open) return end(reason);
  // A stopping process says so once, not for each connection.
  if (!shard_.is_closing()) {
    GANTRY_LOG_EVERY(std::chrono::milliseconds(200), info, "net.closing", field("peer", to_string(peer_)),
                     field("listener", profile_->name), field("reason", reason));
  }
  phase_ = Phase::closing;
  set_paused(false);
  tell_closed(reason);
  unfinished_.clear();
  end_after(profile_->limits.close_timeout, Phase::closing);
  flush();
}

// Closing a socket whose input was not read makes the system reset the connection, and the peer may lose what we sent
// last. So the output is ended first, and the input thrown away until the peer ends it too.
void Session::begin_linger() {
  phase_ = Phase::lingering;
  transport_.end_output();
  if (profile_->limits.linger_timeout.count() == 0) return end({});
  end_after(profile_->limits.linger_timeout, Phase::lingering);
  drain_until_closed();
}

void Session::drain_until_closed() {
  for (int turn = 0; turn < reads_per_turn; ++turn) {
    const std::span<std::byte> buffer = shard_.buffer();
    const ssize_t count = ::recv(transport_.fd(), buffer.data(), buffer.size(), 0);
    if (count > 0) continue;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    return end({});
  }
  if (std::exchange(reading_, true)) return;
  descriptor_.async_wait(Descriptor::wait_read, ReadWaiting{this});
}

void Session::end_after(std::chrono::milliseconds delay, Phase phase) {
  shard_.loop().call_after(delay, [shard = &shard_, id = id_, phase] {
    Session* session = shard->find(id);
    if (session != nullptr && session->phase_ == phase) session->end({});
  });
}

void Session::fail(std::string_view doing) {
  const bool handshake = phase_ == Phase::handshake;
  const std::string reason = std::string(doing) + ": " + transport_.error();
  if (handshake) {
    if (profile_->tls_failures != nullptr) profile_->tls_failures->add();
    GANTRY_LOG_EVERY(std::chrono::seconds(1), info, "net.tls_failed", field("peer", to_string(peer_)),
                     field("reason", reason));
  }
  end(reason, handshake ? Errc::permission_denied : Errc::io);
}

void Session::tell_closed(std::string_view reason) {
  if (std::exchange(told_open_, false)) handler_->on_close(*this, reason);
}

void Session::end(std::string_view reason, Errc code) {
  if (phase_ == Phase::ended) return;
  const bool was_connecting = phase_ < Phase::open;
  phase_ = Phase::ended;
  set_paused(false);
  GANTRY_LOG(debug, "net.closed", field("peer", to_string(peer_)), field("reason", reason));
  tell_closed(reason);
  if (connected_ && was_connecting) {
    const auto connected = std::exchange(connected_, nullptr);
    (*connected)(
        Error{code, "connecting to " + profile_->name + " at " + to_string(peer_) + ": " + std::string(reason)});
  }
  if (out_) {
    out_->clear();
    account_out();
    shard_.give_out_buffer(std::exchange(out_, nullptr));
  }
  unfinished_.clear();
  error_code ignored;
  descriptor_.close(ignored);
  shard_.bury(*this);
}

void Session::check_times(Instant now, std::chrono::milliseconds slack) {
  const auto over = [now, slack](Instant since, std::chrono::milliseconds limit) {
    return limit.count() > 0 && now - since > limit + slack;
  };
  const SessionLimits& limits = profile_->limits;
  std::string_view reason;
  if (phase_ == Phase::first_byte) {
    if (over(phase_began_, limits.first_byte_timeout)) reason = "sent nothing since it connected";
  } else if (phase_ == Phase::handshake) {
    if (over(phase_began_, limits.handshake_timeout)) reason = "the TLS handshake took too long";
  } else if (phase_ == Phase::open) {
    if (out_ && (writing_ || write_on_read_) && over(stalled_since_, limits.write_stall_timeout)) {
      reason = "took none of what was sent to it";
    } else if (unfinished_.size() > 0 && !paused_ && !quiesced_ && over(frame_began_, limits.frame_timeout)) {
      reason = "began a frame and did not complete it";
    } else if (!paused_ && over(last_active_, limits.idle_timeout)) {
      reason = "idle";
    }
  }
  if (reason.empty()) return;
  shard_.metrics().timed_out.add();
  GANTRY_LOG_EVERY(std::chrono::milliseconds(200), info, "net.timed_out", field("peer", to_string(peer_)),
                   field("listener", profile_->name), field("reason", reason));
  end(reason, Errc::timed_out);
}

}  // namespace gantry::net

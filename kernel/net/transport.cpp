#include "kernel/net/transport.hpp"

#include "kernel/net/tls_stream.hpp"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>

namespace gantry::net {

namespace {
constexpr std::size_t pieces_max = 64;              // of one sendmsg
constexpr std::size_t share_bytes = 4 << 20;        // written for one connection before others have their turn
constexpr std::size_t tls_record_bytes = 16 << 10;  // the most that one TLS record carries
}  // namespace

Transport::Transport(int fd) noexcept : fd_(fd) {}
Transport::~Transport() = default;

bool Transport::start_tls(TlsContext& context, TlsRole role, const std::string& server_name) {
  tls_ = std::make_unique<TlsStream>();
  return tls_->start(context, fd_, role, server_name);
}

Io Transport::handshake() { return tls_->handshake(); }

bool Transport::has_buffered() const noexcept { return tls_ && tls_->has_buffered(); }

IoResult Transport::read(std::span<std::byte> out) { return tls_ ? tls_->read(out) : read_plain(out); }

IoResult Transport::read_plain(std::span<std::byte> out) {
  ssize_t count = 0;
  do {
    count = ::recv(fd_, out.data(), out.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    const auto bytes = static_cast<std::size_t>(count);
    return {bytes, bytes == out.size() ? Io::done : Io::want_read};
  }
  if (count == 0) return {0, Io::closed};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {0, Io::want_read};
  errno_ = errno;
  return {0, Io::failed};
}

IoResult Transport::write(OutBuffer& out, std::span<std::byte> scratch) {
  if (!tls_) return write_plain(out);
  IoResult total;
  while (out.size() > 0 && total.bytes < share_bytes) {
    // Small pieces are joined to one record. After want_write the same bytes are offered again, as OpenSSL demands.
    const std::size_t count = out.copy_front(scratch.first(std::min(scratch.size(), tls_record_bytes)));
    const IoResult step = tls_->write(scratch.first(count));
    total.bytes += step.bytes;
    total.state = step.state;
    if (step.bytes > 0) out.consume(step.bytes);
    if (step.state != Io::done) break;
  }
  return total;
}

IoResult Transport::write_plain(OutBuffer& out) {
  IoResult total;
  while (out.size() > 0 && total.bytes < share_bytes) {
    std::array<iovec, pieces_max> pieces;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = out.gather(pieces);
    const ssize_t count = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        total.state = Io::want_write;
      } else {
        errno_ = errno;
        total.state = Io::failed;
      }
      return total;
    }
    total.bytes += static_cast<std::size_t>(count);
    out.consume(static_cast<std::size_t>(count));
  }
  return total;
}

void Transport::end_output() noexcept {
  if (tls_) tls_->end_output();
  ::shutdown(fd_, SHUT_WR);
}

std::string Transport::error() const {
  if (errno_ != 0) return std::system_category().message(errno_);
  return tls_ ? tls_->error() : "no error";
}

}  // namespace gantry::net

#include "tests/support/raw_connection.hpp"

#include "protocol/bytes.hpp"
#include "protocol/frame.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace gantry::testing {
namespace {

using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

}  // namespace

RawConnection::RawConnection(std::uint16_t port) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd_);
    fd_ = -1;
  }
}

RawConnection::~RawConnection() {
  if (fd_ >= 0) close(fd_);
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}

std::size_t RawConnection::send(std::string_view bytes, std::chrono::milliseconds timeout) {
  std::size_t sent = 0;
  Clock::time_point deadline = Clock::now() + timeout;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      deadline = Clock::now() + timeout;
      continue;
    }
    if (errno != EAGAIN) return sent;
    pollfd room{fd_, POLLOUT, 0};
    if (poll(&room, 1, left_ms(deadline)) <= 0) return sent;
  }
  return sent;
}

bool RawConnection::fill(std::size_t size, Clock::time_point deadline) {
  while (received_.size() < size) {
    pollfd readable{fd_, POLLIN, 0};
    if (poll(&readable, 1, left_ms(deadline)) <= 0) return false;
    char chunk[65536];
    const ssize_t count = recv(fd_, chunk, sizeof chunk, 0);
    if (count <= 0) return false;
    received_.append(chunk, static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<client::Reply> RawConnection::receive(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  if (!fill(protocol::frame_prefix_size, deadline)) return std::nullopt;
  const std::size_t total = 4 + protocol::load_big_endian<std::uint32_t>(received_.data());
  if (!fill(total, deadline)) return std::nullopt;
  const auto cut = protocol::cut_frame(protocol::as_bytes(received_));
  if (cut.outcome != protocol::CutOutcome::frame) return std::nullopt;
  protocol::HeaderView header;
  if (!protocol::decode_header(cut.frame, header)) return std::nullopt;
  protocol::Scratch scratch;
  client::Reply reply;
  reply.code = header.code;
  reply.remark = header.remark_text(scratch);
  for (const protocol::ExtField& field : header.ext) {
    std::string_view value;
    if (field.text(scratch, value)) reply.fields.emplace_back(field.key, value);
  }
  reply.body = protocol::as_text(cut.frame.body);
  received_.erase(0, total);
  return reply;
}

bool RawConnection::closes_within(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (true) {
    pollfd readable{fd_, POLLIN, 0};
    if (poll(&readable, 1, left_ms(deadline)) <= 0) return false;
    char chunk[65536];
    if (recv(fd_, chunk, sizeof chunk, 0) <= 0) return true;
  }
}

std::string raw_frame(std::string_view header, std::string_view body, std::uint8_t type) {
  protocol::ByteBuffer out;
  out.append_integer(static_cast<std::uint32_t>(4 + header.size() + body.size()));
  out.append_integer(static_cast<std::uint32_t>(header.size()) | (static_cast<std::uint32_t>(type) << 24));
  out.append(header);
  out.append(body);
  return std::string(out.text());
}

}  // namespace gantry::testing

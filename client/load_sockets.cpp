#include "client/load_sockets.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace gantry::client {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;  // at a time
constexpr std::size_t prefix_bytes = 8;

Error system_error(const char* what) { return Error{Errc::io, std::string(what) + ": " + std::strerror(errno)}; }

Result<int> connect_to(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return Error{Errc::invalid_argument, "the load's host must be an IPv4 address; found '" + host + "'"};
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return system_error("making a socket");
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    Error error{Errc::io, "connecting to " + host + ":" + std::to_string(port) + ": " + std::strerror(errno) +
                              "; is the broker running?"};
    close(fd);
    return error;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

}  // namespace

std::uint32_t frame_length_at(std::span<const char> frame, std::size_t at) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, frame.data() + at, sizeof value);
  return ntohl(value);
}

Result<LoadSockets> LoadSockets::open(const std::string& host, std::uint16_t port, std::uint32_t count) {
  LoadSockets made;
  // An open loop sends by the clock: the kernel must not round its waits to 50 us.
  prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  made.epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (made.epoll_ < 0) return system_error("making an epoll");
  made.buffer_.resize(read_bytes);
  made.sockets_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    GANTRY_ASSIGN(made.sockets_[i].fd, connect_to(host, port));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    if (epoll_ctl(made.epoll_, EPOLL_CTL_ADD, made.sockets_[i].fd, &event) != 0) return system_error("watching");
  }
  return made;
}

LoadSockets::LoadSockets(LoadSockets&& other) noexcept
    : epoll_(std::exchange(other.epoll_, -1)),
      sockets_(std::exchange(other.sockets_, {})),
      buffer_(std::move(other.buffer_)) {}

LoadSockets::~LoadSockets() {
  for (const Socket& socket : sockets_) {
    if (socket.fd >= 0) close(socket.fd);
  }
  if (epoll_ >= 0) close(epoll_);
}

Status LoadSockets::flush(Socket& socket) {
  while (socket.sent < socket.out.size()) {
    const ssize_t sent =
        ::send(socket.fd, socket.out.data() + socket.sent, socket.out.size() - socket.sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) return {};
      return system_error("sending to the broker");
    }
    socket.sent += static_cast<std::size_t>(sent);
  }
  socket.out.clear();
  socket.sent = 0;
  return {};
}

void LoadSockets::watch(std::uint32_t index) {
  Socket& socket = sockets_[index];
  const bool wants_room = socket.sent < socket.out.size();
  if (std::exchange(socket.watches_room, wants_room) == wants_room) return;
  epoll_event event{};
  event.events = wants_room ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u32 = index;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket.fd, &event);
}

Status LoadSockets::send(std::uint32_t socket) {
  GANTRY_TRY(flush(sockets_[socket]));
  watch(socket);
  return {};
}

Status LoadSockets::wait(Clock::time_point deadline, const OnFrame& on_frame, const AfterRead& after_read) {
  epoll_event events[256];
  const auto rest = std::max<std::chrono::nanoseconds>(deadline - Clock::now(), std::chrono::nanoseconds(0));
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(rest.count() / 1'000'000'000);
  timeout.tv_nsec = static_cast<long>(rest.count() % 1'000'000'000);
  const int ready = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
  if (ready < 0 && errno != EINTR) return system_error("waiting for the broker");
  for (int i = 0; i < ready; ++i) {
    const std::uint32_t index = events[i].data.u32;
    if (sockets_[index].sent < sockets_[index].out.size()) GANTRY_TRY(send(index));
    if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) continue;
    bool any = false;
    GANTRY_TRY(receive(index, on_frame, any));
    if (any) GANTRY_TRY(after_read(index));
  }
  return {};
}

Status LoadSockets::receive(std::uint32_t index, const OnFrame& on_frame, bool& any) {
  Socket& socket = sockets_[index];
  const std::size_t kept = socket.tail.size();
  if (buffer_.size() < kept + read_bytes) buffer_.resize(kept + read_bytes);
  std::copy(socket.tail.begin(), socket.tail.end(), buffer_.begin());
  const ssize_t got = recv(socket.fd, buffer_.data() + kept, read_bytes, 0);
  if (got == 0) return Error{Errc::io, "the broker closed the connection"};
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return {};
    return system_error("receiving from the broker");
  }
  const std::span<const char> filled(buffer_.data(), kept + static_cast<std::size_t>(got));
  const Clock::time_point now = Clock::now();
  std::size_t at = 0;
  while (filled.size() - at >= prefix_bytes) {
    const std::size_t size = 4 + static_cast<std::size_t>(frame_length_at(filled, at));
    if (size < prefix_bytes || size > frame_bytes_max) {
      return Error{Errc::corrupt, "expected an answer of 8 bytes to 16 MiB, found one of " + std::to_string(size)};
    }
    if (filled.size() - at < size) break;
    GANTRY_TRY(on_frame({index, filled.subspan(at, size), now}));
    any = true;
    at += size;
  }
  socket.tail.assign(filled.begin() + static_cast<std::ptrdiff_t>(at), filled.end());
  return {};
}

}  // namespace gantry::client

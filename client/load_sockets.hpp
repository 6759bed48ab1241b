#pragma once
// The sockets of a load: plain, non-blocking, watched by one epoll, and so cheap that the server is the limit.

#include "gantry/sdk/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::client {

/// Some connections to one server. Frames that are to leave are gathered in out() and go with send(); wait() hands over
/// the frames that came.
///
/// One thread. A resource: it closes its sockets. Bounds: frames of at most `frame_bytes_max`; what the server does not
/// take stays in out(), so callers bound what is under way.
class LoadSockets {
 public:
  static constexpr std::size_t frame_bytes_max = 16 * 1024 * 1024;
  using Clock = std::chrono::steady_clock;

  /// A frame that came, whole, with its two length fields in front.
  struct Arrival {
    std::uint32_t socket = 0;
    std::span<const char> frame;
    Clock::time_point at;  ///< when its last byte was read
  };
  using OnFrame = std::function<Status(const Arrival&)>;
  /// All frames of one read were handed over.
  using AfterRead = std::function<Status(std::uint32_t socket)>;

  /// Connects; waits for it. An Error names the address. `host` is an IPv4 address.
  static Result<LoadSockets> open(const std::string& host, std::uint16_t port, std::uint32_t count);
  LoadSockets(LoadSockets&& other) noexcept;
  LoadSockets& operator=(LoadSockets&&) = delete;
  LoadSockets(const LoadSockets&) = delete;
  LoadSockets& operator=(const LoadSockets&) = delete;
  ~LoadSockets();

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(sockets_.size()); }
  [[nodiscard]] std::string& out(std::uint32_t socket) noexcept { return sockets_[socket].out; }
  /// Sends what is in out() as far as the server takes it; the rest leaves during wait().
  Status send(std::uint32_t socket);

  /// Waits until something happens, at most until `deadline`, and handles it. An Error when a connection is lost or a
  /// callback failed.
  Status wait(Clock::time_point deadline, const OnFrame& on_frame, const AfterRead& after_read);

 private:
  struct Socket {
    int fd = -1;
    std::string out;
    std::size_t sent = 0;  // of out
    bool watches_room = false;
    std::vector<char> tail;  // of a frame that is not whole yet
  };

  LoadSockets() = default;
  Status flush(Socket& socket);
  void watch(std::uint32_t index);
  Status receive(std::uint32_t index, const OnFrame& on_frame, bool& any);

  int epoll_ = -1;
  std::vector<Socket> sockets_;
  std::vector<char> buffer_;
};

/// The big-endian number that a frame begins with (at 0) or has behind that (at 4).
std::uint32_t frame_length_at(std::span<const char> frame, std::size_t at) noexcept;

}  // namespace gantry::client

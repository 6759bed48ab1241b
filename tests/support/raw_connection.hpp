#pragma once
// A TCP connection to the broker under test that may say anything, and the frames to say it with.

#include "client/remoting_client.hpp"
#include "protocol/buffer.hpp"
#include "protocol/codes.hpp"
#include "protocol/frame_writer.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::testing {

class RawConnection {
 public:
  /// Connects to 127.0.0.1:port; is_open() says whether that went well.
  explicit RawConnection(std::uint16_t port);
  ~RawConnection();
  RawConnection(RawConnection&& other) noexcept;
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  /// Sends all of it, or stops when the peer closed or takes nothing for `timeout`. How many bytes went.
  std::size_t send(std::string_view bytes, std::chrono::milliseconds timeout = std::chrono::seconds(5));
  /// The next whole frame; nothing when the peer closed or `timeout` passed.
  std::optional<client::Reply> receive(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  /// Whether the peer closes within `timeout`; reads and drops what it sends until then.
  bool closes_within(std::chrono::milliseconds timeout);

 private:
  bool fill(std::size_t size, std::chrono::steady_clock::time_point deadline);

  int fd_ = -1;
  std::string received_;
};

/// A request as clients write it.
template <typename Header>
std::string frame(std::int32_t code, std::int32_t opaque, const Header& header, std::string_view body = {}) {
  protocol::ByteBuffer out;
  protocol::write_frame(out, protocol::request_meta(static_cast<protocol::RequestCode>(code), opaque), header,
                        protocol::as_bytes(body));
  return std::string(out.text());
}

/// A frame with this header text, whatever it is.
std::string raw_frame(std::string_view header, std::string_view body = {}, std::uint8_t type = 0);

}  // namespace gantry::testing

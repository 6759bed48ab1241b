#pragma once
// Moving bytes through one non-blocking socket, in the clear or encrypted.

#include "kernel/net/out_buffer.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace gantry::net {

class TlsContext;
class TlsStream;

/// How a step ended.
enum class Io : std::uint8_t {
  done,        ///< everything that was asked for
  want_read,   ///< nothing more until the socket is readable
  want_write,  ///< nothing more until the socket is writable
  closed,      ///< the peer ended the connection in order
  failed,      ///< it is broken; Transport::error() says how
};

struct IoResult {
  std::size_t bytes = 0;
  Io state = Io::done;
};

enum class TlsRole : std::uint8_t { server, client };

/// One connection's socket. Does not own the descriptor. [shard]
class Transport {
 public:
  explicit Transport(int fd) noexcept;
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// Encrypts from now on. A client names the server whose certificate it expects. False when OpenSSL refuses; error()
  /// says why.
  [[nodiscard]] bool start_tls(TlsContext& context, TlsRole role, const std::string& server_name);
  [[nodiscard]] bool is_tls() const noexcept { return tls_ != nullptr; }

  /// One step of the handshake: done, want_read, want_write, closed or failed.
  [[nodiscard]] Io handshake();

  /// Whether bytes were taken from the socket that read() has not given out, so that waiting for it would be in vain.
  [[nodiscard]] bool has_buffered() const noexcept;

  /// Fills `out` as far as bytes are there: `done` when it is full (there may be more), want_read when all was read.
  /// Bytes count in every state.
  [[nodiscard]] IoResult read(std::span<std::byte> out);

  /// Writes from the front of `out` and takes what was written from it: `done` when `out` is empty or a fair share was
  /// written. `scratch` is memory for one TLS record.
  [[nodiscard]] IoResult write(OutBuffer& out, std::span<std::byte> scratch);

  /// Tells the peer that nothing more comes.
  void end_output() noexcept;

  /// What failed last, for logs.
  [[nodiscard]] std::string error() const;

 private:
  [[nodiscard]] IoResult read_plain(std::span<std::byte> out);
  [[nodiscard]] IoResult write_plain(OutBuffer& out);

  int fd_;
  int errno_ = 0;
  std::unique_ptr<TlsStream> tls_;  // nullptr: in the clear, which costs one test
};

}  // namespace gantry::net

#pragma once
// One connection's TLS state. OpenSSL's types stay in tls*.cpp.

#include "kernel/net/tls.hpp"
#include "kernel/net/transport.hpp"

#include <cstddef>
#include <span>
#include <string>

struct ssl_st;

namespace gantry::net {

/// TLS over a non-blocking socket. Used by Transport only. [shard]
class TlsStream {
 public:
  TlsStream() = default;
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  [[nodiscard]] bool start(TlsContext& context, int fd, TlsRole role, const std::string& server_name);
  [[nodiscard]] Io handshake();
  [[nodiscard]] bool has_buffered() const noexcept;
  [[nodiscard]] IoResult read(std::span<std::byte> out);
  /// Encrypts and writes `bytes` (at most one record's worth), or a part of them.
  [[nodiscard]] IoResult write(std::span<const std::byte> bytes);
  void end_output() noexcept;
  [[nodiscard]] std::string error() const { return error_; }

 private:
  Io after(int code);

  ssl_st* ssl_ = nullptr;
  bool broken_ = false;  // OpenSSL allows nothing more after a fatal error
  std::string error_;
};

}  // namespace gantry::net

#include "kernel/net/tls_stream.hpp"

#include "kernel/base/assert.hpp"
#include "kernel/net/address.hpp"
#include "kernel/net/tls_context.hpp"

#include <climits>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace gantry::net {

TlsStream::~TlsStream() { SSL_free(ssl_); }

bool TlsStream::start(TlsContext& context, int fd, TlsRole role, const std::string& server_name) {
  ERR_clear_error();
  const SslCtx settings = context.impl().acquire();
  ssl_ = SSL_new(settings.get());
  bool good = ssl_ != nullptr && SSL_set_fd(ssl_, fd) == 1;
  if (good && role == TlsRole::server) SSL_set_accept_state(ssl_);
  if (good && role == TlsRole::client) {
    SSL_set_connect_state(ssl_);
    const bool is_ip = parse_ip(server_name, 0).has_value();
    if (!is_ip) good = SSL_set_tlsext_host_name(ssl_, server_name.c_str()) == 1;
    if (good && context.impl().verifies_name()) {
      good = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), server_name.c_str()) == 1
                   : SSL_set1_host(ssl_, server_name.c_str()) == 1;
    }
  }
  if (!good) {
    broken_ = true;
    error_ = take_ssl_errors();
  }
  return good;
}

Io TlsStream::handshake() {
  ERR_clear_error();
  const int code = SSL_do_handshake(ssl_);
  return code == 1 ? Io::done : after(code);
}

bool TlsStream::has_buffered() const noexcept { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

IoResult TlsStream::read(std::span<std::byte> out) {
  IoResult total;
  while (total.bytes < out.size()) {
    const auto room = static_cast<int>(std::min<std::size_t>(out.size() - total.bytes, INT_MAX));
    ERR_clear_error();
    const int code = SSL_read(ssl_, out.data() + total.bytes, room);
    if (code <= 0) {
      total.state = after(code);
      return total;
    }
    total.bytes += static_cast<std::size_t>(code);
  }
  return total;
}

IoResult TlsStream::write(std::span<const std::byte> bytes) {
  GANTRY_ASSERT(!bytes.empty() && bytes.size() <= INT_MAX);
  ERR_clear_error();
  const int code = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  if (code <= 0) return {0, after(code)};
  return {static_cast<std::size_t>(code), Io::done};
}

void TlsStream::end_output() noexcept {
  if (ssl_ == nullptr || broken_ || SSL_in_init(ssl_) == 1) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

Io TlsStream::after(int code) {
  const int system_error = errno;
  switch (SSL_get_error(ssl_, code)) {
    case SSL_ERROR_WANT_READ: return Io::want_read;
    case SSL_ERROR_WANT_WRITE: return Io::want_write;
    case SSL_ERROR_ZERO_RETURN: return Io::closed;
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      error_ = system_error != 0 ? std::system_category().message(system_error) : "the peer ended the connection";
      return Io::failed;
    default:
      broken_ = true;
      error_ = take_ssl_errors();
      return Io::failed;
  }
}

}  // namespace gantry::net

#pragma once
// What TlsContext hides: an SSL_CTX that can be replaced while connections use the old one.

#include "kernel/net/tls.hpp"

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>

namespace gantry::net {

struct SslCtxFree {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using SslCtx = std::unique_ptr<SSL_CTX, SslCtxFree>;

struct TlsContext::Impl {
  std::variant<TlsServerOptions, TlsClientOptions> options;

  std::mutex mutex;  // guards `current`; held to copy a pointer only
  SslCtx current;
  std::string read_from;  // [control] contents of the files at the last attempt, to see changes

  [[nodiscard]] bool verifies_name() const noexcept {
    const auto* client = std::get_if<TlsClientOptions>(&options);
    return client != nullptr && client->verify_server;
  }

  /// [any-thread] A reference of the caller's own.
  [[nodiscard]] SslCtx acquire() {
    const std::lock_guard lock(mutex);
    SSL_CTX_up_ref(current.get());
    return SslCtx(current.get());
  }
};

/// The texts of OpenSSL's error queue, which is empty afterwards.
std::string take_ssl_errors();

}  // namespace gantry::net

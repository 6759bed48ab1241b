#pragma once
// Certificates and what is demanded of the other side. OpenSSL stays behind this header.

#include "gantry/sdk/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::net {

/// Which connections a listener serves, told apart by their first byte (0x16 begins a TLS handshake).
enum class TlsMode : std::uint8_t {
  disabled,    ///< plain only; TLS is closed
  permissive,  ///< both on the same port; plain only while no certificate is configured
  enforcing,   ///< TLS only; plain is closed
};
Result<TlsMode> parse_tls_mode(std::string_view name);
std::string_view to_string(TlsMode mode) noexcept;

/// What a server demands of its clients' certificates. `optional` verifies the one that is offered.
enum class TlsClientAuth : std::uint8_t { none, optional, require };
Result<TlsClientAuth> parse_tls_client_auth(std::string_view name);
std::string_view to_string(TlsClientAuth auth) noexcept;

/// Files are PEM. `cert_file` may hold a chain; the key must not be encrypted.
struct TlsServerOptions {
  std::string cert_file;
  std::string key_file;
  std::string ca_file;  ///< whom client certificates must come from; needed unless client_auth is none
  TlsClientAuth client_auth = TlsClientAuth::none;
};

struct TlsClientOptions {
  std::string ca_file;    ///< whom the server's certificate must come from; empty = the system's authorities
  std::string cert_file;  ///< our own certificate and key, when the server asks for one
  std::string key_file;
  bool verify_server = true;  ///< false accepts any certificate: for tests and development
};

/// One side's TLS settings: TLS 1.2 or newer, no renegotiation, no compression. Shared by all connections made with it.
///
/// Thread: [any-thread]. reload() replaces what new handshakes use; connections that exist keep what they have.
class TlsContext {
 public:
  /// [control] Reads the files. Errors name the file and what is wrong with it.
  static Result<std::shared_ptr<TlsContext>> make_server(const TlsServerOptions& options);
  static Result<std::shared_ptr<TlsContext>> make_client(const TlsClientOptions& options);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  /// [control] Reads the files again. When anything is wrong with them, the old settings stay in use.
  Status reload();

  /// [control] The same, but only when a file's content changed since it was last read; true when it was replaced.
  /// A failed attempt is not repeated until a file changes again.
  Result<bool> reload_if_changed();

  struct Impl;
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A throw-away certificate and its key as PEM text.
struct SelfSigned {
  std::string cert_pem;
  std::string key_pem;
};

/// [control] Makes a self-signed certificate for `host` (a DNS name or an address), "localhost", 127.0.0.1 and ::1,
/// valid for `days`. For tests and development.
Result<SelfSigned> make_self_signed(const std::string& host, int days = 30);

}  // namespace gantry::net

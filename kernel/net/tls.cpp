#include "kernel/net/tls.hpp"

#include "kernel/net/tls_context.hpp"

#include <openssl/err.h>

#include <fstream>
#include <sstream>

namespace gantry::net {

namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

template <typename Enum, std::size_t N>
Result<Enum> parse_name(std::string_view name, const char* what, const std::string_view (&names)[N]) {
  std::string list;
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
    list += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  return Error{Errc::invalid_argument,
               std::string(what) + ": expected one of " + list + "; found \"" + std::string(name) + "\""};
}

constexpr std::string_view mode_names[] = {"disabled", "permissive", "enforcing"};
constexpr std::string_view auth_names[] = {"none", "optional", "require"};

Error refuse(const std::string& what) {
  return Error{Errc::invalid_argument, "TLS: " + what + ": " + take_ssl_errors()};
}

Status load_pair(SSL_CTX* context, const std::string& cert_file, const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) {
    return refuse("cannot read a PEM certificate chain from " + cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return refuse("cannot read an unencrypted PEM key that fits " + cert_file + " from " + key_file);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return refuse("the key in " + key_file + " does not belong to the certificate in " + cert_file);
  }
  return {};
}

// A key that is encrypted must fail to load, not ask on the terminal.
int refuse_password(char*, int, int, void*) { return -1; }

Result<SslCtx> make_base(const SSL_METHOD* method) {
  SslCtx context(SSL_CTX_new(method));
  if (!context) return refuse("cannot create a context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context.get(), refuse_password);
  return context;
}

Result<SslCtx> build(const TlsServerOptions& options) {
  GANTRY_ASSIGN(SslCtx context, make_base(TLS_server_method()));
  GANTRY_TRY(load_pair(context.get(), options.cert_file, options.key_file));
  if (options.client_auth != TlsClientAuth::none) {
    if (options.ca_file.empty()) {
      return Error{Errc::invalid_argument,
                   "TLS: client certificates are asked for, but no file says whose certificates to trust; set the "
                   "authority (ca) file"};
    }
    if (SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr) != 1) {
      return refuse("cannot read PEM certificates of authorities from " + options.ca_file);
    }
    SSL_CTX_set_client_CA_list(context.get(), SSL_load_client_CA_file(options.ca_file.c_str()));
    const int demand = options.client_auth == TlsClientAuth::require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | demand, nullptr);
  }
  // Resumed sessions are told apart by it; without one, resumption fails when client certificates are verified.
  static constexpr unsigned char id[] = "gantry";
  SSL_CTX_set_session_id_context(context.get(), id, sizeof id - 1);
  return context;
}

Result<SslCtx> build(const TlsClientOptions& options) {
  GANTRY_ASSIGN(SslCtx context, make_base(TLS_client_method()));
  if (!options.cert_file.empty()) GANTRY_TRY(load_pair(context.get(), options.cert_file, options.key_file));
  if (options.verify_server) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const int loaded = options.ca_file.empty()
                           ? SSL_CTX_set_default_verify_paths(context.get())
                           : SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr);
    if (loaded != 1) return refuse("cannot read PEM certificates of authorities from " + options.ca_file);
  }
  return context;
}

// What is in a file, for comparing; a file that cannot be read differs from every other.
std::string read_for_comparison(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream in(path, std::ios::binary);
  if (!in) return "unreadable";
  std::string content(file_bytes_max, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<std::size_t>(in.gcount()));
  return content;
}

template <typename Options>
std::string fingerprint(const Options& options) {
  std::string all;
  for (const std::string* path : {&options.cert_file, &options.key_file, &options.ca_file}) {
    all += read_for_comparison(*path);
    all += '\0';
  }
  return all;
}

std::string fingerprint_of(const std::variant<TlsServerOptions, TlsClientOptions>& options) {
  return std::visit([](const auto& one) { return fingerprint(one); }, options);
}

}  // namespace

std::string take_ssl_errors() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    char one[256];
    ERR_error_string_n(code, one, sizeof one);
    if (!text.empty()) text += "; ";
    text += one;
  }
  return text.empty() ? "no reason given" : text;
}

Result<TlsMode> parse_tls_mode(std::string_view name) { return parse_name<TlsMode>(name, "TLS mode", mode_names); }
std::string_view to_string(TlsMode mode) noexcept { return mode_names[static_cast<std::size_t>(mode)]; }

Result<TlsClientAuth> parse_tls_client_auth(std::string_view name) {
  return parse_name<TlsClientAuth>(name, "TLS client authentication", auth_names);
}
std::string_view to_string(TlsClientAuth auth) noexcept { return auth_names[static_cast<std::size_t>(auth)]; }

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::make_server(const TlsServerOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  std::shared_ptr<TlsContext> made(new TlsContext(std::move(impl)));
  GANTRY_TRY(made->reload());
  return made;
}

Result<std::shared_ptr<TlsContext>> TlsContext::make_client(const TlsClientOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  std::shared_ptr<TlsContext> made(new TlsContext(std::move(impl)));
  GANTRY_TRY(made->reload());
  return made;
}

Status TlsContext::reload() {
  // Read before building: a file that changes in between is seen as changed the next time.
  impl_->read_from = fingerprint_of(impl_->options);
  GANTRY_ASSIGN(SslCtx made, std::visit([](const auto& options) { return build(options); }, impl_->options));
  const std::lock_guard lock(impl_->mutex);
  impl_->current.swap(made);
  return {};
}

Result<bool> TlsContext::reload_if_changed() {
  if (fingerprint_of(impl_->options) == impl_->read_from) return false;
  GANTRY_TRY(reload());
  return true;
}

}  // namespace gantry::net

#include "kernel/net/address.hpp"
#include "kernel/net/tls.hpp"
#include "kernel/net/tls_context.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace gantry::net {

namespace {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Memory = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return std::string(data, static_cast<std::size_t>(size));
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U) == 1;
}

bool fill_in(X509* certificate, EVP_PKEY* key, const std::string& host, int days) {
  X509_set_version(certificate, X509_VERSION_3);
  // A little in the past, for peers whose clock is behind.
  X509_gmtime_adj(X509_getm_notBefore(certificate), -300);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400L * days);
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* common_name = reinterpret_cast<const unsigned char*>("Gantry self-signed");
  const std::string host_entry = (parse_ip(host, 0) ? "IP:" : "DNS:") + host;
  return set_random_serial(certificate) && X509_set_pubkey(certificate, key) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 &&
         add_extension(certificate, NID_subject_alt_name, host_entry + ",DNS:localhost,IP:127.0.0.1,IP:::1") &&
         add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
         X509_sign(certificate, key, EVP_sha256()) > 0;
}

}  // namespace

Result<SelfSigned> make_self_signed(const std::string& host, int days) {
  const auto fail = [&host] {
    return Error{Errc::internal, "making a self-signed certificate for " + host + ": " + take_ssl_errors()};
  };
  // The value goes into a list that OpenSSL parses; separators in it would add entries.
  if (host.find_first_of(",\n\r") != std::string::npos) {
    return Error{Errc::invalid_argument, "making a self-signed certificate: \"" + host + "\" is not a host name"};
  }
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate || !fill_in(certificate.get(), key.get(), host, days)) return fail();
  const Memory cert_pem(BIO_new(BIO_s_mem()));
  const Memory key_pem(BIO_new(BIO_s_mem()));
  if (!cert_pem || !key_pem || PEM_write_bio_X509(cert_pem.get(), certificate.get()) != 1 ||
      PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return fail();
  }
  return SelfSigned{text_of(cert_pem.get()), text_of(key_pem.get())};
}

}  // namespace gantry::net

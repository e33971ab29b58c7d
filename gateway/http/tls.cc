#include "gateway/http/tls.h"

#include <openssl/ssl.h>

#include <stdexcept>

namespace sluice::http {
namespace {

namespace ssl = boost::asio::ssl;

constexpr const char* kCiphersOfTls12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

constexpr unsigned char kOurs[] = "\x08http/1.1";

// A client that offers protocols must offer HTTP/1.1; one that offers none gets it too.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_size, kOurs, sizeof(kOurs) - 1, offered, offered_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

TlsContext::TlsContext(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {
  auto loaded = load();
  if (!loaded) throw std::runtime_error(loaded.error().detail);
  current_ = *std::move(loaded);
}

Result<std::shared_ptr<ssl::context>> TlsContext::load() const {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_compression | SSL_OP_NO_RENEGOTIATION |
                           SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA,
                       error);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  if (error || SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(native, kCiphersOfTls12) != 1) {
    return fail(ErrorCode::internal, "TLS cannot be set up");
  }
  context->use_certificate_chain_file(certificate_file_, error);
  if (error) return fail(ErrorCode::invalid_argument, certificate_file_ + ": " + error.message());
  context->use_private_key_file(key_file_, ssl::context::pem, error);
  if (error) return fail(ErrorCode::invalid_argument, key_file_ + ": " + error.message());
  if (SSL_CTX_check_private_key(native) != 1) {
    return fail(ErrorCode::invalid_argument, key_file_ + " does not belong to " + certificate_file_);
  }
  return context;
}

Result<> TlsContext::reload() {
  TRY(auto loaded, load());
  const std::scoped_lock lock(mutex_);
  current_ = std::move(loaded);
  return done;
}

std::shared_ptr<ssl::context> TlsContext::current() const {
  const std::scoped_lock lock(mutex_);
  return current_;
}

}  // namespace sluice::http

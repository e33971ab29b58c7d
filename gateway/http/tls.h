#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>
#include <string>

#include "gateway/core/result.h"

namespace sluice::http {

/// The certificate and key that one listener shows, and what it agrees to: TLS 1.2
/// and later, ciphers with forward secrecy, HTTP/1.1. Safe for concurrent use.
class TlsContext {
 public:
  /// Both files in PEM, the certificate with its chain. Throws std::runtime_error
  /// if they cannot be used.
  TlsContext(std::string certificate_file, std::string key_file);

  /// Reads the files again, for the connections from then on. Files that cannot be
  /// used leave everything as it was: fails with invalid_argument.
  Result<> reload();

  /// For one new connection.
  std::shared_ptr<boost::asio::ssl::context> current() const;

 private:
  Result<std::shared_ptr<boost::asio::ssl::context>> load() const;

  const std::string certificate_file_;
  const std::string key_file_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> current_;
};

}  // namespace sluice::http

#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace sluice::test {

/// An etcd of one's own, of one member, on a loopback address that nobody else uses. It ends
/// with this, or with the test's process, however that ends.
class EtcdServer {
 public:
  /// Throws std::runtime_error.
  EtcdServer();
  ~EtcdServer();
  EtcdServer(const EtcdServer&) = delete;
  EtcdServer& operator=(const EtcdServer&) = delete;

  /// HOST:PORT.
  const std::string& endpoint() const { return endpoint_; }
  std::string host() const { return endpoint_.substr(0, endpoint_.rfind(':')); }

  /// From the next start on it speaks TLS alone, and with those alone whose certificate `ca` signed.
  void secure(std::string certificate, std::string key, std::string ca);
  /// Posts a document, over plain HTTP and as the user whose token it is; the answer, header and
  /// all. Throws unless it is 200.
  std::string post(const std::string& path, const std::string& document, const std::string& token = {}) const;

  /// kill -9, and again at the same address with what it had made durable.
  void crash();
  void start();
  /// Stops the process where it is, and lets it go on.
  void freeze();
  void thaw();

 private:
  bool answers() const;

  TemporaryDirectory directory_;
  std::string endpoint_, peer_, health_;
  std::vector<std::string> tls_;  ///< What it is told of TLS.
  pid_t process_ = -1;
};

}  // namespace sluice::test

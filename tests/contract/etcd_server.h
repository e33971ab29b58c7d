#pragma once

#include <sys/types.h>

#include <string>

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

  /// kill -9, and again at the same address with what it had made durable.
  void crash();
  void start();
  /// Stops the process where it is, and lets it go on.
  void freeze();
  void thaw();

 private:
  bool answers() const;

  TemporaryDirectory directory_;
  std::string endpoint_, peer_;
  pid_t process_ = -1;
};

}  // namespace sluice::test

#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "backends/rdma/etcd.h"

namespace sluice::rdma {

/// Whom one believes to be etcd, and what one shows it: TLS 1.2 and later. Safe for concurrent use.
class EtcdTls {
 public:
  /// Throws std::runtime_error if the files of `access` cannot be used.
  explicit EtcdTls(const EtcdAccess& access);

  /// For one new connection.
  std::shared_ptr<boost::asio::ssl::context> current() const;

  /// Reads the files again if one of them has changed: certificates are renewed while programs
  /// run. False if none has; files that cannot be used leave everything as it was, too.
  bool reload();

 private:
  using Times = std::vector<std::filesystem::file_time_type>;

  Result<std::shared_ptr<boost::asio::ssl::context>> load() const;
  Times times() const;

  const EtcdAccess access_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> current_;
  Times read_at_;
};

}  // namespace sluice::rdma

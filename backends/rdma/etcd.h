#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/core/result.h"

namespace sluice::rdma {

struct EtcdOptions {
  std::vector<std::string> endpoints;          ///< HOST:PORT of its members; plain HTTP.
  std::chrono::milliseconds patience{10'000};  ///< How long an operation tries, changes of leader included.
};

enum class EtcdLease : std::uint64_t { none = 0 };

/// A key's value, when it was last changed, and the lease that it goes with.
struct EtcdRow {
  std::string key;
  std::string value;
  std::uint64_t revision = 0;
  EtcdLease lease = EtcdLease::none;
};

/// A few of etcd's operations, over the HTTP interface of its gRPC gateway (API v3, etcd 3.4
/// and later). Every read is linearizable. Safe for concurrent use; each call is of the
/// io_context it is awaited on, with a connection of its own.
class Etcd {
 public:
  explicit Etcd(EtcdOptions options);

  /// What must hold for commit(): the key was last changed at this revision; 0: it is not there.
  struct Guard {
    std::string key;
    std::uint64_t revision = 0;
  };
  /// A value, or none: the key goes.
  struct Change {
    std::string key;
    std::optional<std::string> value;
    EtcdLease lease = EtcdLease::none;
  };

  Task<std::optional<EtcdRow>> get(std::string key);
  /// Keys in [begin, end) in ascending order, at most `count` unless that is 0.
  Task<std::vector<EtcdRow>> range(std::string begin, std::string end, std::size_t count);
  /// All changes, if all guards hold; else false, and none. When it fails it may have
  /// happened; it is not tried again by itself once it was sent.
  Task<bool> commit(std::vector<Guard> guards, std::vector<Change> changes);
  /// Writes the key, and returns the revision of that, which no other change has.
  Task<std::uint64_t> put(std::string key, std::string value);

  Task<EtcdLease> grant(std::chrono::seconds ttl);
  /// False if the lease has ended.
  Task<bool> keep_alive(EtcdLease lease);
  Task<> revoke(EtcdLease lease);

 private:
  class Exchange;

  /// Posts a JSON document; the answer's. Without `again`, what may have arrived is not sent twice.
  Task<std::string> post(std::string path, std::string body, bool again);

  const EtcdOptions options_;
  std::atomic<std::size_t> preferred_ = 0;  ///< The endpoint that answered last.
};

/// The end of the range of all keys that begin with `prefix`.
std::string etcd_prefix_end(std::string prefix);

}  // namespace sluice::rdma

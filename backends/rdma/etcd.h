#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gateway/core/result.h"

namespace sluice::rdma {

/// How the members are spoken to, and as whom.
struct EtcdAccess {
  bool tls = false;                ///< Each member must show a certificate of its host.
  std::string ca_file{};           ///< PEM: who may have signed it; empty: whom the system trusts.
  std::string certificate_file{};  ///< PEM, with its chain: what is shown to the members; empty: none.
  std::string key_file{};
  std::string user{};  ///< One of etcd's users; empty: none.
  std::string password{};
};

struct EtcdOptions {
  std::vector<std::string> endpoints;  ///< HOST:PORT of its members.
  EtcdAccess access{};
  std::chrono::milliseconds patience{10'000};  ///< How long an operation tries, changes of leader included.
};

class EtcdTls;

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
///
/// With a user it signs in before its first operation, and again when etcd does not know
/// its token any more; where etcd has no users switched on, it goes on without a token.
class Etcd {
 public:
  /// Throws std::runtime_error if the files of `access` cannot be used.
  explicit Etcd(EtcdOptions options);
  ~Etcd();
  Etcd(const Etcd&) = delete;
  Etcd& operator=(const Etcd&) = delete;

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

  /// Posts a JSON document; the answer's. Without `again`, what may have been done is not sent twice.
  Task<std::string> post(std::string path, std::string body, bool again);
  Task<std::string> sign_in(Exchange& exchange, std::chrono::steady_clock::time_point deadline);
  void forget_token(const std::string& token);

  const EtcdOptions options_;
  const std::unique_ptr<EtcdTls> tls_;  ///< Nothing without TLS.
  std::mutex mutex_;
  std::optional<std::string> token_;        ///< Empty where etcd asks for none. Guarded by mutex_.
  std::atomic<std::size_t> preferred_ = 0;  ///< The endpoint that answered last.
};

/// The end of the range of all keys that begin with `prefix`.
std::string etcd_prefix_end(std::string prefix);

}  // namespace sluice::rdma

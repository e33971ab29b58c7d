#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backends/postgres/connection.h"
#include "gateway/core/log.h"

namespace sluice::postgres {

/// How long a connection will be kept.
enum class Hold : std::uint8_t {
  brief,     ///< For one exchange, in which nothing else is waited for.
  snapshot,  ///< While its caller does other things, which may need connections too.
};

class Pool;

/// A connection out of the pool, which goes back with this.
class Lease {
 public:
  Lease(Pool& pool, std::unique_ptr<Connection> connection, Hold hold)
      : pool_(&pool), connection_(std::move(connection)), hold_(hold) {}
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { give_back(); }

  Connection& connection() { return *connection_; }

 private:
  void give_back();

  Pool* pool_;
  std::unique_ptr<Connection> connection_;
  Hold hold_;
};

/// At most `count_max` connections for all threads of the process, opened when they
/// are asked for, by one thread of the pool's own: name look-up blocks, and so may
/// the preparation of a session. A quarter is kept for brief holds, so that whoever
/// holds a snapshot can always read beside it. Safe for concurrent use; must outlive
/// its leases and waiters.
class Pool {
 public:
  /// Opens one connection, blocking; ends early at a stop.
  using Open = std::function<Result<std::unique_ptr<Connection>>(std::stop_token)>;

  Pool(std::size_t count_max, Open open, Log& log);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Puts in a connection that was opened already, instead of one that would be.
  void add(std::unique_ptr<Connection> connection);

  /// Waits in turn; fails with busy at the deadline if all are in use, with unavailable
  /// if none can be opened.
  Task<Lease> acquire(Hold hold, Deadline deadline);

 private:
  friend class Lease;
  class Waiter;
  class Waiting;

  void give_back(std::unique_ptr<Connection> connection, Hold hold);
  bool admits(Hold hold) const { return hold == Hold::brief || snapshots_ < snapshots_max_; }
  std::unique_ptr<Connection> take_idle(std::vector<std::unique_ptr<Connection>>& dead);
  void hand_out();
  void open_some(const std::stop_token& stop);
  void note(const Result<>& opened);

  const std::size_t count_max_;
  const std::size_t snapshots_max_;
  const Open open_;
  Log& log_;

  std::mutex mutex_;
  std::condition_variable_any wanted_;
  std::vector<std::unique_ptr<Connection>> idle_;  ///< The last used at the back.
  std::deque<std::shared_ptr<Waiter>> waiters_;
  std::size_t count_ = 0;  ///< Open ones, and the one being opened.
  std::size_t snapshots_ = 0;
  bool opening_ = false;
  std::optional<Error> failed_;  ///< Of the last try to open one.

  std::jthread opener_;
};

}  // namespace sluice::postgres

#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "backends/postgres/postgres_index.h"
#include "tests/contract/local_store.h"

namespace sluice::test {

/// A PostgreSQL server of one's own: a process of an unprivileged user over a
/// temporary directory, reached through a Unix socket in it. It ends with this, or
/// with the test's process, however that ends.
class PostgresServer {
 public:
  /// `settings`: "name=value", beside those that keep it small. Throws std::runtime_error.
  explicit PostgresServer(std::vector<std::string> settings = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void start();
  /// Ends every session and closes cleanly.
  void stop();
  /// kill -9 of the server and all its processes: what it had not made durable is lost to it.
  void crash();
  /// Stops the server's processes where they are, sessions too, and lets them go on.
  void freeze();
  void thaw();

  std::string conninfo() const;
  /// The first field of what a statement answers, as text. By a session of its own.
  std::string ask(const std::string& sql) const;
  /// Ends all sessions of Sluice that are there.
  void end_sessions() const;

 private:
  void signal_all(int signal) const;
  void wait_for_end();

  TemporaryDirectory directory_;
  std::vector<std::string> settings_;
  pid_t process_ = -1;
};

/// An index in a schema of its own, and what it needs.
class PostgresStore {
 public:
  explicit PostgresStore(const PostgresServer& server) : PostgresStore(server, new_schema()) {}
  PostgresStore(const PostgresServer& server, const std::string& schema, const std::string& owner = "one");

  postgres::PostgresIndex& index() { return *index_; }
  const std::string& schema() const { return options_.schema; }
  bool uncertain() const { return uncertain_; }
  void close() { index_.reset(); }
  void open();

  static std::string new_schema();

  postgres::PostgresOptions& options() { return options_; }

 private:
  postgres::PostgresOptions options_;
  std::atomic<bool> uncertain_ = false;
  NullLog log_;
  std::unique_ptr<postgres::PostgresIndex> index_;
};

}  // namespace sluice::test

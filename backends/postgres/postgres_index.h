#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "gateway/core/index.h"
#include "gateway/core/log.h"

namespace sluice::postgres {

struct PostgresOptions {
  std::string conninfo;           ///< As libpq takes it: postgres://user:password@host,host/database?...
  std::string schema = "sluice";  ///< Lower-case letters, digits and _.
  std::string extents;            ///< The extent store that the rows refer to: one index, one store.
  std::string owner;              ///< Who opens it. Its earlier runs end: none of their commits can happen any more.
  bool create = true;             ///< Make the index if it is not there; else its absence is an error.
  std::size_t connections_max = 32;
  std::chrono::milliseconds patience{10'000};  ///< How long an operation tries, fail-overs included.
};

/// The Index over PostgreSQL: backends/postgres/README.md says how. Many of them, in
/// any number of processes with owners of their own, share one schema.
///
/// Fails with busy when every connection is in use for too long, and with unavailable
/// when PostgreSQL is. A commit that fails with unavailable may have happened: until
/// that is settled, which is before the next get() returns, `uncertain` is set.
class PostgresIndex final : public Index {
 public:
  /// Creates or checks the tables, and blocks meanwhile. Throws std::runtime_error with a
  /// message for the operator, std::invalid_argument for a connection string that cannot be read.
  PostgresIndex(const PostgresOptions& options, std::atomic<bool>& uncertain, Log& log);
  ~PostgresIndex() override;

  std::unique_ptr<Transaction> begin() override;
  Task<std::optional<std::string>> get(std::string_view key) override;

  /// Ends the runs of another owner, which is gone for good: none of its commits can happen
  /// any more. Fails with unavailable, and then some may.
  Task<> end_owner(std::string owner);

 private:
  class State;
  class PostgresTransaction;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::postgres

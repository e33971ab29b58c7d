#pragma once

#include <string>

#include "backends/postgres/connection.h"

namespace sluice::postgres {

/// Opens a connection whose session has the settings that durability needs. Blocks. Fails
/// with unavailable; the detail is for the operator.
Result<std::unique_ptr<Connection>> open_session(const std::string& conninfo, Deadline deadline,
                                                 const std::stop_token& stop);

/// Prepares the statements of the index in `schema` and begins the pipeline.
Result<> prepare_statements(Connection& connection, const std::string& schema, Deadline deadline,
                            const std::stop_token& stop);

/// What the index in `schema` belongs to, and who opens it.
struct Claim {
  std::string schema;
  std::string extents;  ///< The extent store that the rows refer to.
  std::string owner;    ///< Whose earlier runs end with this.
  bool create = false;  ///< Make the index if it is not there.
};

/// Creates the tables or checks them, and ends all earlier runs of the owner: once it
/// returns none of their commits can happen any more. Returns the new run's number.
/// Blocks. Throws std::runtime_error with a message for the operator: a newer schema,
/// an index of another extent store, no index where there should be one.
std::int64_t open_index(Connection& connection, const Claim& claim, Deadline deadline);

/// Ends all runs of `owner`: once it returns none of their commits can happen any more.
/// Blocks. Throws std::runtime_error.
void end_runs(Connection& connection, const std::string& schema, const std::string& owner, Deadline deadline);

/// The advisory lock that every commit shares, and that one has alone who must know that no
/// commit is under way. Locks of single keys are others but for chance.
std::int64_t commit_lock(const std::string& schema);

}  // namespace sluice::postgres

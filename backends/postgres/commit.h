#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backends/postgres/connection.h"

namespace sluice::postgres {

/// What one transaction asks to have committed.
struct Commit {
  std::map<std::string, std::optional<std::int64_t>, std::less<>> got;  ///< Versions; nothing is absence.
  std::map<std::string, std::optional<std::string>> writes;             ///< Values; nothing erases.
};

/// Fails with invalid_argument if a key or a value is too long, or a key empty.
Result<> check(const Commit& commit);

/// The number a commit is known by, in the run that makes it.
struct CommitId {
  std::int64_t run = 0;
  std::int64_t number = 0;
};

/// The parameters of "lock": of every key that is got or written, in an order that all
/// commits keep, so that none waits for another in a circle.
std::vector<Field> lock_parameters(const Commit& commit, std::int64_t commit_lock);

/// The parameters of "apply". `forget`: numbers of the same run whose rows are of no use any more.
std::vector<Field> apply_parameters(const Commit& commit, CommitId id, const std::vector<std::int64_t>& forget);

/// What "apply" did.
enum class Applied : std::uint8_t {
  yes,
  conflict,  ///< A key that was got has changed.
  fenced,    ///< The run has been ended by another one.
  unclear,   ///< The number was taken.
};
Applied applied(const Answer& answer);

}  // namespace sluice::postgres

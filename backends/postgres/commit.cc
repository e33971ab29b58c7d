#include "backends/postgres/commit.h"

#include "backends/postgres/parameters.h"
#include "gateway/core/digest.h"
#include "gateway/core/index.h"

namespace sluice::postgres {

namespace {

/// PostgreSQL's lock table has room for some 6400 locks by default: a commit of more keys
/// than this takes the commit lock alone instead, and has all others wait.
constexpr std::size_t kLocksMax = 256;

/// Two keys of one lock cost a needless wait, nothing more.
std::int64_t lock_of(std::string_view key, std::int64_t commit_lock) {
  return static_cast<std::int64_t>(crc64nvme(key) ^ static_cast<std::uint64_t>(commit_lock));
}

}  // namespace

Result<> check(const Commit& commit) {
  for (const auto& [key, value] : commit.writes) {
    const bool key_fits = !key.empty() && key.size() <= Index::kKeySizeMax;
    const bool value_fits = !value || value->size() <= Index::kValueSizeMax;
    if (!key_fits || !value_fits) {
      return fail(ErrorCode::invalid_argument, "index: a key or value is too long or empty");
    }
  }
  return done;
}

std::vector<Field> lock_parameters(const Commit& commit, std::int64_t commit_lock) {
  std::map<std::int64_t, bool> locks;  // Alone, or shared.
  for (const auto& [key, version] : commit.got) locks.emplace(lock_of(key, commit_lock), false);
  for (const auto& [key, value] : commit.writes) locks[lock_of(key, commit_lock)] = true;
  const bool many = locks.size() > kLocksMax;
  if (many) locks.clear();

  // The commit lock first: whoever waits for it alone must not hold what those who share it wait for.
  locks.erase(commit_lock);
  std::vector<std::optional<std::int64_t>> ids = {commit_lock};
  std::vector<bool> alone = {many};
  for (const auto& [id, is_alone] : locks) {
    ids.emplace_back(id);
    alone.push_back(is_alone);
  }
  return {numbers(ids), truths(alone)};
}

std::vector<Field> apply_parameters(const Commit& commit, CommitId id, const std::vector<std::int64_t>& forget) {
  std::vector<std::string_view> got_keys, put_keys, put_values, erased_keys;
  std::vector<std::optional<std::int64_t>> got_versions;
  for (const auto& [key, version] : commit.got) {
    got_keys.emplace_back(key);
    got_versions.push_back(version);
  }
  for (const auto& [key, value] : commit.writes) {
    if (value) {
      put_keys.emplace_back(key);
      put_values.emplace_back(*value);
    } else {
      erased_keys.emplace_back(key);
    }
  }
  // A row's version never comes twice: numbers do not repeat in a run, and runs begin at random.
  const auto version =
      static_cast<std::int64_t>(static_cast<std::uint64_t>(id.run) + static_cast<std::uint64_t>(id.number));
  return {number(id.run),
          number(id.number),
          byte_strings(got_keys),
          numbers(got_versions),
          byte_strings(put_keys),
          byte_strings(put_values),
          byte_strings(erased_keys),
          number(version),
          numbers({forget.begin(), forget.end()})};
}

Applied applied(const Answer& answer) {
  if (answer.rows.size() != 1 || answer.rows[0].size() != 3) return Applied::unclear;
  const Row& row = answer.rows[0];
  if (truth(row[2]).value_or(false)) return Applied::yes;
  if (!truth(row[0]).value_or(false)) return Applied::fenced;
  return truth(row[1]).value_or(false) ? Applied::unclear : Applied::conflict;
}

}  // namespace sluice::postgres

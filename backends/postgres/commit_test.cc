#include "backends/postgres/commit.h"

#include <catch2/catch.hpp>

#include "backends/postgres/parameters.h"
#include "gateway/core/index.h"

namespace sluice::postgres {
namespace {

constexpr std::int64_t kCommitLock = 42;

Field yes() { return std::string(1, '\1'); }
Field no() { return std::string(1, '\0'); }

TEST_CASE("a key that is got and written is locked once, alone") {
  Commit commit;
  commit.got["a"] = 1;
  commit.writes["a"] = "x";
  const auto locks = lock_parameters(commit, kCommitLock);
  CHECK(locks[1] == truths({false, true}));
}

TEST_CASE("a key that is only got is locked together with others who got it") {
  Commit one, other;
  one.got["a"] = std::nullopt;
  other.got["a"] = std::nullopt;
  CHECK(lock_parameters(one, kCommitLock) == lock_parameters(other, kCommitLock));
  CHECK(lock_parameters(one, kCommitLock)[1] == truths({false, false}));
}

TEST_CASE("locks are taken in the same order whatever the keys are used for") {
  Commit one, other;
  one.got["a"] = 1, one.writes["b"] = "x";
  other.got["b"] = 1, other.writes["a"] = "x";
  CHECK(lock_parameters(one, kCommitLock)[0] == lock_parameters(other, kCommitLock)[0]);
}

TEST_CASE("a commit of very many keys takes one lock instead of all") {
  Commit commit;
  for (int n = 0; n < 300; ++n) commit.writes["key" + std::to_string(n)] = "x";
  const auto locks = lock_parameters(commit, kCommitLock);
  CHECK(locks[0] == numbers({kCommitLock}));
  CHECK(locks[1] == truths({true}));
}

TEST_CASE("keys and values have bounds") {
  Commit commit;
  commit.writes[std::string(Index::kKeySizeMax, 'k')] = std::string(Index::kValueSizeMax, 'v');
  CHECK(check(commit));
  commit.writes[std::string(Index::kKeySizeMax + 1, 'k')] = std::nullopt;
  CHECK(check(commit).error().code == ErrorCode::invalid_argument);
  commit.writes.clear();
  commit.writes[""] = "x";
  CHECK(check(commit).error().code == ErrorCode::invalid_argument);
  commit.writes.clear();
  commit.writes["k"] = std::string(Index::kValueSizeMax + 1, 'v');
  CHECK(check(commit).error().code == ErrorCode::invalid_argument);
}

TEST_CASE("what apply answers says what became of the commit") {
  const auto answered = [](Field standing, Field holds, Field mine) {
    Answer answer;
    answer.rows.push_back({std::move(standing), std::move(holds), std::move(mine)});
    return applied(answer);
  };
  CHECK(answered(yes(), yes(), yes()) == Applied::yes);
  CHECK(answered(yes(), no(), no()) == Applied::conflict);
  CHECK(answered(no(), yes(), no()) == Applied::fenced);
  CHECK(answered(no(), no(), no()) == Applied::fenced);
  CHECK(answered(yes(), yes(), no()) == Applied::unclear);
  CHECK(applied(Answer{}) == Applied::unclear);
}

}  // namespace
}  // namespace sluice::postgres

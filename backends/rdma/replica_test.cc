#include "backends/rdma/replica.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {
namespace {

using Verdict = Replica::Verdict;

constexpr Epoch kFirst{1}, kSecond{2};
constexpr Run kRun{0, 5000, 7};   // three pages
constexpr Run kNext{3, 4096, 8};  // two pages

}  // namespace

TEST_CASE("appends are taken at the end, and are durable when all before them are") {
  Replica replica;

  CHECK(replica.append(kFirst, kNext) == Verdict::out_of_order);
  CHECK(replica.append(kFirst, kRun) == Verdict::write);
  CHECK(replica.append(kFirst, kNext) == Verdict::write);
  replica.written(kNext.page);
  CHECK(replica.durable() == 0);
  replica.written(kRun.page);
  CHECK(replica.durable() == 5);
  CHECK(replica.is_certain());
}

TEST_CASE("the same append again is one append, another one at its place is refused") {
  Replica replica;
  REQUIRE(replica.append(kFirst, kRun) == Verdict::write);

  CHECK(replica.append(kFirst, kRun) == Verdict::under_way);
  CHECK(replica.append(kFirst, {0, 5000, 9}) == Verdict::out_of_order);
  replica.written(0);
  CHECK(replica.append(kFirst, kRun) == Verdict::durable);
  CHECK(replica.append(kFirst, {0, 100, 7}) == Verdict::out_of_order);
}

TEST_CASE("a run that could not be written leaves a hole that only itself can fill") {
  Replica replica;
  REQUIRE(replica.append(kFirst, kRun) == Verdict::write);
  REQUIRE(replica.append(kFirst, kNext) == Verdict::write);
  replica.dropped(kRun.page);
  replica.written(kNext.page);

  CHECK(replica.durable() == 0);
  CHECK(replica.append(kFirst, {0, 5000, 9}) == Verdict::out_of_order);
  CHECK(replica.append(kFirst, kRun) == Verdict::write);
  replica.written(kRun.page);
  CHECK(replica.durable() == 5);
}

TEST_CASE("the last place is free for any run again when its own could not be written") {
  Replica replica;
  REQUIRE(replica.append(kFirst, kRun) == Verdict::write);
  replica.dropped(kRun.page);

  CHECK(replica.append(kFirst, kNext) == Verdict::out_of_order);
  CHECK(replica.append(kFirst, {0, 100, 9}) == Verdict::write);
  replica.written(0);
  CHECK(replica.durable() == 2);
  CHECK(replica.append(kFirst, kRun) == Verdict::out_of_order);
}

TEST_CASE("a fence that is answered frees what is behind a hole") {
  Replica replica;
  REQUIRE(replica.append(kFirst, kRun) == Verdict::write);
  REQUIRE(replica.append(kFirst, kNext) == Verdict::write);
  replica.dropped(kRun.page);
  REQUIRE(replica.fence(kSecond));
  replica.fence_persisted(kSecond);
  CHECK(replica.append(kSecond, {0, 100, 9}) == Verdict::out_of_order);
  replica.written(kNext.page);
  replica.fence_persisted(kSecond);

  CHECK(replica.durable() == 0);
  CHECK(replica.append(kSecond, kNext) == Verdict::out_of_order);
  CHECK(replica.append(kSecond, {0, 100, 9}) == Verdict::write);
}

TEST_CASE("a fence shuts out lower epochs at once, and is answered when it is durable and all is quiet") {
  Replica replica;
  REQUIRE(replica.append(kFirst, kRun) == Verdict::write);

  CHECK(replica.fence(kSecond));
  CHECK(replica.append(kFirst, kNext) == Verdict::fenced);
  CHECK_FALSE(replica.fence(kFirst));
  CHECK_FALSE(replica.may_answer_fence(kSecond));
  replica.fence_persisted(kSecond);
  CHECK_FALSE(replica.may_answer_fence(kSecond));
  replica.written(kRun.page);
  CHECK(replica.may_answer_fence(kSecond));
  CHECK(replica.fence(Epoch{3}));
  CHECK_FALSE(replica.may_answer_fence(kSecond));
}

TEST_CASE("a restart keeps the fence and what was whole") {
  Replica replica(kSecond, {kRun, kNext});

  CHECK(replica.durable() == 5);
  CHECK_FALSE(replica.is_certain());
  CHECK(replica.append(kFirst, {5, 1, 1}) == Verdict::fenced);
  CHECK(replica.append(kSecond, kRun) == Verdict::durable);
  CHECK(replica.append(kSecond, {5, 1, 1}) == Verdict::write);

  // What was there may have been lost.
  Replica none(kSecond, {});
  CHECK(none.append(kSecond, {0, 1, 1}) == Verdict::write);
  CHECK_FALSE(none.is_certain());
}

}  // namespace sluice::rdma

#include "backends/rdma/seal.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {
namespace {

Uuid disk(std::uint8_t name) {
  Uuid made;
  made.bytes[0] = name;
  return made;
}

ExtentRecord opened() { return {.writer = disk(9), .members = {disk(1), disk(2), disk(3)}}; }

}  // namespace

TEST_CASE("a seal begins with an epoch nobody has had") {
  const ExtentRecord begun = begin_seal(opened());
  CHECK(begun.state == ExtentState::sealing);
  CHECK(begun.epoch == Epoch{2});
  CHECK(begun.members == opened().members);
  CHECK(begin_seal(begun).epoch == Epoch{3});
}

TEST_CASE("an extent is as long as the shortest of the members that answered") {
  Sealing sealing(begin_seal(opened()));
  CHECK_FALSE(sealing.possible());

  sealing.fenced(2, 50, true);
  CHECK(sealing.possible());
  CHECK_FALSE(sealing.complete());
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(3)});
  CHECK(sealing.sealed().pages == 50);

  sealing.fenced(0, 40, true);
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(1), disk(3)});
  CHECK(sealing.sealed().pages == 40);

  sealing.fenced(1, 60, true);
  CHECK(sealing.complete());
  CHECK(sealing.sealed().pages == 40);
  CHECK(sealing.sealed().state == ExtentState::sealed);
  CHECK(sealing.sealed().epoch == Epoch{2});
}

TEST_CASE("who restarted, and has less than those who saw the extent grow, is no member, and keeps what it has") {
  Sealing sealing(begin_seal(opened()));
  sealing.fenced(0, 30, false);
  sealing.fenced(1, 50, true);
  sealing.fenced(2, 60, false);

  CHECK(sealing.sealed().pages == 50);
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(2), disk(3)});
  CHECK(sealing.sealed().partial == std::vector<Uuid>{disk(1)});
}

TEST_CASE("if all restarted, it takes two, and who has most counts: the others may have lost what was acknowledged") {
  Sealing sealing(begin_seal(opened()));
  sealing.fenced(0, 30, false);
  CHECK_FALSE(sealing.possible());
  sealing.fenced(1, 50, false);
  REQUIRE(sealing.possible());
  CHECK(sealing.sealed().pages == 50);
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(2)});
  CHECK(sealing.sealed().partial == std::vector<Uuid>{disk(1), disk(3)});

  sealing.fenced(2, 50, false);
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(2), disk(3)});
}

TEST_CASE("one that restarted is enough where no other disk is of the cluster any more") {
  Sealing sealing(begin_seal(opened()));
  sealing.fenced(1, 50, false);
  sealing.gone(0);
  CHECK_FALSE(sealing.possible());
  sealing.gone(2);
  CHECK(sealing.complete());
  REQUIRE(sealing.possible());
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(2)});
}

TEST_CASE("no length is below what the writer knows to be acknowledged") {
  const ExtentRecord begun = begin_seal(opened(), 45);
  CHECK(begun.pages == 45);
  CHECK(begin_seal(begun).pages == 45);
  Sealing sealing(begun);
  sealing.fenced(0, 40, false);
  sealing.fenced(1, 40, false);
  CHECK_FALSE(sealing.possible());
  sealing.fenced(2, 50, true);
  CHECK(sealing.sealed().pages == 50);
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(3)});
}

TEST_CASE("a disk keeps what it is a member of, or may have some of, and all that is not sealed") {
  ExtentRecord record = opened();
  CHECK(counts_on(&record, disk(8)));
  record.state = ExtentState::sealed;
  record.partial = {disk(7)};
  CHECK(counts_on(&record, disk(1)));
  CHECK(counts_on(&record, disk(7)));
  CHECK_FALSE(counts_on(&record, disk(8)));
  CHECK_FALSE(counts_on(nullptr, disk(1)));
}

}  // namespace sluice::rdma

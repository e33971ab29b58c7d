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

  sealing.fenced(2, 50);
  CHECK(sealing.possible());
  CHECK_FALSE(sealing.complete());
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(3)});
  CHECK(sealing.sealed().pages == 50);

  sealing.fenced(0, 40);
  CHECK(sealing.sealed().members == std::vector<Uuid>{disk(1), disk(3)});
  CHECK(sealing.sealed().pages == 40);

  sealing.fenced(1, 60);
  CHECK(sealing.complete());
  CHECK(sealing.sealed().pages == 40);
  CHECK(sealing.sealed().state == ExtentState::sealed);
  CHECK(sealing.sealed().epoch == Epoch{2});
}

}  // namespace sluice::rdma

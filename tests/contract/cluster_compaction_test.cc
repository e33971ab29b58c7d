// Extents of which disks moved what is needed: to everybody else they are as before.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/contract/cluster_steps.h"

namespace sluice::test {
namespace {

/// A sealed extent of eight runs of which two are needed, compacted on all three disks.
struct Compacted {
  Compacted() {
    written = put_some(cluster, 8);
    cluster.restart();
    repair(cluster);
    for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
      if (!cluster.has(n, written[0])) continue;
      members.push_back(n);
      cluster.await_seal(n, written[0]);
    }
    REQUIRE(members.size() == 3);
    for (const std::size_t gone : {0U, 1U, 3U, 4U, 6U, 7U}) REQUIRE(run(cluster.store().release(written[gone])));
    for (const std::size_t n : members) REQUIRE(cluster.compact(n) == 1);
    // With connections to where the nodes are now.
    cluster.restart();
  }

  void check() {
    for (std::uint64_t seed = 0; seed < written.size(); ++seed) {
      INFO(seed);
      CHECK(is_there(cluster, written[seed], seed) == (seed == 2 || seed == 5));
    }
  }
  rdma::ExtentRecord record() { return records(cluster).front().versioned.record; }

  ClusterStore cluster;
  std::vector<Extent> written;
  std::vector<std::size_t> members;
};

}  // namespace

TEST_CASE("what was compacted is read from each disk, and is damaged nowhere") {
  Compacted world;
  world.check();
  for (const std::size_t n : world.members) CHECK(world.cluster.scrub(n) == 0);
  CHECK(repair(world.cluster).endangered == 0);
  leave_alone(world.cluster, world.cluster.incarnation(world.members[GENERATE(0U, 1U, 2U)]));
  world.check();
}

TEST_CASE("a copy is made of disks that are compacted, and is compacted itself") {
  Compacted world;
  ClusterStore& cluster = world.cluster;
  const rdma::Uuid drained = cluster.incarnation(world.members[0]);
  REQUIRE(run(cluster.control().drain(drained, true)));

  CHECK(repair(cluster).copied == 1);

  const rdma::Uuid copy = world.record().members.back();
  CHECK(std::ranges::count(world.record().members, drained) == 0);
  CHECK(cluster.drop_orphans(world.members[0]) == 1);
  CHECK(cluster.compact(node_of(cluster, copy)) == 1);
  leave_alone(cluster, copy);
  world.check();
}

TEST_CASE("a compacted copy that is damaged is made anew on its own disk, where there is no other") {
  Compacted world;
  ClusterStore& cluster = world.cluster;
  std::size_t fourth = 0;
  while (std::ranges::count(world.members, fourth) > 0) ++fourth;
  const rdma::Uuid gone = cluster.incarnation(fourth);
  cluster.stop(fourth);
  REQUIRE(run(cluster.control().remove_node(gone)));
  const std::size_t damaged = world.members[1];
  SECTION("in its bytes") { cluster.damage_at(damaged, world.written[5]); }
  SECTION("in a header") { cluster.damage_header_at(damaged, world.written[2]); }
  REQUIRE(cluster.scrub(damaged) == 1);

  CHECK(repair(cluster).copied == 0);
  cluster.amend(damaged);
  CHECK(repair(cluster).copied == 1);

  CHECK(world.record().members.size() == 3);
  CHECK(run(cluster.control().damage())->empty());
  CHECK(cluster.scrub(damaged) == 0);
  leave_alone(cluster, cluster.incarnation(damaged));
  world.check();
}

TEST_CASE("when the last of a compacted extent is released it is over everywhere") {
  Compacted world;
  for (const std::size_t last : {2U, 5U}) REQUIRE(run(world.cluster.store().release(world.written[last])));
  CHECK(records(world.cluster).empty());
  for (const std::size_t n : world.members) CHECK_FALSE(world.cluster.has(n, world.written[2]));
}

}  // namespace sluice::test

// Copies that are moved: onto a new disk, and away from those they share a zone with.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

#include "tests/contract/cluster_steps.h"

namespace sluice::test {
namespace {

/// Sealed extents, each with one run, on the first three of four nodes; the last one is empty.
struct ThreeFull {
  explicit ThreeFull(std::uint64_t count) {
    const rdma::Uuid last = cluster.incarnation(3);
    cluster.stop(3);
    cluster.control().silence(last);
    for (std::uint64_t seed = 0; seed < count; ++seed) {
      cluster.restart();
      written.push_back(put(cluster, seed));
    }
    cluster.restart();
    repair(cluster);
    for (std::uint64_t seed = 0; seed < count; ++seed) {
      for (const std::size_t n : {0U, 1U, 2U}) cluster.await_seal(n, written[seed]);
    }
    cluster.start(3);
  }

  std::map<rdma::Uuid, std::size_t> load() {
    std::map<rdma::Uuid, std::size_t> load;
    for (const auto& one : records(cluster)) {
      for (const rdma::Uuid& member : one.versioned.record.members) ++load[member];
    }
    return load;
  }

  ClusterStore cluster;
  std::vector<Extent> written;
};

bool all_have_three(ClusterStore& cluster) {
  return std::ranges::all_of(records(cluster), [](const auto& one) {
    return one.versioned.record.members.size() == 3 && one.versioned.record.partial.empty();
  });
}

}  // namespace

TEST_CASE("a new disk gets its part of what there is once it is asked for, and nothing before") {
  ThreeFull full(14);
  ClusterStore& cluster = full.cluster;
  CHECK(repair(cluster).moved == 0);

  REQUIRE(run(cluster.control().ask_balance()));
  const auto balanced = repair(cluster);

  CHECK(balanced.moved >= 7);
  CHECK(balanced.copied == 0);
  CHECK_FALSE(balanced.balancing);
  CHECK_FALSE(*run(cluster.control().balancing()));
  CHECK(all_have_three(cluster));
  // Within five points of the mean, 16.7 % of 63 slabs each.
  for (const auto& [disk, extents] : full.load()) CHECK((extents >= 7 && extents <= 13));
  CHECK(repair(cluster).endangered == 0);

  // What was moved away is dropped where it was, and all is there without it.
  std::uint64_t dropped = 0;
  for (const std::size_t n : {0U, 1U, 2U}) dropped += cluster.drop_orphans(n);
  CHECK(dropped == balanced.moved);
  CHECK(cluster.drop_orphans(3) == 0);
  CHECK(all_there(cluster, full.written) == 14);
  for (const std::size_t n : {0U, 1U}) cluster.stop(n);
  CHECK(all_there(cluster, full.written) == 14);
}

TEST_CASE("what is being balanced goes on where it was interrupted") {
  ThreeFull full(14);
  ClusterStore& cluster = full.cluster;
  REQUIRE(run(cluster.control().ask_balance()));
  cluster.extents().end_repair();
  const auto interrupted = repair(cluster);
  CHECK(interrupted.moved == 0);
  CHECK(interrupted.balancing);
  CHECK(run(cluster.control().balancing())->value().left >= 7);

  cluster.restart();
  CHECK(repair(cluster).moved >= 7);
  CHECK_FALSE(*run(cluster.control().balancing()));
  CHECK(all_there(cluster, full.written) == 14);
}

TEST_CASE("balancing is not done while a disk that is alive does not say how full it is") {
  ThreeFull full(14);
  ClusterStore& cluster = full.cluster;
  // It is alive as far as anybody knows.
  cluster.stop(3);
  REQUIRE(run(cluster.control().ask_balance()));

  const auto waiting = repair(cluster);
  CHECK(waiting.moved == 0);
  CHECK(waiting.balancing);
  CHECK(full.load().size() == 3);

  cluster.start(3);
  const auto balanced = repair(cluster);
  CHECK(balanced.moved >= 7);
  CHECK_FALSE(balanced.balancing);
}

TEST_CASE("copies in one zone go apart when another zone has room, without being asked") {
  ThreeFull full(3);
  ClusterStore& cluster = full.cluster;
  cluster.put_in_zone(1, "one");
  cluster.put_in_zone(2, "one");
  const rdma::Uuid stays = cluster.incarnation(0), apart = cluster.incarnation(3);

  const auto moved = repair(cluster);

  CHECK(moved.crowded == 3);
  CHECK(moved.moved == 3);
  for (const auto& one : records(cluster)) {
    const auto& members = one.versioned.record.members;
    CHECK(std::ranges::count(members, stays) == 1);
    CHECK(std::ranges::count(members, apart) == 1);
  }
  CHECK(all_have_three(cluster));
  CHECK(repair(cluster).crowded == 0);
  CHECK(all_there(cluster, full.written) == 3);
}

}  // namespace sluice::test

// What is damaged, or has less than all, in an extent cluster: who is believed, and how it is made good.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/contract/cluster_steps.h"

namespace sluice::test {

TEST_CASE("a scrub finds what is damaged, and the manager puts a good copy elsewhere") {
  ClusterStore cluster;
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < 6; ++seed) written.push_back(put(cluster, seed));
  REQUIRE(run(cluster.store().release(written[4])));
  const std::size_t damaged = member_of(cluster, written[0]);
  const rdma::Uuid disk = cluster.incarnation(damaged);
  cluster.restart();
  repair(cluster);
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) CHECK(cluster.scrub(n) == 0);
  REQUIRE(run(cluster.control().damage())->empty());

  cluster.damage_at(damaged, written[3]);
  CHECK(cluster.scrub(damaged) == 1);

  const auto first = repair(cluster);
  CHECK(first.damaged == 1);
  CHECK(first.endangered == 1);
  CHECK(first.copied == 1);
  const auto second = repair(cluster);
  CHECK(second.damaged == 0);
  CHECK(second.endangered == 0);
  const auto record = records(cluster).front().versioned.record;
  CHECK(record.members.size() == 3);
  CHECK(std::ranges::count(record.members, disk) == 0);
  // It is not taken for a good one while it has the damage.
  cluster.amend(damaged);
  CHECK(run(cluster.control().damage())->size() == 1);
  CHECK(cluster.drop_orphans(damaged) == 1);
  cluster.amend(damaged);
  CHECK(run(cluster.control().damage())->empty());
  // The copy alone is enough.
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    if (cluster.incarnation(n) != record.members.back()) cluster.stop(n);
  }
  for (const std::uint64_t seed : {0UL, 1UL, 2UL, 3UL, 5UL}) CHECK(is_there(cluster, written[seed], seed));
}

TEST_CASE("damage in an open extent ends it, and its writer goes on in another") {
  ClusterStore cluster;
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < 3; ++seed) written.push_back(put(cluster, seed));
  const std::size_t damaged = member_of(cluster, written[0]);
  const auto number = rdma::place_of(written[1].id).extent;
  // As if it had been found: a scrub of the harness would restart the node.
  REQUIRE(run(cluster.control().report_damage({number, cluster.incarnation(damaged)})));

  CHECK(repair(cluster).copied == 1);
  for (std::uint64_t seed = 3; seed < 6; ++seed) written.push_back(put(cluster, seed));

  const auto record = run(cluster.control().find(number));
  REQUIRE(record);
  REQUIRE(*record);
  CHECK((*record)->record.state == rdma::ExtentState::sealed);
  CHECK(std::ranges::count((*record)->record.members, cluster.incarnation(damaged)) == 0);
  CHECK(all_there(cluster, written) == 6);
}

namespace {

/// A sealed extent with these runs on three nodes, and no other node in the cluster.
struct ThreeNodes {
  explicit ThreeNodes(std::uint64_t runs) {
    for (std::uint64_t seed = 0; seed < runs; ++seed) written.push_back(put(cluster, seed));
    std::size_t fourth = 0;
    while (cluster.has(fourth, written[0])) ++fourth;
    for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
      if (n != fourth) members.push_back(n);
    }
    const rdma::Uuid gone = cluster.incarnation(fourth);
    cluster.stop(fourth);
    cluster.restart();
    REQUIRE(run(cluster.control().remove_node(gone)));
    repair(cluster);
    REQUIRE(record().members.size() == 3);
    for (const std::size_t n : members) cluster.await_seal(n, written[0]);
  }

  rdma::ExtentRecord record() { return records(cluster).front().versioned.record; }

  ClusterStore cluster;
  std::vector<Extent> written;
  std::vector<std::size_t> members;
};

}  // namespace

TEST_CASE("where there is no other disk, a damaged copy is made anew on its own") {
  ThreeNodes three(4);
  ClusterStore& cluster = three.cluster;
  const std::size_t damaged = three.members[0];
  SECTION("of which bytes are damaged") { cluster.damage_at(damaged, three.written[1]); }
  SECTION("of which a header is damaged") { cluster.damage_header_at(damaged, three.written[1]); }
  REQUIRE(cluster.scrub(damaged) == 1);

  // It is not taken for a good one while it has the damage, and keeps the rest.
  for (int round = 0; round < 2; ++round) {
    CHECK(repair(cluster).copied == 0);
    CHECK(three.record().members.size() == 2);
    CHECK(three.record().partial == std::vector{cluster.incarnation(damaged)});
  }
  CHECK(cluster.drop_orphans(damaged) == 0);
  cluster.amend(damaged);
  CHECK(repair(cluster).copied == 1);

  CHECK(three.record().members.size() == 3);
  CHECK(run(cluster.control().damage())->empty());
  CHECK(cluster.scrub(damaged) == 0);
  leave_alone(cluster, cluster.incarnation(damaged));
  CHECK(all_there(cluster, three.written) == 4);
}

namespace {

/// Sealed on three of four nodes.
struct Sealed {
  explicit Sealed(std::uint64_t runs, ClusterShape shape = {}) : cluster(ClusterStore::patient(), shape) {
    written = put_some(cluster, runs);
    cluster.restart();
    repair(cluster);
    for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
      if (cluster.has(n, written[0])) members.push_back(n);
    }
    REQUIRE(members.size() == 3);
    for (const std::size_t n : members) cluster.await_seal(n, written[0]);
  }

  void damage_headers() {
    for (std::size_t n = 0; n < 3; ++n) cluster.damage_header_at(members[n], written[n]);
    for (const std::size_t n : members) REQUIRE(cluster.scrub(n) == 1);
  }
  rdma::ExtentRecord record() { return records(cluster).front().versioned.record; }

  ClusterStore cluster;
  std::vector<Extent> written;
  std::vector<std::size_t> members;
};

}  // namespace

TEST_CASE("an extent of which every copy has a damaged header is pieced together, and copied") {
  Sealed sealed(5);
  ClusterStore& cluster = sealed.cluster;
  const auto& written = sealed.written;
  REQUIRE(run(cluster.store().release(written[3])));
  const bool compacted = GENERATE(false, true);
  if (compacted) {
    REQUIRE(run(cluster.store().release(written[4])));
    for (const std::size_t n : sealed.members) REQUIRE(cluster.compact(n) == 1);
  }
  sealed.damage_headers();

  CHECK(repair(cluster).damaged == 3);
  for (const std::size_t n : sealed.members) cluster.amend(n);
  CHECK(repair(cluster).copied == 1);

  const auto record = sealed.record();
  REQUIRE(record.members.size() == 3);
  CHECK(record.partial.empty());
  CHECK(run(cluster.control().damage())->empty());
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) CHECK(cluster.scrub(n) == 0);
  const std::uint64_t live = compacted ? 3 : 5;
  for (std::uint64_t seed = 0; seed < live; ++seed) {
    if (seed != 3) CHECK(is_there(cluster, written[seed], seed));
  }
  // Each copy alone has all.
  const std::size_t left = GENERATE(0U, 1U, 2U);
  leave_alone(cluster, record.members[left]);
  for (std::uint64_t seed = 0; seed < live; ++seed) {
    if (seed != 3) CHECK(is_there(cluster, written[seed], seed));
  }
}

TEST_CASE("an extent of which no copy has a run's header is not copied without it") {
  Sealed sealed(3);
  ClusterStore& cluster = sealed.cluster;
  const auto before = sealed.record();
  for (const std::size_t n : sealed.members) {
    cluster.damage_header_at(n, sealed.written[1]);
    REQUIRE(cluster.scrub(n) == 1);
  }

  CHECK(repair(cluster).copied == 0);

  const auto record = sealed.record();
  for (const rdma::Uuid& disk : before.members) CHECK(std::ranges::count(record.members, disk) == 1);
  CHECK(record.members.size() == 3);
  for (const std::size_t n : sealed.members) CHECK(cluster.drop_orphans(n) == 0);
  for (const std::uint64_t seed : {0UL, 2UL}) CHECK(is_there(cluster, sealed.written[seed], seed));
}

TEST_CASE("what a node was away for is not asked of the others' damaged headers once it is back") {
  Sealed sealed(3);
  ClusterStore& cluster = sealed.cluster;
  const std::size_t away = sealed.members[2];
  const rdma::Uuid disk = cluster.incarnation(away);
  cluster.stop(away);
  cluster.control().silence(disk);
  for (const std::size_t n : {0U, 1U}) {
    cluster.damage_header_at(sealed.members[n], sealed.written[1]);
    REQUIRE(cluster.scrub(sealed.members[n]) == 1);
  }

  // Only it has the header of the run.
  CHECK(repair(cluster).copied == 0);
  CHECK(sealed.record().members.size() == 3);
  cluster.start(away);
  for (int round = 0; round < 2; ++round) {
    repair(cluster);
    for (const std::size_t n : sealed.members) cluster.amend(n);
  }
  repair(cluster);

  const auto record = sealed.record();
  REQUIRE(record.members.size() == 3);
  CHECK(run(cluster.control().damage())->empty());
  leave_alone(cluster, record.members[GENERATE(0U, 1U, 2U)]);
  CHECK(all_there(cluster, sealed.written) == 3);
}

TEST_CASE("nodes that speak an older version serve, and are not asked what they do not know") {
  Sealed sealed(3, {.version_max = 1});
  ClusterStore& cluster = sealed.cluster;
  sealed.damage_headers();
  const auto failures = cluster.extents().counts().append_failures.load();

  CHECK(repair(cluster).copied == 0);

  CHECK(sealed.record().members.size() == 3);
  CHECK(all_there(cluster, sealed.written) == 3);
  put_some(cluster, 3);
  CHECK(cluster.extents().counts().append_failures == failures);
}

TEST_CASE("with one good copy left, the damaged one is made anew of it") {
  ThreeNodes three(4);
  ClusterStore& cluster = three.cluster;
  const std::size_t damaged = three.members[0], lost = three.members[1];
  cluster.damage_at(damaged, three.written[2]);
  REQUIRE(cluster.scrub(damaged) == 1);
  const rdma::Uuid gone = cluster.incarnation(lost);
  cluster.stop(lost);
  cluster.control().silence(gone);

  repair(cluster);
  cluster.amend(damaged);
  repair(cluster);

  CHECK(cluster.scrub(damaged) == 0);
  CHECK(std::ranges::count(three.record().members, cluster.incarnation(damaged)) == 1);
  leave_alone(cluster, cluster.incarnation(damaged));
  CHECK(all_there(cluster, three.written) == 4);
}

TEST_CASE("a repair is not held up by what only a damaged disk still lists, and cannot be read") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 4);
  cluster.restart();
  repair(cluster);
  const std::size_t damaged = member_of(cluster, written[0]);
  cluster.await_seal(damaged, written[0]);
  // It does not hear of a release.
  cluster.stop(damaged);
  REQUIRE(run(cluster.store().release(written[1])));
  cluster.start(damaged);
  cluster.damage_at(damaged, written[1]);
  REQUIRE(cluster.scrub(damaged) == 1);

  CHECK(repair(cluster).copied == 1);

  const auto record = records(cluster).front().versioned.record;
  CHECK(std::ranges::count(record.members, cluster.incarnation(damaged)) == 0);
  leave_alone(cluster, record.members.back());
  for (const std::uint64_t seed : {0UL, 2UL, 3UL}) CHECK(is_there(cluster, written[seed], seed));
}

TEST_CASE("a disk says so if the cluster counts on it for an extent it knows nothing of") {
  ClusterStore cluster;
  const rdma::Uuid disk = cluster.incarnation(2);
  const auto number = run(cluster.control().create(
      {.state = rdma::ExtentState::sealed, .writer = rdma::Uuid::random(), .members = {disk}, .pages = 4}));
  REQUIRE(number);

  CHECK(cluster.scrub(1) == 0);
  CHECK(cluster.scrub(2) == 1);
  CHECK(run(cluster.control().damage()) == std::vector<rdma::Damage>{{*number, disk}});
}

TEST_CASE("a node that restarts with damage in an open extent does not make it shorter, and gets a whole copy") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 5);
  const std::size_t damaged = member_of(cluster, written[0]);
  cluster.damage_at(damaged, written[1]);
  restart_node(cluster, damaged);
  cluster.restart();

  const auto repaired = repair(cluster);

  CHECK(repaired.sealed == 1);
  CHECK(repaired.copied == 1);
  const auto record = records(cluster).front().versioned.record;
  CHECK(record.members.size() == 3);
  CHECK(record.partial.empty());
  CHECK(all_there(cluster, written) == 5);
  leave_alone(cluster, record.members.back());
  CHECK(all_there(cluster, written) == 5);
}

TEST_CASE("after a restart of all nodes, damage in the last run of one does not make the extent shorter") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 3);
  cluster.damage_at(member_of(cluster, written[2]), written[2]);
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) restart_node(cluster, n);
  cluster.restart();

  CHECK(repair(cluster).sealed == 1);
  CHECK(all_there(cluster, written) == 3);
  const auto record = records(cluster).front().versioned.record;
  CHECK(record.members.size() == 3);
  leave_alone(cluster, record.members.back());
  CHECK(all_there(cluster, written) == 3);
}

TEST_CASE("one node alone that restarted does not seal an extent: the others may have more") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 3);
  std::vector<std::size_t> members;
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    if (cluster.has(n, written[0])) members.push_back(n);
  }
  cluster.damage_at(members[0], written[1]);
  restart_node(cluster, members[0]);
  cluster.stop(members[1]);
  cluster.stop(members[2]);
  cluster.restart();

  const auto waiting = repair(cluster);
  CHECK(waiting.sealed == 0);
  CHECK(waiting.unsealed == 1);
  CHECK(is_there(cluster, written[0], 0));

  cluster.start(members[1]);
  const auto repaired = repair(cluster);
  CHECK(repaired.sealed == 1);
  CHECK(repaired.unsealed == 0);
  CHECK(all_there(cluster, written) == 3);
}

TEST_CASE("a disk that has less than all of an extent is no source of a copy") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 4);
  cluster.restart();
  const auto open = records(cluster).front();
  const std::size_t damaged = node_of(cluster, open.versioned.record.members[0]);
  // As if its node had heard nothing of the seal, and then found damage at a restart.
  auto sealed = open.versioned.record;
  sealed.state = rdma::ExtentState::sealed;
  sealed.epoch = rdma::Epoch{2};
  sealed.pages = rdma::place_of(written[3].id).page + 1 + rdma::pages_for(written[3].length);
  REQUIRE(run(cluster.control().set(open.extent, open.versioned.revision, sealed)) == true);
  cluster.damage_at(damaged, written[1]);
  restart_node(cluster, damaged);
  std::vector<std::size_t> others;
  for (const std::size_t n : {1U, 2U}) {
    others.push_back(node_of(cluster, sealed.members[n]));
    cluster.stop(others.back());
    cluster.control().silence(sealed.members[n]);
  }

  CHECK(repair(cluster).copied == 0);

  CHECK(records(cluster).front().versioned.record.members == sealed.members);
  for (const std::size_t n : others) cluster.start(n);
  CHECK(all_there(cluster, written) == 4);
}

TEST_CASE("a disk keeps what it may have some of, and drops it once nobody counts on it") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 2);
  cluster.restart();
  repair(cluster);
  const auto whole = records(cluster).front();
  auto record = whole.versioned.record;
  const rdma::Uuid disk = record.members.back();
  record.members.pop_back();
  record.partial = {disk};
  REQUIRE(run(cluster.control().set(whole.extent, whole.versioned.revision, record)) == true);

  CHECK(cluster.drop_orphans(node_of(cluster, disk)) == 0);
  record.partial.clear();
  REQUIRE(run(cluster.control().set(whole.extent, records(cluster).front().versioned.revision, record)) == true);
  CHECK(cluster.drop_orphans(node_of(cluster, disk)) == 1);
  CHECK(all_there(cluster, written) == 2);
}

TEST_CASE("members that lost all they had to damage do not say that an extent is over") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 2);
  cluster.restart();
  const auto open = records(cluster).front();
  // As if no node had heard of the seal.
  auto sealed = open.versioned.record;
  sealed.state = rdma::ExtentState::sealed;
  sealed.epoch = rdma::Epoch{2};
  sealed.pages = rdma::place_of(written[1].id).page + 1 + rdma::pages_for(written[1].length);
  REQUIRE(run(cluster.control().set(open.extent, open.versioned.revision, sealed)) == true);
  for (const std::size_t n : {0U, 1U}) {
    const std::size_t damaged = node_of(cluster, sealed.members[n]);
    cluster.damage_at(damaged, written[0]);
    restart_node(cluster, damaged);
  }
  const std::size_t whole = node_of(cluster, sealed.members[2]);
  cluster.stop(whole);
  cluster.control().silence(sealed.members[2]);

  repair(cluster);
  REQUIRE(records(cluster).size() == 1);
  cluster.start(whole);
  for (int round = 0; round < 3; ++round) repair(cluster);

  CHECK(all_there(cluster, written) == 2);
}

TEST_CASE("what no member has whole is read from a disk that has some of it") {
  ClusterStore cluster;
  const auto written = put_some(cluster, 2);
  cluster.restart();
  repair(cluster);
  const auto whole = records(cluster).front();
  auto record = whole.versioned.record;
  record.partial = {record.members[1], record.members[2]};
  record.members.resize(1);
  REQUIRE(run(cluster.control().set(whole.extent, whole.versioned.revision, record)) == true);
  // What this run knew of the members before it was set is forgotten.
  cluster.restart();
  cluster.damage_at(node_of(cluster, record.members[0]), written[1]);

  CHECK(all_there(cluster, written) == 2);
}

}  // namespace sluice::test

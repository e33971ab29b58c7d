#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "gateway/core/digest.h"
#include "tests/contract/cluster_store.h"
#include "tests/contract/stored_bytes.h"
#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

Extent put(ClusterStore& cluster, std::uint64_t seed) {
  const auto extent = run(store_bytes(cluster.store(), pattern(100'000, seed), 100'000));
  REQUIRE(extent);
  return *extent;
}

bool is_there(ClusterStore& cluster, const Extent& extent, std::uint64_t seed) {
  const auto bytes = run(load_bytes(cluster.store(), extent, {0, extent.length}));
  return bytes && *bytes == pattern(100'000, seed);
}

std::size_t copies(ClusterStore& cluster, const Extent& extent) {
  std::size_t count = 0;
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) count += cluster.has(n, extent) ? 1 : 0;
  return count;
}

std::size_t member_of(ClusterStore& cluster, const Extent& extent) {
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    if (cluster.has(n, extent)) return n;
  }
  throw std::logic_error("on no node");
}

}  // namespace

TEST_CASE("the extent cluster keeps the contract") {
  check_extent_store_contract([] { return std::make_unique<ClusterStore>(); });
}

TEST_CASE("a sealed extent is on three nodes, and any one of them is enough to read it") {
  ClusterStore cluster;
  const Extent extent = put(cluster, 1);
  CHECK(copies(cluster, extent) == 3);
  std::vector<std::size_t> members;
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    if (cluster.has(n, extent)) members.push_back(n);
  }
  cluster.stop(members[0]);
  CHECK(is_there(cluster, extent, 1));
  cluster.stop(members[1]);
  CHECK(is_there(cluster, extent, 1));
}

TEST_CASE("damage on one node is read around") {
  ClusterStore cluster;
  const Extent extent = put(cluster, 1);
  const auto damaged = GENERATE(as<std::size_t>{}, 0, 1, 2, 3);
  if (cluster.has(damaged, extent)) cluster.damage_at(damaged, extent);
  CHECK(is_there(cluster, extent, 1));
}

TEST_CASE("when a node goes, writing goes on without it, and nothing acknowledged is lost") {
  ClusterStore cluster;
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < 5; ++seed) written.push_back(put(cluster, seed));
  const std::size_t gone = member_of(cluster, written.back());
  cluster.stop(gone);
  for (std::uint64_t seed = 5; seed < 10; ++seed) written.push_back(put(cluster, seed));

  for (std::uint64_t seed = 0; seed < written.size(); ++seed) CHECK(is_there(cluster, written[seed], seed));
  CHECK(rdma::place_of(written.back().id).extent != rdma::place_of(written.front().id).extent);

  SECTION("and with a second one gone there are too few to write, but not to read") {
    cluster.stop(gone == 0 ? 1 : 0);
    // The first ends the open extent, with two copies; another cannot be begun.
    written.push_back(put(cluster, written.size()));
    const auto refused = run(store_bytes(cluster.store(), "bytes", 5));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::unavailable);
    for (std::uint64_t seed = 0; seed < written.size(); ++seed) CHECK(is_there(cluster, written[seed], seed));
  }
  SECTION("and when it is back it is written to again") {
    cluster.start(gone);
    cluster.stop(gone == 0 ? 1 : 0);
    for (int n = 0; n < 2; ++n) written.push_back(put(cluster, written.size()));
    CHECK(cluster.has(gone, written.back()));
    for (std::uint64_t seed = 0; seed < written.size(); ++seed) CHECK(is_there(cluster, written[seed], seed));
  }
}

TEST_CASE("a node that goes in the middle of many appends takes nothing with it that was acknowledged") {
  ClusterStore cluster;
  std::atomic<bool> gone = false;
  std::vector<std::vector<std::pair<Extent, std::uint64_t>>> written(3);
  {
    std::vector<std::jthread> writers;
    for (std::size_t writer = 0; writer < written.size(); ++writer) {
      writers.emplace_back([&, writer] {
        // Each goes on for a while after the node has gone.
        for (std::uint64_t n = 0, after = 0; after < 10; ++n, after += gone ? 1 : 0) {
          const std::uint64_t seed = writer * 1'000'000 + n;
          const auto extent = run(store_bytes(cluster.store(), pattern(100'000, seed), 100'000));
          if (extent) written[writer].emplace_back(*extent, seed);
        }
      });
    }
    const Extent first = put(cluster, 77);
    cluster.stop(member_of(cluster, first));
    gone = true;
  }

  for (const auto& of_writer : written) {
    CHECK(of_writer.size() >= 10);
    std::size_t lost = 0;
    for (const auto& [extent, seed] : of_writer) lost += is_there(cluster, extent, seed) ? 0 : 1;
    CHECK(lost == 0);
  }
}

TEST_CASE("a silent node is given up: the extent is sealed without it, and writing goes on elsewhere") {
  ClusterStore cluster(ClusterStore::hasty());
  const auto put_until_done = [&](std::uint64_t seed) {
    while (true) {
      // A slow machine may look silent as a whole.
      const auto extent = run(store_bytes(cluster.store(), pattern(100'000, seed), 100'000));
      if (extent) return *extent;
    }
  };
  std::vector<Extent> written{put_until_done(0)};
  const std::size_t silent = member_of(cluster, written[0]);
  const auto number = rdma::place_of(written[0].id).extent;
  cluster.silence(silent);
  for (std::uint64_t seed = 1; seed < 4; ++seed) written.push_back(put_until_done(seed));

  const auto record = run(cluster.control().find(number));
  REQUIRE(record);
  REQUIRE(*record);
  CHECK((*record)->record.state == rdma::ExtentState::sealed);
  const auto last = run(cluster.control().find(rdma::place_of(written.back().id).extent));
  REQUIRE(last);
  REQUIRE(*last);
  CHECK(std::ranges::count((*last)->record.members, cluster.incarnation(silent)) == 0);
  cluster.wake(silent);
  // What is read may be on the node that was silent, and that knows nothing of the seal yet.
  for (std::uint64_t seed = 0; seed < written.size(); ++seed) {
    while (!is_there(cluster, written[seed], seed)) {
    }
  }
}

TEST_CASE("while a node is silent, reads are asked of another") {
  ClusterStore cluster;
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < 6; ++seed) written.push_back(put(cluster, seed));
  cluster.silence(member_of(cluster, written[0]));

  // No time-out is over so soon: those who are asked first do not answer, and nobody waits for them.
  for (std::uint64_t seed = 0; seed < written.size(); ++seed) CHECK(is_there(cluster, written[seed], seed));

  CHECK(cluster.extents().counts().hedged_reads > 0);
  CHECK(cluster.extents().counts().read_failures == 0);
}

TEST_CASE("nodes that restart have all that was acknowledged, and refuse who was shut out") {
  ClusterStore cluster;
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < 5; ++seed) written.push_back(put(cluster, seed));
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    cluster.stop(n);
    cluster.start(n);
  }
  for (std::uint64_t seed = 5; seed < 8; ++seed) written.push_back(put(cluster, seed));

  for (std::uint64_t seed = 0; seed < written.size(); ++seed) CHECK(is_there(cluster, written[seed], seed));
}

TEST_CASE("a disk that was replaced is no member, whatever its address") {
  ClusterStore cluster;
  const Extent extent = put(cluster, 1);
  const std::size_t replaced = member_of(cluster, extent);
  cluster.stop(replaced);
  cluster.replace(replaced);

  CHECK(is_there(cluster, extent, 1));
  for (std::uint64_t seed = 2; seed < 5; ++seed) CHECK(is_there(cluster, put(cluster, seed), seed));
  CHECK(is_there(cluster, extent, 1));
}

TEST_CASE("who does not know the cluster's secret, or means another cluster, is not heard") {
  ClusterStore cluster;
  const Extent extent = put(cluster, 1);
  auto options = cluster.options();
  SECTION("the secret") { options.cluster.identity.secret += "x"; }
  SECTION("the cluster") { options.cluster.identity.cluster = rdma::Uuid::random(); }
  NullLog log;
  const std::atomic<bool> uncertain = false;
  rdma::ClusterExtents stranger(cluster.control(), options, uncertain, log);

  CHECK(run(store_bytes(stranger, "bytes", 5)).error().code == ErrorCode::unavailable);
  CHECK_FALSE(run(load_bytes(stranger, extent, {0, 10})));
  CHECK(is_there(cluster, extent, 1));
}

namespace {

rdma::Repaired repair(ClusterStore& cluster) {
  const auto repaired = run(cluster.extents().repair());
  REQUIRE(repaired);
  return *repaired;
}

std::vector<rdma::NumberedRecord> records(ClusterStore& cluster) {
  const auto listed = run(cluster.control().list({}, 1000));
  REQUIRE(listed);
  return *listed;
}

std::size_t all_there(ClusterStore& cluster, const std::vector<Extent>& written) {
  std::size_t there = 0;
  for (std::uint64_t seed = 0; seed < written.size(); ++seed) there += is_there(cluster, written[seed], seed) ? 1 : 0;
  return there;
}

}  // namespace

TEST_CASE("what a dead gateway left is sealed, and copied until it is on three nodes again") {
  ClusterStore cluster;
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < 12; ++seed) written.push_back(put(cluster, seed));
  // What is given back leaves gaps.
  for (const std::size_t gap : {0UL, 3UL, 4UL, 11UL}) REQUIRE(run(cluster.store().release(written[gap])));
  const std::size_t gone = member_of(cluster, written[5]);
  const rdma::Uuid lost = cluster.incarnation(gone);
  cluster.restart();
  cluster.stop(gone);
  cluster.control().silence(lost);

  const auto first = repair(cluster);
  CHECK(first.sealed == 1);
  CHECK(first.endangered == 1);
  CHECK(first.copied == 1);
  const auto second = repair(cluster);
  CHECK(second.extents == 1);
  CHECK(second.endangered == 0);

  const auto record = records(cluster).front().versioned.record;
  CHECK(record.members.size() == 3);
  CHECK(std::ranges::count(record.members, lost) == 0);
  // The copy alone is enough.
  const rdma::Uuid copy = record.members.back();
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    if (n != gone && cluster.incarnation(n) != copy) cluster.stop(n);
  }
  for (const std::uint64_t seed : {1UL, 2UL, 5UL, 6UL, 7UL, 8UL, 9UL, 10UL})
    CHECK(is_there(cluster, written[seed], seed));
  CHECK_FALSE(is_there(cluster, written[3], 3));
}

TEST_CASE("a drained disk is emptied, keeps nothing, and can be filled again") {
  ClusterStore cluster;
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < 6; ++seed) written.push_back(put(cluster, seed));
  const std::size_t drained = member_of(cluster, written[0]);
  const rdma::Uuid disk = cluster.incarnation(drained);
  cluster.restart();
  REQUIRE(run(cluster.control().drain(disk, true)));

  repair(cluster);
  for (const auto& one : records(cluster)) CHECK(std::ranges::count(one.versioned.record.members, disk) == 0);
  CHECK(cluster.drop_orphans(drained) == 1);
  CHECK_FALSE(cluster.has(drained, written[0]));
  CHECK(all_there(cluster, written) == 6);
  for (std::uint64_t seed = 6; seed < 8; ++seed) {
    written.push_back(put(cluster, seed));
    CHECK_FALSE(cluster.has(drained, written.back()));
  }

  // What it dropped it takes again when another disk is drained.
  REQUIRE(run(cluster.control().drain(disk, false)));
  const std::size_t other = drained == 0 ? 1 : 0;
  REQUIRE(run(cluster.control().drain(cluster.incarnation(other), true)));
  repair(cluster);
  CHECK(cluster.has(drained, written[0]));
  CHECK(all_there(cluster, written) == 8);
  CHECK(cluster.drop_orphans(drained) == 0);
}

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

std::vector<Extent> put_some(ClusterStore& cluster, std::uint64_t count) {
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < count; ++seed) written.push_back(put(cluster, seed));
  return written;
}

void restart_node(ClusterStore& cluster, std::size_t node) {
  cluster.stop(node);
  cluster.start(node);
}

/// Stops all others.
void leave_alone(ClusterStore& cluster, const rdma::Uuid& disk) {
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    if (!cluster.is_up(n) || cluster.incarnation(n) != disk) cluster.stop(n);
  }
}

std::size_t node_of(ClusterStore& cluster, const rdma::Uuid& disk) {
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    if (cluster.is_up(n) && cluster.incarnation(n) == disk) return n;
  }
  throw std::logic_error("no such disk");
}

}  // namespace

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
  REQUIRE(run(cluster.control().drain(sealed.members[1], true)));

  CHECK(repair(cluster).copied == 1);

  const auto record = records(cluster).front().versioned.record;
  leave_alone(cluster, record.members.back());
  CHECK(std::ranges::count(sealed.members, record.members.back()) == 0);
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

TEST_CASE("an extent of which everything was given back before it was sealed leaves no record") {
  ClusterStore cluster;
  const Extent extent = put(cluster, 0);
  REQUIRE(run(cluster.store().release(extent)));
  cluster.restart();
  repair(cluster);
  REQUIRE(records(cluster).size() == 1);

  class Nothing : public LiveExtents {
    Task<std::optional<Extent>> next() override { co_return std::nullopt; }
  } nothing;
  REQUIRE(run(cluster.store().reconcile(nothing, true)));

  CHECK(records(cluster).empty());
  // Nodes that did not hear of the seal find it out for themselves.
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    cluster.drop_orphans(n);
    CHECK_FALSE(cluster.has(n, extent));
  }
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

TEST_CASE("a disk that knows nothing of an extent does not say that it is over") {
  ClusterStore cluster;
  const auto number = run(cluster.control().create({.state = rdma::ExtentState::sealed,
                                                    .writer = rdma::Uuid::random(),
                                                    .members = {cluster.incarnation(2)},
                                                    .partial = {cluster.incarnation(1)},
                                                    .pages = 4}));
  REQUIRE(number);

  REQUIRE(run(cluster.store().release({.id = rdma::id_of({*number, 0}), .length = 10})));

  CHECK(records(cluster).size() == 1);
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
  cluster.damage_at(node_of(cluster, record.members[0]), written[1]);

  CHECK(all_there(cluster, written) == 2);
}

namespace {

Task<> answer(Result<> outcome) { co_return outcome; }

}  // namespace

TEST_CASE("what the gone can still commit is ended before it is looked what is live, or nothing is given back") {
  ClusterStore cluster;
  const rdma::Uuid writer = cluster.extents().writer();
  const Extent extent = put(cluster, 1);
  cluster.restart();
  std::vector<std::string> happened;
  Result<> outcome;
  auto options = cluster.options();
  options.end_writer = [&](rdma::Uuid ended) {
    happened.push_back(ended == writer ? "ended" : "ended another");
    return answer(outcome);
  };
  class Nothing : public LiveExtents {
   public:
    explicit Nothing(std::vector<std::string>& happened) : happened_(happened) {}
    Task<std::optional<Extent>> next() override {
      happened_.emplace_back("looked");
      co_return std::nullopt;
    }

   private:
    std::vector<std::string>& happened_;
  } nothing(happened);
  NullLog log;
  const std::atomic<bool> uncertain = false;
  rdma::ClusterExtents other(cluster.control(), options, uncertain, log);

  outcome = fail(ErrorCode::unavailable, "the index");
  CHECK_FALSE(run(other.reconcile(nothing, true)));
  CHECK(happened == std::vector<std::string>{"ended"});
  CHECK(is_there(cluster, extent, 1));

  outcome = done;
  const auto reconciled = run(other.reconcile(nothing, true));
  REQUIRE(reconciled);
  CHECK(happened == std::vector<std::string>{"ended", "ended", "looked"});
  CHECK(reconciled->orphan_bytes >= extent.length);
  CHECK_FALSE(is_there(cluster, extent, 1));
}

TEST_CASE("a repair that finds no room says so, and keeps what there is") {
  ClusterStore cluster;
  const Extent extent = put(cluster, 0);
  cluster.restart();
  for (std::size_t n = 0; n < ClusterStore::kNodes; ++n) {
    REQUIRE(run(cluster.control().drain(cluster.incarnation(n), true)));
  }

  const auto repaired = repair(cluster);

  CHECK(repaired.endangered == 1);
  CHECK(repaired.copied == 0);
  CHECK(records(cluster).front().versioned.record.members.size() == 3);
  CHECK(is_there(cluster, extent, 0));
}

TEST_CASE("an extent that was left open is sealed with all that was acknowledged") {
  ClusterStore cluster;
  const Extent extent = put(cluster, 1);
  const auto number = rdma::place_of(extent.id).extent;
  cluster.restart();
  class Live : public LiveExtents {
   public:
    explicit Live(Extent extent) : extent_(extent) {}
    Task<std::optional<Extent>> next() override { co_return std::exchange(extent_, std::nullopt); }

   private:
    std::optional<Extent> extent_;
  } live(extent);

  REQUIRE(run(cluster.store().reconcile(live, true)));

  const auto record = run(cluster.control().find(number));
  REQUIRE(record);
  REQUIRE(*record);
  CHECK((*record)->record.state == rdma::ExtentState::sealed);
  CHECK((*record)->record.members.size() == 3);
  CHECK(is_there(cluster, extent, 1));
}

}  // namespace sluice::test

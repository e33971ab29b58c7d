// Runs of an extent cluster that are whole nowhere: the rest is copied, and they come back with a disk that has them.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/contract/cluster_steps.h"
#include "tests/contract/gated_control.h"

namespace sluice::test {
namespace {

constexpr std::uint64_t kRuns = 4, kLost = 1;
constexpr std::uint64_t kBlock = 64 * 1024;

/// A sealed extent on three nodes of five, whose runs have two blocks each.
struct Losing {
  explicit Losing(ClusterShape shape = {.nodes = 5}) : cluster(ClusterStore::patient(), shape) {
    written = put_some(cluster, kRuns);
    cluster.restart();
    repair(cluster);
    for (std::size_t n = 0; n < cluster.node_count(); ++n) {
      if (cluster.has(n, written[0])) members.push_back(n);
    }
    REQUIRE(members.size() == 3);
    for (const std::size_t n : members) {
      cluster.await_seal(n, written[0]);
      disks.push_back(cluster.incarnation(n));
    }
  }

  rdma::ExtentRecord record() { return records(cluster).front().versioned.record; }
  void damage(std::size_t member, std::uint64_t offset, std::uint64_t run = kLost) {
    cluster.damage_byte_at(members[member], rdma::place_of(written[run].id).extent,
                           (rdma::place_of(written[run].id).page + 1) * std::uint64_t{rdma::kPageSize} + offset);
  }
  void find_damage(std::size_t member) { REQUIRE(cluster.scrub(members[member]) == 1); }
  void stop(std::size_t member) {
    cluster.stop(members[member]);
    cluster.control().silence(disks[member]);
  }
  /// Until it has enough copies, or that takes too long; what disks reported they make good, where they can.
  bool mend() {
    for (int round = 0; round < 4; ++round) {
      for (std::size_t n = 0; n < cluster.node_count(); ++n) {
        if (cluster.is_up(n)) cluster.amend(n);
      }
      last = repair(cluster);
      if (last.endangered == last.copied && last.damaged == 0) return true;
    }
    return false;
  }

  bool reads(std::uint64_t run, ByteRange range) {
    const auto bytes = test::run(load_bytes(cluster.store(), written[run], range));
    return bytes && *bytes == pattern(100'000, run).substr(range.offset, range.length);
  }
  /// It fails, and gives nothing.
  bool is_an_error() {
    const auto bytes = test::run(load_bytes(cluster.store(), written[kLost], {0, 100'000}));
    return !bytes;
  }
  bool has_the_rest() {
    return is_there(cluster, written[0], 0) && is_there(cluster, written[2], 2) && reads(3, {0, 9});
  }
  std::vector<rdma::Pages> lost() {
    std::vector<rdma::Pages> pages;
    for (const auto& run : record().lost) pages.push_back(run.page);
    return pages;
  }
  std::vector<rdma::Pages> one_lost() const { return {rdma::place_of(written[kLost].id).page}; }

  ClusterStore cluster;
  std::vector<Extent> written;
  std::vector<std::size_t> members;
  std::vector<rdma::Uuid> disks;
  rdma::Repaired last;
};

/// One block of a run is damaged on every member, and the manager has done what it can.
struct Lost : Losing {
  Lost() {
    for (std::size_t n = 0; n < 3; ++n) damage(n, 10);
    for (std::size_t n = 0; n < 3; ++n) find_damage(n);
    REQUIRE(mend());
    REQUIRE(record().members.size() == 3);
  }
};

}  // namespace

TEST_CASE("a run that is whole nowhere is put down, and the rest of its extent is copied") {
  Lost lost;
  ClusterStore& cluster = lost.cluster;

  CHECK(lost.lost() == lost.one_lost());
  CHECK(lost.last.lost_runs == 1);
  CHECK(lost.record().partial.empty());
  CHECK(run(cluster.control().damage())->empty());
  // What is known is not reported again, nor is it copied again and again.
  for (std::size_t n = 0; n < cluster.node_count(); ++n) CHECK(cluster.scrub(n) == 0);
  const auto again = repair(cluster);
  CHECK(again.endangered == 0);
  CHECK(again.lost_runs == 1);
  // Each copy alone has the rest, and what is right of the run.
  leave_alone(cluster, lost.record().members[GENERATE(0U, 1U, 2U)]);
  CHECK(lost.has_the_rest());
  CHECK(lost.is_an_error());
  CHECK(lost.reads(kLost, {kBlock, 100'000 - kBlock}));
}

TEST_CASE("other damage of an extent with a lost run is found, and made good") {
  Lost lost;
  ClusterStore& cluster = lost.cluster;
  const std::size_t damaged = node_of(cluster, lost.record().members[0]);
  cluster.damage_at(damaged, lost.written[2]);
  REQUIRE(cluster.scrub(damaged) == 1);

  CHECK(lost.mend());

  CHECK(lost.lost() == lost.one_lost());
  for (const rdma::Uuid& member : lost.record().members) CHECK(cluster.scrub(node_of(cluster, member)) == 0);
  leave_alone(cluster, lost.record().members[GENERATE(0U, 1U, 2U)]);
  CHECK(lost.has_the_rest());
  CHECK(lost.reads(kLost, {kBlock, 100'000 - kBlock}));
}

TEST_CASE("a run of which each block is right somewhere is not lost") {
  Losing losing;
  ClusterStore& cluster = losing.cluster;
  losing.damage(0, 10);
  losing.damage(1, kBlock + 10);
  losing.damage(2, 10);
  for (std::size_t n = 0; n < 3; ++n) losing.find_damage(n);

  CHECK(losing.mend());

  CHECK(losing.lost().empty());
  leave_alone(cluster, losing.record().members[GENERATE(0U, 1U, 2U)]);
  CHECK(all_there(cluster, losing.written) == kRuns);
}

TEST_CASE("a lost run comes back with a node that was away and has it") {
  Losing losing;
  ClusterStore& cluster = losing.cluster;
  losing.stop(2);
  // Both blocks are damaged on one, and one on the other.
  for (const std::uint64_t offset : {std::uint64_t{10}, kBlock + 10}) losing.damage(0, offset);
  losing.damage(1, 10);
  for (const std::size_t n : {0U, 1U}) losing.find_damage(n);

  REQUIRE(losing.mend());
  CHECK(losing.lost() == losing.one_lost());
  CHECK(losing.record().members.size() == 3);
  // It keeps what it has, for as long as it takes.
  CHECK(losing.record().partial == std::vector{losing.disks[2]});
  for (int round = 0; round < 2; ++round) CHECK(repair(cluster).endangered == 0);
  CHECK(losing.record().partial == std::vector{losing.disks[2]});
  CHECK(losing.is_an_error());
  CHECK(losing.has_the_rest());
  // Others drop what they had.
  for (const std::size_t n : {0U, 1U}) cluster.drop_orphans(losing.members[n]);
  cluster.start(losing.members[2]);
  CHECK(cluster.drop_orphans(losing.members[2]) == 0);

  CHECK(losing.mend());

  CHECK(losing.lost().empty());
  CHECK(losing.last.lost_runs == 0);
  CHECK(losing.record().partial.empty());
  CHECK(losing.record().members.size() == 3);
  for (std::size_t n = 0; n < cluster.node_count(); ++n) CHECK(cluster.scrub(n) == 0);
  cluster.drop_orphans(losing.members[2]);
  leave_alone(cluster, losing.record().members[GENERATE(0U, 1U, 2U)]);
  CHECK(all_there(cluster, losing.written) == kRuns);
}

TEST_CASE("a disk with a lost run is drained, and nothing that can be read of it is lost") {
  Lost lost;
  ClusterStore& cluster = lost.cluster;
  const rdma::Uuid drained = lost.record().members[1];
  REQUIRE(run(cluster.control().drain(drained, true)));

  CHECK(lost.mend());

  const auto record = lost.record();
  CHECK(record.members.size() == 3);
  CHECK(std::ranges::count(record.members, drained) == 0);
  CHECK(record.partial.empty());
  CHECK(lost.lost() == lost.one_lost());
  CHECK(cluster.drop_orphans(node_of(cluster, drained)) == 1);
  leave_alone(cluster, record.members[GENERATE(0U, 1U, 2U)]);
  CHECK(lost.has_the_rest());
  CHECK(lost.is_an_error());
  CHECK(lost.reads(kLost, {kBlock, 100'000 - kBlock}));
}

TEST_CASE("a disk that is drained and has the only good copy of a run is emptied of it last") {
  Losing losing;
  ClusterStore& cluster = losing.cluster;
  for (const std::size_t n : {0U, 1U}) losing.damage(n, 10);
  for (const std::size_t n : {0U, 1U}) losing.find_damage(n);
  REQUIRE(run(cluster.control().drain(losing.disks[2], true)));

  CHECK(losing.mend());

  CHECK(losing.lost().empty());
  CHECK(std::ranges::count(losing.record().members, losing.disks[2]) == 0);
  leave_alone(cluster, losing.record().members[GENERATE(0U, 1U, 2U)]);
  CHECK(all_there(cluster, losing.written) == kRuns);
}

TEST_CASE("a run is not lost while a disk that is alive does not say what it has of it") {
  Losing losing;
  ClusterStore& cluster = losing.cluster;
  for (const std::size_t n : {0U, 1U}) losing.damage(n, 10);
  for (const std::size_t n : {0U, 1U}) losing.find_damage(n);
  // It does not answer, and is not known to be away.
  cluster.stop(losing.members[2]);

  for (int round = 0; round < 2; ++round) CHECK(repair(cluster).copied == 0);
  CHECK(losing.lost().empty());
  CHECK(std::ranges::count(losing.record().members, losing.disks[2]) == 1);

  cluster.start(losing.members[2]);
  CHECK(losing.mend());
  CHECK(losing.lost().empty());
  CHECK(all_there(cluster, losing.written) == kRuns);
}

TEST_CASE("a lost run that nobody needs any more is forgotten") {
  Lost lost;
  ClusterStore& cluster = lost.cluster;

  REQUIRE(run(cluster.store().release(lost.written[kLost])));
  const auto repaired = repair(cluster);

  CHECK(lost.lost().empty());
  CHECK(repaired.lost_runs == 0);
  CHECK(lost.has_the_rest());
}

TEST_CASE("a copy without a lost run that comes back from another time gets it before it counts") {
  Losing losing;
  ClusterStore& cluster = losing.cluster;
  losing.stop(2);
  for (const std::size_t n : {0U, 1U}) losing.damage(n, 10);
  for (const std::size_t n : {0U, 1U}) losing.find_damage(n);
  REQUIRE(losing.mend());
  REQUIRE(losing.lost() == losing.one_lost());
  cluster.start(losing.members[2]);
  // As if these had been left out for others, since, and had not dropped what they have yet.
  const auto one = records(cluster).front();
  auto record = one.versioned.record;
  record.members = {losing.disks[2]};
  record.partial.clear();
  record.lost.clear();
  REQUIRE(run(cluster.control().set(one.extent, one.versioned.revision, record)) == true);
  cluster.restart();

  CHECK(losing.mend());

  CHECK(losing.lost().empty());
  REQUIRE(losing.record().members.size() == 3);
  leave_alone(cluster, losing.record().members[GENERATE(0U, 1U, 2U)]);
  CHECK(all_there(cluster, losing.written) == kRuns);
}

TEST_CASE("nodes of an older version get no copy without a run") {
  Losing losing({.nodes = 5, .version_max = 1});
  ClusterStore& cluster = losing.cluster;
  for (std::size_t n = 0; n < 3; ++n) losing.damage(n, 10);
  for (std::size_t n = 0; n < 3; ++n) losing.find_damage(n);

  for (int round = 0; round < 2; ++round) CHECK(repair(cluster).copied == 0);

  for (const rdma::Uuid& disk : losing.disks) CHECK(std::ranges::count(losing.record().members, disk) == 1);
  for (const std::size_t n : losing.members) CHECK(cluster.drop_orphans(n) == 0);
  CHECK(losing.has_the_rest());
}

namespace {

/// Of three rounds of a manager, the nth operation on the control store and all behind it fail; whether there were so
/// many.
bool ends_at(Losing& losing, std::size_t operations) {
  NullLog log;
  const std::atomic<bool> uncertain = false;
  std::atomic<std::size_t> left = SIZE_MAX;
  GatedControl control(losing.cluster.control(), [&left]() -> Result<> {
    if (left == 0) return fail(ErrorCode::unavailable, "it ends here");
    --left;
    return done;
  });
  rdma::ClusterExtents manager(control, losing.cluster.options(), uncertain, log);
  left = operations;
  for (int round = 0; round < 3; ++round) {
    [[maybe_unused]] const auto repaired = run(manager.repair());
    if (left == 0) break;
    for (const std::size_t n : {0U, 1U}) losing.cluster.amend(losing.members[n]);
  }
  const bool ended = left == 0;
  left = SIZE_MAX;
  return ended;
}

}  // namespace

TEST_CASE("a manager that ends at any step while a run is lost loses nothing else, nor what comes back") {
  const bool comes_back = GENERATE(false, true);
  bool ended = true;
  for (std::size_t step = 0; ended; ++step) {
    INFO("step " << step);
    Losing losing;
    ClusterStore& cluster = losing.cluster;
    losing.stop(2);
    for (const std::size_t n : {0U, 1U}) losing.damage(n, 10);
    for (const std::size_t n : {0U, 1U}) losing.find_damage(n);
    ended = ends_at(losing, step);
    for (std::size_t n = 0; n < cluster.node_count(); ++n) {
      if (cluster.is_up(n)) cluster.drop_orphans(n);
    }
    if (comes_back) {
      cluster.start(losing.members[2]);
      cluster.drop_orphans(losing.members[2]);
    }

    CHECK(losing.mend());

    CHECK(losing.lost() == (comes_back ? std::vector<rdma::Pages>{} : losing.one_lost()));
    const auto members = losing.record().members;
    REQUIRE(members.size() == 3);
    leave_alone(cluster, members[step % 3]);
    CHECK(losing.has_the_rest());
    CHECK(losing.is_an_error() == !comes_back);
  }
}

}  // namespace sluice::test

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/contract/cluster_steps.h"

namespace sluice::test {

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

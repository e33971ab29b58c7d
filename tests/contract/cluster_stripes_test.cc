// Extents that are coded in an extent cluster: read, lost, made anew, and given up in the middle of it.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "tests/contract/cluster_steps.h"
#include "tests/contract/gated_control.h"

namespace sluice::test {
namespace {

constexpr rdma::Scheme kFourTwo{4, 2}, kSixThree{6, 3};

/// As many disks as a scheme needs, or more, and what was written to them.
struct StripedCluster {
  explicit StripedCluster(rdma::Scheme scheme, std::size_t spare = 0)
      : cluster(ClusterStore::patient(), {.nodes = scheme.count() + spare, .code = scheme}), scheme(scheme) {}

  struct Written {
    Extent extent;
    std::string bytes;
  };

  /// Extents that are sealed, and on three disks each: of runs that are long and short, or of short ones.
  void write_extents(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) write_extent({100'000, std::size_t{1} << 20, 5, 70'000 + n * 150'000});
  }
  void write_short_extents(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) write_extent({100'000, 5 + n});
  }

  void write_extent(const std::vector<std::size_t>& sizes) {
    for (const std::size_t size : sizes) {
      const std::string bytes = pattern(size, written.size());
      const auto extent = run(store_bytes(cluster.store(), bytes, size));
      REQUIRE(extent);
      written.push_back({*extent, bytes});
    }
    cluster.restart();
    repair(cluster);
  }

  rdma::Striped round() {
    const auto striped = run(cluster.extents().stripe());
    REQUIRE(striped);
    return *striped;
  }

  std::size_t unreadable() {
    std::size_t count = 0;
    for (const Written& one : written) {
      const auto bytes = run(load_bytes(cluster.store(), one.extent, {0, one.extent.length}));
      if (!bytes || *bytes != one.bytes) ++count;
    }
    return count;
  }

  std::uint64_t drop_orphans() {
    std::uint64_t dropped = 0;
    for (std::size_t n = 0; n < cluster.node_count(); ++n) {
      if (cluster.is_up(n)) dropped += cluster.drop_orphans(n);
    }
    return dropped;
  }

  std::size_t unreadable_without(const std::vector<std::size_t>& nodes) {
    for (const std::size_t n : nodes) cluster.stop(n);
    const std::size_t count = unreadable();
    for (const std::size_t n : nodes) cluster.start(n);
    return count;
  }

  rdma::ExtentRecord stripe() {
    for (const auto& one : records(cluster)) {
      if (one.versioned.record.stripe) return one.versioned.record;
    }
    throw std::logic_error("no stripe");
  }

  /// Stripes and fragments that nothing names.
  std::size_t strays() {
    const auto all = records(cluster);
    std::set<rdma::ExtentNumber> named;
    for (const auto& one : all) {
      const auto& record = one.versioned.record;
      if (record.state == rdma::ExtentState::coded) named.insert(record.place->stripe);
      if (!record.stripe) continue;
      for (const auto& fragment : record.stripe->fragments) named.insert(fragment.extent);
    }
    return static_cast<std::size_t>(std::ranges::count_if(all, [&](const auto& one) {
      return !rdma::is_replicated(one.versioned.record) && one.versioned.record.state != rdma::ExtentState::coded &&
             !named.contains(one.extent);
    }));
  }

  /// Fragments that a stripe names, and that have no record of their own, or one of another stripe; and machines that
  /// have two of one stripe.
  std::size_t dangling() {
    std::size_t count = 0;
    for (const auto& one : records(cluster)) {
      if (!one.versioned.record.stripe) continue;
      std::set<rdma::Uuid> disks;
      for (const auto& fragment : one.versioned.record.stripe->fragments) {
        const auto found = run(cluster.control().find(fragment.extent));
        REQUIRE(found);
        const bool right = *found && (*found)->record.place && (*found)->record.place->stripe == one.extent;
        count += right && disks.insert(fragment.disk).second ? 0 : 1;
      }
    }
    return count;
  }

  ClusterStore cluster;
  rdma::Scheme scheme;
  std::vector<Written> written;
};

/// In the order of their ids, as an index has them.
class LiveRuns final : public LiveExtents {
 public:
  explicit LiveRuns(const std::vector<StripedCluster::Written>& written) {
    for (const auto& one : written) extents_.push_back(one.extent);
    std::ranges::sort(extents_, std::ranges::greater(), &Extent::id);
  }

  Task<std::optional<Extent>> next() override {
    if (extents_.empty()) co_return std::optional<Extent>();
    const Extent extent = extents_.back();
    extents_.pop_back();
    co_return extent;
  }

 private:
  std::vector<Extent> extents_;
};

}  // namespace

TEST_CASE("extents that are cold come into a stripe, their copies are dropped, and all is read as before") {
  const auto scheme = GENERATE(kFourTwo, kSixThree);
  StripedCluster striped(scheme);
  striped.write_extents(scheme.data);
  // What is known of them from before is outdated soon.
  REQUIRE(striped.unreadable() == 0);

  const auto round = striped.round();

  CHECK(round.coded == scheme.data);
  CHECK(striped.strays() == 0);
  CHECK(striped.drop_orphans() == 3UL * scheme.data);
  CHECK(striped.unreadable() == 0);
  std::set<std::size_t> machines;
  for (const auto& fragment : striped.stripe().stripe->fragments)
    machines.insert(node_of(striped.cluster, fragment.disk));
  CHECK(machines.size() == scheme.count());
  // Nothing is left to do.
  const auto next = striped.round();
  CHECK(next.extents == scheme.data);
  CHECK(next.stripes == 1);
  CHECK(next.coded + next.missing + next.rebuilt + next.dropped == 0);
  CHECK(repair(striped.cluster).endangered == 0);
  for (std::size_t n = 0; n < striped.cluster.node_count(); ++n) CHECK(striped.cluster.scrub(n) == 0);
}

TEST_CASE("ranges of what is coded are read as they are of anything") {
  StripedCluster striped(kFourTwo);
  striped.write_extents(4);
  striped.round();
  striped.drop_orphans();
  const auto& written = striped.written[5];
  REQUIRE(written.bytes.size() == 1 << 20);
  const auto check = [&] {
    for (const ByteRange range : {ByteRange{0, 1}, ByteRange{65'535, 2}, ByteRange{100'000, 300'000},
                                  ByteRange{(1 << 20) - 1, 1}, ByteRange{700'000, 262'144}}) {
      const auto bytes = run(load_bytes(striped.cluster.store(), written.extent, range));
      REQUIRE(bytes);
      CHECK(*bytes == written.bytes.substr(range.offset, range.length));
    }
  };
  check();
  const auto place =
      run(striped.cluster.control().find(rdma::place_of(written.extent.id).extent)).value()->record.place;
  striped.cluster.stop(node_of(striped.cluster, striped.stripe().stripe->fragments[place->index].disk));
  check();
  CHECK(striped.cluster.extents().counts().degraded_reads > 0);

  // A run that is another, or beyond, is not there.
  Extent other = written.extent;
  other.crc32c ^= 1;
  CHECK(run(load_bytes(striped.cluster.store(), other, {0, 10})).error().code == ErrorCode::corrupt);
  other = written.extent;
  other.id = ExtentId{static_cast<std::uint64_t>(other.id) + 60'000};
  CHECK(run(load_bytes(striped.cluster.store(), other, {0, 10})).error().code == ErrorCode::corrupt);
}

TEST_CASE("any two disks of four and two may be gone") {
  StripedCluster striped(kFourTwo);
  striped.write_extents(4);
  striped.round();
  striped.drop_orphans();
  for (std::size_t first = 0; first < 6; ++first) {
    for (std::size_t second = first + 1; second < 6; ++second) CHECK(striped.unreadable_without({first, second}) == 0);
  }
}

TEST_CASE("any three disks of six and three may be gone") {
  StripedCluster striped(kSixThree);
  striped.write_extents(6);
  striped.round();
  striped.drop_orphans();
  for (std::size_t n = 0; n < 9; ++n) CHECK(striped.unreadable_without({n, (n + 1) % 9, (n + 4) % 9}) == 0);
}

TEST_CASE("fragments whose disks are gone for good are made anew on others, and then others may go") {
  StripedCluster striped(kFourTwo, 2);
  ClusterStore& cluster = striped.cluster;
  // By itself each machine is in a zone of its own, which would keep fragments apart as well.
  for (std::size_t n = 0; n < cluster.node_count(); ++n) cluster.put_in_zone(n, "one");
  striped.write_extents(4);
  REQUIRE(striped.round().coded == 4);
  striped.drop_orphans();
  std::vector<std::size_t> gone;
  const auto before = *striped.stripe().stripe;
  for (const std::size_t n : {0UL, 4UL}) gone.push_back(node_of(cluster, before.fragments[n].disk));
  for (const std::size_t n : gone) {
    cluster.control().silence(cluster.incarnation(n));
    cluster.stop(n);
  }

  const auto round = striped.round();
  CHECK(round.missing == 2);
  CHECK(round.rebuilt == 2);
  CHECK(striped.round().missing == 0);

  const auto after = *striped.stripe().stripe;
  CHECK(after.fragments[1] == before.fragments[1]);
  CHECK(striped.dangling() == 0);
  for (const std::size_t n : {1UL, 5UL}) cluster.stop(node_of(cluster, after.fragments[n].disk));
  CHECK(striped.unreadable() == 0);
  // They come back, and have what nobody counts on.
  for (const std::size_t n : gone) {
    cluster.start(n);
    CHECK(cluster.drop_orphans(n) >= 1);
  }
  CHECK(striped.unreadable() == 0);
}

TEST_CASE("where there is no machine for a fragment it stays missing, and comes when there is one") {
  StripedCluster striped(kFourTwo);
  ClusterStore& cluster = striped.cluster;
  striped.write_extents(4);
  striped.round();
  striped.drop_orphans();
  const std::size_t gone = 3;
  cluster.control().silence(cluster.incarnation(gone));
  cluster.stop(gone);

  CHECK(striped.round().rebuilt == 0);
  CHECK(striped.strays() == 0);
  CHECK(striped.unreadable() == 0);
  cluster.replace(gone);
  CHECK(striped.round().rebuilt == 1);
  CHECK(striped.round().missing == 0);
  CHECK(striped.unreadable_without({0, 5}) == 0);
}

TEST_CASE("damage in fragments is read around, found by a scrub, and made good") {
  StripedCluster striped(kFourTwo);
  ClusterStore& cluster = striped.cluster;
  striped.write_extents(4);
  striped.round();
  striped.drop_orphans();
  const auto stripe = *striped.stripe().stripe;
  std::vector<std::size_t> nodes;
  for (const std::size_t n : {1UL, 5UL}) {
    nodes.push_back(node_of(cluster, stripe.fragments[n].disk));
    const std::uint64_t offset = n == 1 ? 20 : rdma::kPageSize + 300'000;  // Of a header, and of bytes.
    cluster.damage_byte_at(nodes.back(), stripe.fragments[n].extent, offset);
  }
  CHECK(striped.unreadable() == 0);
  for (const std::size_t n : nodes) CHECK(cluster.scrub(n) == 1);

  const auto round = striped.round();
  CHECK(round.missing == 2);
  CHECK(round.rebuilt == 2);
  // What was damaged is named by nothing.
  CHECK(striped.round().dropped + round.dropped == 2);
  CHECK(striped.strays() == 0);
  for (const std::size_t n : nodes) {
    CHECK(cluster.drop_orphans(n) == 1);
    cluster.amend(n);
  }
  CHECK(run(cluster.control().damage())->empty());
  CHECK(striped.unreadable_without({0, 1}) == 0);
  CHECK(striped.unreadable_without({4, 5}) == 0);
}

TEST_CASE("what is drained has its fragments elsewhere") {
  StripedCluster striped(kFourTwo, 1);
  ClusterStore& cluster = striped.cluster;
  striped.write_extents(4);
  striped.round();
  const auto drained = striped.stripe().stripe->fragments[2];
  REQUIRE(run(cluster.control().drain(drained.disk, true)));

  CHECK(striped.round().rebuilt == 1);
  for (const auto& fragment : striped.stripe().stripe->fragments) CHECK(fragment.disk != drained.disk);
  CHECK(striped.unreadable() == 0);
}

TEST_CASE("one stripe is coded at a time: what became endangered meanwhile is made good before the next") {
  StripedCluster striped(kFourTwo, 1);
  ClusterStore& cluster = striped.cluster;
  striped.write_short_extents(8);

  const auto first = striped.round();
  CHECK(first.coded == 4);
  CHECK(first.more);
  // A disk of the stripe, and of extents that still have copies.
  const auto drained = striped.stripe().stripe->fragments[0].disk;
  REQUIRE(run(cluster.control().drain(drained, true)));
  repair(cluster);
  const auto has_copies_there = [&](const rdma::NumberedRecord& one) {
    return std::ranges::count(one.versioned.record.members, drained) > 0 && rdma::is_replicated(one.versioned.record);
  };
  CHECK(std::ranges::none_of(records(cluster), has_copies_there));
  const auto second = striped.round();
  CHECK(second.rebuilt == 1);
  CHECK(second.coded == 4);
  CHECK_FALSE(second.more);
  CHECK(striped.unreadable() == 0);
}

TEST_CASE("coding goes no faster than it may, and ends when it is to") {
  StripedCluster striped(kFourTwo);
  ClusterStore& cluster = striped.cluster;
  striped.write_short_extents(4);
  auto options = cluster.options();
  options.striper.code_rate = 1;
  NullLog log;
  const std::atomic<bool> uncertain = false;
  rdma::ClusterExtents slow(cluster.control(), options, uncertain, log);
  Result<rdma::Striped> outcome;
  std::jthread round([&] { outcome = run(slow.stripe()); });
  const auto is_begun = [](const rdma::NumberedRecord& one) { return one.versioned.record.stripe.has_value(); };
  while (std::ranges::none_of(records(cluster), is_begun)) {
  }

  // Others are not held up, neither repairs nor who writes.
  striped.write_short_extents(2);
  CHECK(striped.unreadable() == 0);
  CHECK(repair(cluster).endangered == 0);
  slow.end_repair();
  round.join();

  REQUIRE(outcome);
  CHECK(outcome->coded == 0);
  CHECK(striped.unreadable() == 0);
}

TEST_CASE("an extent of which nothing is named any more goes, and its stripe with the last of them") {
  StripedCluster striped(kFourTwo);
  ClusterStore& cluster = striped.cluster;
  striped.write_extents(4);
  striped.round();
  striped.drop_orphans();
  const auto number = [](const StripedCluster::Written& one) { return rdma::place_of(one.extent.id).extent; };
  // All of an extent, and one run of another.
  const auto first = number(striped.written[0]);
  for (const auto& one : striped.written) {
    const bool goes = number(one) == first || &one == &striped.written[6];
    if (goes) REQUIRE(run(cluster.store().release(one.extent)));
  }
  std::erase_if(striped.written, [&](const auto& one) { return number(one) == first; });
  CHECK(cluster.extents().counts().releases_kept > 0);
  const auto collect = [&] {
    LiveRuns live(striped.written);
    REQUIRE(run(cluster.store().reconcile(live, true)));
  };

  collect();
  striped.round();
  CHECK_FALSE(run(cluster.control().find(first)).value().has_value());
  CHECK(striped.unreadable() == 0);
  striped.written.clear();
  collect();
  striped.round();
  striped.round();

  CHECK(records(cluster).empty());
  CHECK(striped.drop_orphans() == 6);
}

namespace {

/// A stripe of which only some runs are needed, and the manager's last search for them is over.
void make_thin(StripedCluster& striped) {
  for (int n = 0; n < 4; ++n) striped.write_extent({9000, 100'000, 5});
  REQUIRE(striped.round().coded == 4);
  striped.drop_orphans();
  // Of each extent but the first, one run: at its beginning, at its end, in its middle.
  std::vector<StripedCluster::Written> kept;
  for (const std::size_t n : {3UL, 8UL, 10UL}) kept.push_back(striped.written[n]);
  striped.written = kept;
}

void collect(StripedCluster& striped) {
  LiveRuns live(striped.written);
  REQUIRE(run(striped.cluster.store().reconcile(live, true)));
}

}  // namespace

TEST_CASE("of a stripe that is mostly dead, what is left comes back to copies, and gives back what is not needed") {
  StripedCluster striped(kFourTwo);
  make_thin(striped);
  collect(striped);

  CHECK(striped.round().returned == 3);
  CHECK(striped.unreadable() == 0);
  for (int n = 0; n < 2; ++n) striped.round();
  CHECK(striped.strays() == 0);
  CHECK(records(striped.cluster).size() == 3);
  for (const auto& one : records(striped.cluster)) {
    CHECK(one.versioned.record.state == rdma::ExtentState::sealed);
    CHECK(one.versioned.record.members.size() == 3);
  }
  CHECK(striped.drop_orphans() == 6);
  CHECK(striped.unreadable_without({0, 3}) == 0);
  CHECK(repair(striped.cluster).endangered == 0);
  for (std::size_t n = 0; n < striped.cluster.node_count(); ++n) CHECK(striped.cluster.scrub(n) == 0);
  CHECK(striped.unreadable() == 0);
  // Releases work as for any extent.
  for (const auto& one : striped.written) REQUIRE(run(striped.cluster.store().release(one.extent)));
  CHECK(records(striped.cluster).empty());
}

TEST_CASE("a stripe of which half is needed, or of which that is not known, stays") {
  StripedCluster striped(kFourTwo);
  striped.write_extents(4);
  REQUIRE(striped.round().coded == 4);
  std::erase_if(striped.written, [](const auto& one) { return one.bytes.size() < 1'000'000; });
  collect(striped);
  CHECK(striped.round().returned == 0);
  CHECK(striped.unreadable() == 0);
  CHECK(striped.round().extents == 4);
}

namespace {

/// The nth operation and all behind it fail: to everybody else that manager ended there.
struct Doomed {
  explicit Doomed(ClusterStore& cluster, std::size_t operations = SIZE_MAX)
      : control(cluster.control(),
                [this]() -> Result<> {
                  if (left == 0) return fail(ErrorCode::unavailable, "it ends here");
                  --left;
                  return done;
                }),
        manager(control, cluster.options(), uncertain, log) {
    left = operations;
  }

  NullLog log;
  std::atomic<bool> uncertain = false;
  std::atomic<std::size_t> left = SIZE_MAX;
  GatedControl control;
  rdma::ClusterExtents manager;
};

/// Stands still before its nth operation until it may go on.
struct Paused {
  explicit Paused(ClusterStore& cluster)
      : control(cluster.control(),
                [this]() -> Result<> {
                  if (left-- == 0) {
                    stands = true;
                    stands.notify_all();
                    may_go_on.wait(false);
                  }
                  return done;
                }),
        manager(control, cluster.options(), uncertain, log) {}

  /// Returns when it stands still, or has ended.
  void begin(std::size_t operations) {
    left = operations;
    round = std::jthread([this] {
      outcome = run(manager.stripe());
      ended = true;
      stands = true;
      stands.notify_all();
    });
    stands.wait(false);
  }
  ~Paused() { go_on(); }

  void go_on() {
    may_go_on = true;
    may_go_on.notify_all();
    if (round.joinable()) round.join();
  }

  NullLog log;
  std::atomic<bool> uncertain = false;
  std::atomic<std::size_t> left = SIZE_MAX;
  std::atomic<bool> stands = false, may_go_on = false, ended = false;
  Result<rdma::Striped> outcome;
  GatedControl control;
  rdma::ClusterExtents manager;
  std::jthread round;
};

void check_after(StripedCluster& striped, std::size_t step) {
  INFO("step " << step);
  CHECK(striped.dangling() == 0);
  striped.drop_orphans();
  CHECK(striped.unreadable_without({step % 6, (step / 6 + step + 1) % 6}) == 0);
}

}  // namespace

TEST_CASE("a manager that ends at any step of coding leaves all that can be read, and nothing for good") {
  StripedCluster striped(kFourTwo);
  striped.write_short_extents(4);
  bool ended = false;
  for (std::size_t step = 0; !ended; ++step) {
    {
      Doomed doomed(striped.cluster, step);
      const auto round = run(doomed.manager.stripe());
      ended = doomed.left > 0;
    }
    check_after(striped, step);
    if (ended) break;
    // Another looks after it, and makes no stripes: whatever it finds was left.
    auto options = striped.cluster.options();
    options.striper.scheme.reset();
    NullLog log;
    const std::atomic<bool> uncertain = false;
    rdma::ClusterExtents other(striped.cluster.control(), options, uncertain, log);
    for (int n = 0; n < 2; ++n) REQUIRE(run(other.stripe()));
    CHECK(striped.strays() == 0);
    check_after(striped, step);
    const auto left = std::ranges::count_if(records(striped.cluster), [](const auto& one) {
      return one.versioned.record.state == rdma::ExtentState::sealed && rdma::is_replicated(one.versioned.record);
    });
    if (left < 4) striped.write_short_extents(4 - static_cast<std::size_t>(left));
  }
}

TEST_CASE("a manager that ends at any step of making a fragment anew leaves all that can be read") {
  StripedCluster striped(kFourTwo, 1);
  striped.write_short_extents(4);
  REQUIRE(striped.round().coded == 4);
  striped.drop_orphans();
  bool ended = false;
  for (std::size_t step = 0; !ended; ++step) {
    const auto disk = striped.stripe().stripe->fragments[step % 6].disk;
    REQUIRE(run(striped.cluster.control().drain(disk, true)));
    {
      Doomed doomed(striped.cluster, step);
      const auto round = run(doomed.manager.stripe());
      ended = doomed.left > 0;
    }
    check_after(striped, step);
    REQUIRE(run(striped.cluster.control().drain(disk, false)));
    for (int n = 0; n < 2; ++n) striped.round();
    CHECK(striped.strays() == 0);
    check_after(striped, step);
  }
}

TEST_CASE("a fragment that was dropped while its manager stood still is never named") {
  bool ended = false;
  for (std::size_t step = 0; !ended; ++step) {
    StripedCluster striped(kFourTwo, 1);
    striped.write_short_extents(4);
    REQUIRE(striped.round().coded == 4);
    const auto disk = striped.stripe().stripe->fragments[step % 6].disk;
    REQUIRE(run(striped.cluster.control().drain(disk, true)));
    {
      Paused paused(striped.cluster);
      paused.begin(step);
      ended = paused.ended;
      // To the other nothing is missing any more: it only finds what nothing names.
      REQUIRE(run(striped.cluster.control().drain(disk, false)));
      striped.round();
      striped.drop_orphans();
      paused.go_on();
    }
    check_after(striped, step);
    striped.round();
    CHECK(striped.strays() == 0);
  }
}

TEST_CASE("a gateway that knows an extent from before it was coded does not take it for empty") {
  StripedCluster striped(kFourTwo);
  striped.write_short_extents(4);
  NullLog log;
  const std::atomic<bool> uncertain = false;
  rdma::ClusterExtents other(striped.cluster.control(), striped.cluster.options(), uncertain, log);
  for (const auto& one : striped.written) REQUIRE(run(load_bytes(other, one.extent, {0, one.extent.length})));
  REQUIRE(striped.round().coded == 4);
  // Each node says now that it has nothing of it any more.
  striped.drop_orphans();
  // Of one extent it hears that, and where the nodes are now.
  REQUIRE(run(load_bytes(other, striped.written[2].extent, {0, striped.written[2].extent.length})));
  REQUIRE(run(other.release(striped.written[0].extent)));

  CHECK(striped.unreadable() == 0);
  CHECK(striped.round().extents == 4);
}

TEST_CASE("wherever a manager ends or stands still while it brings extents back all can be read") {
  const bool stands = GENERATE(false, true);
  bool ended = false;
  // The first operations only look.
  for (std::size_t step = 3; !ended; ++step) {
    StripedCluster striped(kFourTwo);
    make_thin(striped);
    {
      std::optional<Doomed> doomed;
      std::optional<Paused> paused;
      auto& manager = stands ? paused.emplace(striped.cluster).manager : doomed.emplace(striped.cluster).manager;
      LiveRuns live(striped.written);
      REQUIRE(run(manager.reconcile(live, true)));
      if (stands) {
        paused->begin(step);
        ended = paused->ended;
        collect(striped);
        for (int n = 0; n < 2; ++n) striped.round();
        striped.drop_orphans();
        CHECK(striped.unreadable() == 0);
        paused->go_on();
      } else {
        doomed->left = step;
        const auto round = run(manager.stripe());
        ended = doomed->left > 0;
      }
    }
    check_after(striped, step);
    for (int n = 0; n < 2; ++n) striped.round();
    collect(striped);
    for (int n = 0; n < 3; ++n) striped.round();
    CHECK(striped.strays() == 0);
    for (const auto& one : records(striped.cluster)) CHECK(one.versioned.record.state == rdma::ExtentState::sealed);
    check_after(striped, step);
  }
}

TEST_CASE("a manager that stands still at any step, while another goes on, does nothing wrong afterwards") {
  bool ended = false;
  for (std::size_t step = 0; !ended; ++step) {
    StripedCluster striped(kFourTwo);
    striped.write_short_extents(4);
    {
      Paused paused(striped.cluster);
      paused.begin(step);
      ended = paused.ended;
      // The other codes the same now and then; or only looks after what it takes for left.
      auto options = striped.cluster.options();
      if (step % 2 == 0) options.striper.scheme.reset();
      NullLog log;
      const std::atomic<bool> uncertain = false;
      rdma::ClusterExtents other(striped.cluster.control(), options, uncertain, log);
      for (int n = 0; n < 2; ++n) REQUIRE(run(other.stripe()));
      striped.drop_orphans();
      paused.go_on();
    }
    for (int n = 0; n < 2; ++n) striped.round();
    CHECK(striped.strays() == 0);
    check_after(striped, step);
  }
}

}  // namespace sluice::test

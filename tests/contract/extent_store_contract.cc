#include "tests/contract/extent_store_contract.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "gateway/core/digest.h"
#include "tests/contract/stored_bytes.h"
#include "tests/support/run_task.h"

namespace sluice::test {

namespace {

namespace asio = boost::asio;

constexpr std::uint64_t kPage = 4096, kBlock = 16 * 1024, kChunk = 256 * 1024, kMegabyte = 1024 * 1024;

class ExtentList : public LiveExtents {
 public:
  explicit ExtentList(std::vector<Extent> extents) : extents_(std::move(extents)) {
    std::ranges::sort(extents_, {}, &Extent::id);
  }
  Task<std::optional<Extent>> next() override {
    if (at_ == extents_.size()) co_return std::nullopt;
    co_return extents_[at_++];
  }

 private:
  std::vector<Extent> extents_;
  std::size_t at_ = 0;
};

Extent put(ExtentStore& store, const std::string& bytes, std::optional<std::uint64_t> expected,
           std::size_t step = 100'000) {
  const auto extent = run(store_bytes(store, bytes, expected, step));
  REQUIRE(extent);
  return *extent;
}

Extent put(ExtentStore& store, const std::string& bytes) { return put(store, bytes, bytes.size()); }

std::string read(ExtentStore& store, const Extent& extent, ByteRange range) {
  const auto bytes = run(load_bytes(store, extent, range));
  if (!bytes) return "failed: " + bytes.error().detail;
  return *bytes;
}

std::string read(ExtentStore& store, const Extent& extent) { return read(store, extent, {0, extent.length}); }

/// Compares without printing megabytes when it fails.
bool same(const std::string& left, const std::string& right) { return left == right; }

Reconciled reconcile(ExtentStore& store, std::vector<Extent> live, bool give_back) {
  ExtentList list(std::move(live));
  const auto found = run(store.reconcile(list, give_back));
  REQUIRE(found);
  return *found;
}

void check_round_trips(ExtentStore& store) {
  SECTION("every size around the borders comes back, however it is cut") {
    std::vector<std::uint64_t> sizes = {1, 100};
    for (const std::uint64_t border : {kPage, kBlock, kChunk, kMegabyte}) {
      for (const std::uint64_t below : {kPage - 64, std::uint64_t{68}, std::uint64_t{1}})
        sizes.push_back(border - below);
      sizes.push_back(border);
      sizes.push_back(std::min(border + 1, store.extent_length_max()));
    }
    std::vector<std::uint64_t> wrong;
    for (const std::uint64_t size : sizes) {
      const std::string bytes = pattern(size, size);
      for (const bool known : {true, false}) {
        for (const std::size_t step : {std::size_t{4096}, std::size_t{10'007}, std::size_t{2 * kMegabyte}}) {
          const Extent extent = put(store, bytes, known ? std::optional(size) : std::nullopt, step);
          const bool right =
              extent.length == size && extent.crc32c == crc32c(bytes) && same(read(store, extent), bytes);
          if (!right) wrong.push_back(size);
        }
      }
    }
    CHECK(wrong == std::vector<std::uint64_t>{});
  }
  SECTION("an extent may be empty") {
    CHECK(put(store, "", 0).length == 0);
    CHECK(put(store, "", std::nullopt).crc32c == 0);
  }
  SECTION("an extent may be shorter than expected") {
    const Extent extent = put(store, "short", kMegabyte);
    CHECK(extent.length == 5);
    CHECK(read(store, extent) == "short");
    const std::string bytes = pattern(300'000);
    CHECK(same(read(store, put(store, bytes, kMegabyte)), bytes));
  }
  SECTION("more than was expected is refused") {
    CHECK(run(store_bytes(store, "sixteen letters!", 15)).error().code == ErrorCode::entity_too_large);
    const auto longest = store.extent_length_max();
    CHECK(run(store.create(longest + 1)).error().code == ErrorCode::entity_too_large);
  }
  SECTION("no two extents have one id") {
    std::set<ExtentId> ids;
    for (int n = 0; n < 50; ++n) ids.insert(put(store, "bytes").id);
    CHECK(ids.size() == 50);
  }
}

void check_ranges(ExtentStore& store) {
  SECTION("every range around the borders comes back") {
    const std::string bytes = pattern(kMegabyte - 1000);
    const Extent extent = put(store, bytes);
    std::vector<std::uint64_t> edges = {0, 1, bytes.size() - 1, bytes.size()};
    for (const std::uint64_t border : {kPage, kBlock, kChunk, kChunk + kBlock}) {
      for (const std::uint64_t edge : {border - 1, border, border + 1}) edges.push_back(edge);
    }
    std::ranges::sort(edges);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> wrong;
    for (const std::uint64_t begin : edges) {
      for (const std::uint64_t end : edges) {
        if (begin >= end) continue;
        if (!same(read(store, extent, {begin, end - begin}), bytes.substr(begin, end - begin)))
          wrong.push_back({begin, end});
      }
    }
    CHECK(wrong.empty());
  }
  SECTION("a source says what is still to come, and its end stays the answer") {
    const Extent extent = put(store, "0123456789");
    const auto source = run(store.open(extent, {2, 5}));
    REQUIRE(source);
    CHECK((*source)->remaining() == 5);
    std::string text;
    for (auto chunk = run((*source)->read()); !chunk->empty(); chunk = run((*source)->read())) text += chunk->text();
    CHECK(text == "23456");
    CHECK((*source)->remaining() == 0);
    CHECK(run((*source)->read())->empty());
  }
  SECTION("an extent is read by many at one time") {
    const std::string bytes = pattern(700'000);
    const Extent extent = put(store, bytes);
    int right = 0;
    asio::io_context io(1);
    const auto one = [&](std::uint64_t n) -> Awaitable<> {
      const auto part = co_await load_bytes(store, extent, {n * 1000, 600'000});
      if (part && same(*part, bytes.substr(n * 1000, 600'000))) ++right;
    };
    for (std::uint64_t n = 0; n < 40; ++n) asio::co_spawn(io, one(n), asio::detached);
    io.run();
    CHECK(right == 40);
  }
}

void check_release(ExtentStore& store) {
  const Extent before = put(store, pattern(5000, 1));
  const Extent extent = put(store, pattern(300'000, 2));
  const Extent after = put(store, pattern(5000, 3));
  SECTION("a released extent is gone, and no other") {
    REQUIRE(run(store.release(extent)));
    CHECK(run(load_bytes(store, extent, {0, 1000})).error().code == ErrorCode::corrupt);
    CHECK(same(read(store, before), pattern(5000, 1)));
    CHECK(same(read(store, after), pattern(5000, 3)));
  }
  SECTION("releasing twice, or what never was, succeeds") {
    REQUIRE(run(store.release(extent)));
    CHECK(run(store.release(extent)));
    CHECK(run(store.release({ExtentId{0x7fff'0000'0001}, 100, 1})));
    CHECK(same(read(store, before), pattern(5000, 1)));
    CHECK(same(read(store, after), pattern(5000, 3)));
  }
  SECTION("a released extent's id is not given again") {
    std::set<ExtentId> ids = {before.id, extent.id, after.id};
    for (int n = 0; n < 20; ++n) {
      const Extent next = put(store, pattern(5000));
      CHECK(ids.insert(next.id).second);
      REQUIRE(run(store.release(next)));
    }
  }
}

void check_damage(ExtentStoreFixture& fixture) {
  ExtentStore& store = fixture.store();
  SECTION("damaged bytes are corrupt, never wrong") {
    const std::string bytes = pattern(100'000);
    const Extent extent = put(store, bytes);
    const Extent sound = put(store, bytes);
    fixture.damage(extent);
    CHECK(run(load_bytes(store, extent, {0, extent.length})).error().code == ErrorCode::corrupt);
    CHECK(same(read(store, sound), bytes));
  }
  SECTION("an extent with another length or checksum than stored is corrupt") {
    const Extent extent = put(store, pattern(100'000));
    Extent other = extent, shorter = extent;
    other.crc32c ^= 1;
    shorter.length -= 1;
    CHECK(run(load_bytes(store, other, {0, 10})).error().code == ErrorCode::corrupt);
    CHECK(run(load_bytes(store, shorter, {0, 10})).error().code == ErrorCode::corrupt);
  }
}

/// Writes half of what it promised, and no more.
Task<> abandon(ExtentStore& store, std::size_t size) {
  CO_TRY(const auto writer, co_await store.create(2 * size));
  co_return co_await writer->write(Chunk::of(pattern(size)));
}

void check_reconcile(ExtentStoreFixture& fixture) {
  SECTION("an unsealed extent leaves nothing behind") {
    for (const std::size_t size : {std::size_t{10}, std::size_t{5000}, std::size_t{400'000}}) {
      REQUIRE(run(abandon(fixture.store(), size)));
    }
    fixture.restart();
    CHECK(reconcile(fixture.store(), {}, false).orphan_bytes == 0);
  }
  SECTION("what no earlier run left live is an orphan, and is given back if asked") {
    const Extent live = put(fixture.store(), pattern(100'000, 1));
    const Extent orphan = put(fixture.store(), pattern(300'000, 2));
    const Extent also_live = put(fixture.store(), pattern(20, 3));
    fixture.restart();

    const auto found = reconcile(fixture.store(), {live, also_live}, false);
    CHECK(found.live_count == 2);
    CHECK(found.live_bytes == 100'020);
    CHECK(found.orphan_bytes >= 300'000);
    CHECK(found.orphan_bytes < 320'000);
    CHECK(same(read(fixture.store(), orphan), pattern(300'000, 2)));

    CHECK(reconcile(fixture.store(), {live, also_live}, true).orphan_bytes == found.orphan_bytes);
    CHECK(reconcile(fixture.store(), {live, also_live}, true).orphan_bytes == 0);
    CHECK(same(read(fixture.store(), live), pattern(100'000, 1)));
    CHECK(same(read(fixture.store(), also_live), pattern(20, 3)));
    CHECK_FALSE(run(load_bytes(fixture.store(), orphan, {0, 1000})));
  }
  SECTION("extents of this run are left alone") {
    const Extent earlier = put(fixture.store(), pattern(5000, 1));
    fixture.restart();
    const Extent present = put(fixture.store(), pattern(5000, 2));
    CHECK(reconcile(fixture.store(), {earlier}, true).orphan_bytes == 0);
    CHECK(reconcile(fixture.store(), {earlier, present}, true).orphan_bytes == 0);
    CHECK(reconcile(fixture.store(), {}, true).orphan_bytes > 0);
    CHECK(same(read(fixture.store(), present), pattern(5000, 2)));
  }
  SECTION("released extents are no orphans, and what is live survives many runs") {
    std::vector<Extent> live;
    for (std::uint64_t round = 0; round < 5; ++round) {
      live.push_back(put(fixture.store(), pattern(30'000, round)));
      REQUIRE(run(fixture.store().release(put(fixture.store(), pattern(30'000)))));
      fixture.restart();
      CHECK(reconcile(fixture.store(), live, true).orphan_bytes == 0);
    }
    for (std::uint64_t round = 0; round < 5; ++round)
      CHECK(same(read(fixture.store(), live[round]), pattern(30'000, round)));
  }
}

Awaitable<> write_and_check(ExtentStore& store, std::uint64_t seed, std::atomic<int>& right) {
  const std::string bytes = pattern(1 + seed * 7919 % 400'000, seed);
  const auto extent =
      co_await store_bytes(store, bytes, seed % 2 == 0 ? std::optional(bytes.size()) : std::nullopt, 30'000);
  if (!extent) co_return;
  const auto back = co_await load_bytes(store, *extent, {0, extent->length});
  if (back && same(*back, bytes)) ++right;
}

void check_concurrency(ExtentStore& store) {
  SECTION("many writers on several threads each keep their own bytes") {
    constexpr int kThreads = 3, kWriters = 20;
    std::atomic<int> right = 0;
    std::vector<std::jthread> threads;
    for (std::uint64_t thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        asio::io_context io(1);
        for (std::uint64_t n = 0; n < kWriters; ++n) {
          asio::co_spawn(io, write_and_check(store, thread * 100 + n, right), asio::detached);
        }
        io.run();
      });
    }
    threads.clear();
    CHECK(right == kThreads * kWriters);
  }
}

}  // namespace

void check_extent_store_contract(const MakeExtentStore& make) {
  const auto fixture = make();
  check_round_trips(fixture->store());
  check_ranges(fixture->store());
  SECTION("release") { check_release(fixture->store()); }
  check_damage(*fixture);
  check_reconcile(*fixture);
  check_concurrency(fixture->store());
}

}  // namespace sluice::test

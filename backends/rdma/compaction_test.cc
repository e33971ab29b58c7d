#include "backends/rdma/compaction.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>

#include "backends/rdma/disk_probe.h"
#include "gateway/core/encoding.h"
#include "tests/support/temporary_directory.h"

namespace sluice::rdma {
namespace {

using test::TemporaryDirectory;

constexpr std::uint64_t kSlabSize = 2 << 20;
constexpr ExtentNumber kFirst{1};

std::string text(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, 'x');
  for (std::size_t n = 0; n < size; ++n) bytes[n] = static_cast<char>((n * 131 + n / 251 + seed * 17) % 253);
  return bytes;
}

struct Stored {
  ExtentNumber extent;
  Run run;
  std::uint64_t seed;
};

/// A disk of ten slabs on which no hole is punched, unless it is asked for.
struct World {
  explicit World(DiskOptions options = {.punches = false}) : options(std::move(options)) {
    Disk::format(path, {.cluster = {}, .size = 22 << 20, .slab_size = kSlabSize, .log_size = 64 << 10});
    open();
  }
  /// As another one left it.
  World(const World& other, const std::string& image) : options(other.options) {
    std::ofstream(path, std::ios::binary).write(image.data(), static_cast<std::streamsize>(image.size()));
    open();
  }

  void open() {
    compaction.reset();
    probe.reset();
    probe = std::make_unique<DiskProbe>(path, options);
    compaction.emplace(probe->disk(), CompactionOptions{.bytes_per_second = 1ULL << 40, .free_min = 1}, log);
  }
  Disk& disk() { return probe->disk(); }

  /// A sealed extent of `count` runs that fill its slab.
  std::vector<Stored> fill(ExtentNumber extent, std::size_t count = 8) {
    std::vector<Stored> stored;
    for (std::size_t n = 0; n < count; ++n) {
      const std::uint64_t seed = static_cast<std::uint64_t>(extent) * 100 + n;
      const auto run = probe->run(probe->append(extent, text(250'000, seed)));
      REQUIRE(run);
      stored.push_back({extent, *run, seed});
    }
    REQUIRE(probe->run(disk().seal(extent, end_of(stored.back().run))));
    return stored;
  }
  void release(const Stored& one) { REQUIRE(probe->run(disk().release(one.extent, one.run.page))); }

  bool has(const Stored& one) {
    const auto bytes = probe->run(probe->bytes_of_run(one.extent, one.run.page));
    return bytes && *bytes == text(250'000, one.seed);
  }
  std::vector<Run> list(ExtentNumber extent) {
    const auto runs = probe->run(disk().list(extent, 0, 1000));
    REQUIRE(runs);
    return *runs;
  }
  void compact() { REQUIRE(probe->run(compaction->round())); }

  TemporaryDirectory directory;
  std::filesystem::path path = directory.path() / "disk";
  DiskOptions options;
  NullLog log;
  std::unique_ptr<DiskProbe> probe;
  std::optional<Compaction> compaction;
};

/// Extents of eight runs of which two are needed, in as many slabs as the disk gives.
struct HalfDead : World {
  explicit HalfDead(DiskOptions options = {.punches = false}) : World(std::move(options)) {
    for (std::uint64_t number = 1; disk().table().free_slabs() > 0; ++number) {
      const auto stored = fill(ExtentNumber{number});
      for (const std::size_t n : {0U, 1U, 2U, 4U, 5U, 7U}) release(stored[n]);
      for (const std::size_t n : {3U, 6U}) needed.push_back(stored[n]);
      for (const std::size_t n : {0U, 7U}) gone.push_back(stored[n]);
    }
  }

  void check() { check(*this); }
  void check(World& world) const {
    for (const Stored& one : needed) CHECK(world.has(one));
    for (const Stored& one : gone) CHECK_FALSE(world.has(one));
    for (std::size_t n = 0; n < needed.size(); n += 2) {
      CHECK(world.list(needed[n].extent) == std::vector<Run>{needed[n].run, needed[n + 1].run});
    }
  }

  std::vector<Stored> needed, gone;
};

}  // namespace

TEST_CASE("a disk full of extents that are hardly needed takes new ones once it was compacted") {
  HalfDead world;
  REQUIRE(world.needed.size() == 2 * 9);
  CHECK(world.probe->run(world.probe->append(ExtentNumber{50}, "x")).error().code == ErrorCode::out_of_space);

  world.compact();

  // Eighteen runs of an eighth each.
  CHECK(world.disk().table().free_slabs() >= 6);
  CHECK(world.compaction->counts().slabs == 9);
  for (int opened = 0; opened < 2; ++opened) {
    world.check();
    world.open();
  }
  const std::size_t free = world.disk().table().free_slabs();
  for (std::uint64_t number = 50; number < 50 + free; ++number) {
    for (const Stored& one : world.fill(ExtentNumber{number})) CHECK(world.has(one));
  }
  world.check();
}

TEST_CASE("what was compacted is released, compacted again, and dropped when nothing of it is needed") {
  HalfDead world;
  world.compact();
  const bool restarts = GENERATE(false, true);
  if (restarts) world.open();
  // Of each extent one run stays.
  std::vector<Stored> kept;
  for (std::size_t n = 0; n < world.needed.size(); ++n) {
    if (n % 2 == 0) world.release(world.needed[n]);
    if (n % 2 == 1) kept.push_back(world.needed[n]);
  }
  for (const Stored& one : kept) CHECK(world.has(one));

  world.compact();
  if (restarts) world.open();
  world.compact();

  // Nine runs of an eighth each.
  CHECK(world.disk().table().free_slabs() >= 7);
  for (const Stored& one : kept) {
    CHECK(world.has(one));
    CHECK(world.list(one.extent) == std::vector<Run>{one.run});
    world.release(one);
    world.release(one);
    CHECK_FALSE(world.disk().table().find(one.extent)->holds());
  }
  world.open();
  CHECK(world.disk().table().free_slabs() == 9);
  CHECK(world.disk().table().tenants(0).empty());
}

TEST_CASE("nothing is moved while enough slabs are free, nor out of those of which much is needed") {
  World world;
  const auto stored = world.fill(kFirst);
  for (const std::size_t n : {0U, 1U, 2U}) world.release(stored[n]);
  world.compact();
  CHECK(world.compaction->counts().slabs == 0);
  world.release(stored[3]);
  Compaction patient(world.disk(), {.bytes_per_second = 1ULL << 40, .free_min = 0.5}, world.log);
  REQUIRE(world.probe->run(patient.round()));
  CHECK(patient.counts().slabs == 0);

  world.compact();
  CHECK(world.compaction->counts().slabs == 1);
  CHECK_FALSE(world.disk().table().find(kFirst)->slab);
  for (const std::size_t n : {4U, 5U, 6U, 7U}) CHECK(world.has(stored[n]));
}

TEST_CASE("an extent that is written to is not compacted") {
  World world;
  const auto run = world.probe->run(world.probe->append(kFirst, text(250'000, 1)));
  REQUIRE(run);
  REQUIRE(world.probe->run(world.disk().release(kFirst, run->page)));
  world.compact();
  CHECK(world.disk().table().find(kFirst)->slab);
}

TEST_CASE("what is damaged is not moved, and said to be") {
  HalfDead world;
  const Stored damaged = world.needed[2];
  const auto at = *world.disk().where(damaged.extent, damaged.run.page) + kPageSize + 1000;
  std::fstream file(world.path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.put('?');
  file.close();
  std::vector<ExtentNumber> told;
  Compaction compaction(
      world.disk(),
      {.bytes_per_second = 1ULL << 40, .free_min = 1, .damaged = [&](ExtentNumber extent) { told.push_back(extent); }},
      world.log);

  REQUIRE(world.probe->run(compaction.round()));

  CHECK(told == std::vector{damaged.extent});
  CHECK(compaction.counts().slabs == 8);
  CHECK(world.disk().table().find(damaged.extent)->slab);
  for (const Stored& one : world.needed)
    CHECK(world.has(one) == (one.run != damaged.run || one.extent != damaged.extent));
}

TEST_CASE("a compacted extent can be begun anew, and what is not kept can be read still") {
  HalfDead world;
  world.compact();
  const Stored first = world.needed[0], second = world.needed[1];
  CHECK(may_append(world.disk().table().find(first.extent), Epoch{9}) == Refusal::sealed);

  REQUIRE(world.probe->run(world.disk().begin_anew(first.extent, Epoch{9}, {})));

  for (int opened = 0; opened < 2; ++opened) {
    CHECK(world.disk().table().find(first.extent)->slab);
    CHECK(world.disk().table().find(first.extent)->moved.empty());
    CHECK(world.disk().replica(first.extent).durable() == 0);
    CHECK(world.probe->run(world.disk().has(first.extent, second.run)) == true);
    for (const Stored& one : world.needed) CHECK(world.has(one));
    world.open();
  }
}

namespace {

std::string bytes_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// What of the log was written between two states of a disk, in the order it was.
std::vector<std::uint64_t> log_writes(const Superblock& superblock, const std::string& before,
                                      const std::string& after) {
  std::map<std::pair<std::uint64_t, Pages>, std::uint64_t> order;
  for (std::uint64_t at = log_offset(superblock, 0); at < log_offset(superblock, 2); at += kPageSize) {
    if (before.compare(at, kPageSize, after, at, kPageSize) == 0) continue;
    const auto page = decode_log_page(std::string_view(after).substr(at, kPageSize));
    REQUIRE(page);
    order[{page->generation, page->sequence}] = at;
  }
  std::vector<std::uint64_t> writes;
  for (const auto& [place, at] : order) writes.push_back(at);
  return writes;
}

/// What was written to slabs and so many pages of the log are there, and so much of the next page.
std::string crashed(const std::string& before, const std::string& after, const std::vector<std::uint64_t>& writes,
                    std::size_t pages, std::size_t torn) {
  std::string image = after;
  for (std::size_t n = 0; n < writes.size(); ++n) {
    const std::size_t size = n < pages ? kPageSize : n == pages ? torn : 0;
    std::memcpy(image.data() + writes[n] + size, before.data() + writes[n] + size, kPageSize - size);
  }
  return image;
}

}  // namespace

TEST_CASE("a crash at any write of a compaction leaves all that is needed, and what is free can be used") {
  HalfDead world;
  Pace pace(1ULL << 40);
  // With the first the log becomes one of the version that knows compaction. With the last there is a second slab to
  // fill.
  for (std::uint64_t victim = 1; victim <= 5; ++victim) {
    const std::string before = bytes_of_file(world.path);
    REQUIRE(world.probe->run(world.disk().move_out(*world.disk().table().find(ExtentNumber{victim})->slab, pace)) ==
            true);
    const std::string after = bytes_of_file(world.path);
    const auto writes = log_writes(world.disk().superblock(), before, after);
    REQUIRE(writes.size() >= (victim == 1 ? 3 : 1));
    for (std::size_t pages = 0; pages <= writes.size(); ++pages) {
      INFO("victim " << victim << ", log pages " << pages << " and a part of the next");
      World crash(world, crashed(before, after, writes, pages, 600));
      world.check(crash);
      // It goes on, and what it frees is free indeed.
      crash.compact();
      REQUIRE(crash.disk().table().free_slabs() >= 5);
      for (std::uint64_t number = 80; crash.disk().table().free_slabs() > 0; ++number) crash.fill(ExtentNumber{number});
      world.check(crash);
      crash.open();
      world.check(crash);
    }
  }
}

TEST_CASE("after a compaction no area of the log can be read by who does not know it") {
  HalfDead world;
  const Superblock superblock = world.disk().superblock();
  const auto version_of = [&](std::size_t area) {
    const auto page =
        decode_log_page(std::string_view(bytes_of_file(world.path)).substr(log_offset(superblock, area), kPageSize));
    return page ? page->version : 0;
  };
  CHECK(version_of(0) == kDiskVersion);
  world.compact();
  CHECK(version_of(0) == kCompactedVersion);
  CHECK(version_of(1) == kCompactedVersion);
}

namespace {

/// Holes that are punched when it is let go.
struct Gate {
  Waiters waiting;
  bool open = false;
  std::size_t holes = 0;

  Awaitable<> pass() {
    ++holes;
    if (!open) co_await waiting.wait();
  }
};

Task<> append_all(World& world, ExtentNumber extent, std::vector<Stored>& stored) {
  for (std::uint64_t n = 0; n < 8; ++n) {
    CO_TRY(const auto run, co_await world.probe->append(extent, text(250'000, n)));
    stored.push_back({extent, run, n});
  }
  co_return done;
}

/// Whatever waits for the disk alone, and not for a hole, is over before.
Task<> let_others_work(World& world, Gate& gate, std::size_t holes) {
  for (int turns = 0; gate.holes < holes || turns < 300; ++turns) {
    CO_TRY(co_await world.disk().fence(ExtentNumber{99}, Epoch{1}));
  }
  co_return done;
}

Task<> release_last(World& world, Gate& gate, Stored last) {
  while (gate.holes < 7) {
    CO_TRY(co_await world.disk().fence(ExtentNumber{98}, Epoch{1}));
  }
  co_return co_await world.disk().release(last.extent, last.run.page);
}

Task<> use_slabs_and_open(World& world, Gate& gate, std::size_t holes, std::vector<Stored>& others) {
  CO_TRY(co_await let_others_work(world, gate, holes));
  for (std::uint64_t number = 2; world.disk().table().free_slabs() > 0; ++number) {
    CO_TRY(co_await append_all(world, ExtentNumber{number}, others));
  }
  gate.open = true;
  gate.waiting.finish(done);
  co_return done;
}

Task<> move_out(World& world, std::uint32_t slab, Pace& pace) {
  CO_TRY(co_await world.disk().move_out(slab, pace));
  co_return done;
}

}  // namespace

TEST_CASE("a hole that comes late comes into no other extent when the last run is released") {
  Gate gate;
  World world({.before_hole = [&] { return gate.pass(); }});
  const auto stored = world.fill(kFirst);
  std::vector<Stored> others;
  std::vector<Task<>> tasks;
  for (std::size_t n = 0; n < 7; ++n) tasks.push_back(world.disk().release(kFirst, stored[n].run.page));
  tasks.push_back(release_last(world, gate, stored[7]));
  tasks.push_back(use_slabs_and_open(world, gate, 7, others));

  REQUIRE(world.probe->run_all(std::move(tasks)));

  CHECK(others.size() == 8 * 8);
  for (const Stored& one : others) CHECK(world.has(one));
  CHECK_FALSE(world.disk().table().find(kFirst)->holds());
}

TEST_CASE("a hole that comes late comes into no other extent when a slab is emptied") {
  Gate gate;
  gate.open = true;
  World world({.before_hole = [&] { return gate.pass(); }});
  const auto stored = world.fill(kFirst);
  for (std::size_t n = 0; n < 5; ++n) world.release(stored[n]);
  gate.open = false;
  std::vector<Stored> others;
  // Such that the hole is waited for before all is copied.
  Pace pace(4 << 20);
  std::vector<Task<>> tasks;
  tasks.push_back(move_out(world, *world.disk().table().find(kFirst)->slab, pace));
  tasks.push_back(world.disk().release(kFirst, stored[5].run.page));
  tasks.push_back(use_slabs_and_open(world, gate, gate.holes + 1, others));

  REQUIRE(world.probe->run_all(std::move(tasks)));

  CHECK_FALSE(world.disk().table().find(kFirst)->slab);
  for (const Stored& one : others) CHECK(world.has(one));
  for (const std::size_t n : {6U, 7U}) CHECK(world.has(stored[n]));
  CHECK_FALSE(world.has(stored[5]));
}

}  // namespace sluice::rdma

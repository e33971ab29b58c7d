#include "gateway/object/pages.h"

#include <catch2/catch.hpp>
#include <random>

#include "gateway/object/catalog.h"
#include "gateway/object/page_map.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const ObjectName kName{"photos", "disk"};
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kPage = Pages::kPageSize;

ErrorCode code(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

std::string pages(std::size_t count, char letter) { return std::string(count * kPage, letter); }

Result<ObjectInfo> create(World& world, std::uint64_t size, const std::string& key = "disk") {
  return run(world.pages.create(world.context, {"photos", key}, {}, size, 0));
}

Task<PageAnswer> start_put(World& world, std::uint64_t offset, std::string text, PageOptions options = {},
                           std::string key = "disk") {
  test::StringSource source(std::move(text), 100'000);
  DigestSource body(source);
  const ObjectName name{"photos", std::move(key)};
  co_return co_await world.pages.put(world.context, name, options, offset, body);
}

Result<PageAnswer> put(World& world, std::uint64_t offset, std::string text, const PageOptions& options = {},
                       const std::string& key = "disk") {
  return run(start_put(world, offset, std::move(text), options, key));
}

Result<ObjectInfo> clear(World& world, std::uint64_t offset, std::uint64_t length, const PageOptions& options = {}) {
  return run(world.pages.clear(world.context, kName, options, {offset, length}));
}

std::vector<PageRange> differences(World& world, const std::optional<Which>& since, std::size_t limit = 1000) {
  std::vector<PageRange> all;
  PageQuery query{.since = since, .range = {0, Pages::kSizeMax}, .limit = limit};
  for (;;) {
    const auto page = run(world.pages.ranges(world.context, kName, query)).value();
    all.insert(all.end(), page.ranges.begin(), page.ranges.end());
    if (!page.next) return all;
    query.range.offset = *page.next;
  }
}

std::vector<ByteRange> ranges(World& world, std::size_t limit = 1000) {
  std::vector<ByteRange> all;
  for (const auto& range : differences(world, {}, limit)) all.push_back(range.bytes);
  return all;
}

ObjectInfo stat(World& world) { return run(world.objects.stat(world.context, kName, {})).value().info; }

// Of the first region, which is one run, as if it had been cleared page by page.
void leave_every_other_page(World& world, std::uint64_t count) {
  const auto transaction = world.index.begin();
  Catalog rows(*transaction);
  const auto record = run(rows.get<ObjectRecord>(object_key(kName))).value().value();
  const auto key = region_key(std::get<PageMap>(record.content).id, 0);
  const auto before = runs_of(run(rows.get<ManifestRecord>(key)).value().value()).value();
  REQUIRE(before.size() == 1);
  const auto& extent = before.front().slice.extent;
  PageRuns runs;
  for (std::uint64_t i = 0; i < count; ++i) runs.push_back({2 * i * kPage, {extent, {2 * i * kPage, kPage}}});
  rows.put(key, row_of(runs));
  rows.put(extent_key(extent.id), ExtentRecord{extent.length, extent.crc32c, count});
  REQUIRE(run(transaction->commit()));
}

OpenOptions range(std::uint64_t first, std::uint64_t length) {
  OpenOptions options;
  options.range = RangeRequest{first, first + length - 1};
  return options;
}

}  // namespace

TEST_CASE("a page object reads as zeros where nothing was written") {
  World world;
  REQUIRE(create(world, 4 * kPage));
  CHECK(world.get("disk") == std::string(4 * kPage, '\0'));

  REQUIRE(put(world, kPage, pages(2, 'x')));

  CHECK(world.get("disk") == pages(1, '\0') + pages(2, 'x') + pages(1, '\0'));
  CHECK(ranges(world) == std::vector<ByteRange>{{kPage, 2 * kPage}});
  REQUIRE(clear(world, 2 * kPage, kPage));
  CHECK(world.get("disk") == pages(1, '\0') + pages(1, 'x') + pages(2, '\0'));
  CHECK(ranges(world) == std::vector<ByteRange>{{kPage, kPage}});
  CHECK(world.leftovers() == "");
  REQUIRE(world.remove("disk"));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("any writes and clears read back as they would in memory") {
  World world(/*extent_length_max=*/1 << 20);
  constexpr std::uint64_t kSize = 9 * kMiB;
  std::string expected(kSize, '\0');
  REQUIRE(create(world, kSize));
  std::mt19937 random(7);
  for (int i = 0; i < 150; ++i) {
    const auto offset = random() % (kSize / kPage) * kPage;
    const auto most = std::min<std::uint64_t>((kSize - offset) / kPage, i % 10 == 0 ? 4000 : 40);
    const auto length = (random() % most + 1) * kPage;
    if (i % 5 == 4) {
      REQUIRE(clear(world, offset, length));
      expected.replace(offset, length, length, '\0');
    } else {
      const auto letter = static_cast<char>('a' + i % 26);
      REQUIRE(put(world, offset, std::string(length, letter)));
      expected.replace(offset, length, length, letter);
    }
  }

  CHECK((world.get("disk") == expected));
  for (int i = 0; i < 50; ++i) {
    const auto offset = random() % kSize;
    const auto length = std::min<std::uint64_t>(kSize - offset, random() % (5 * kMiB) + 1);
    REQUIRE((world.get("disk", range(offset, length)) == expected.substr(offset, length)));
  }
  CHECK(world.leftovers() == "");
}

TEST_CASE("a page object of 8 TiB takes no room in proportion to its size") {
  World world;
  REQUIRE(create(world, Pages::kSizeMax));
  REQUIRE(put(world, Pages::kSizeMax - kPage, pages(1, 'z')));

  CHECK(world.row_count("m") == 2);
  CHECK(world.get("disk", range(Pages::kSizeMax - kPage - 3, 5)) == std::string(3, '\0') + "zz");
  CHECK(ranges(world) == std::vector<ByteRange>{{Pages::kSizeMax - kPage, kPage}});
  CHECK(code(create(world, Pages::kSizeMax + kPage)) == ErrorCode::invalid_argument);
  CHECK(code(create(world, 100)) == ErrorCode::invalid_argument);
}

TEST_CASE("a region that is written over and over holds on to a bounded number of extents") {
  World world;
  REQUIRE(create(world, 4 * kMiB));
  for (std::size_t i = 0; i < 600; ++i) REQUIRE(put(world, i * 2 % 1000 * kPage, pages(1, 'a')));
  world.reclaim();
  CHECK(world.extents.extent_count() <= 200);
  for (int i = 0; i < 40; ++i) REQUIRE(put(world, static_cast<std::uint64_t>(i) * kPage, std::string(kMiB, 'b')));
  world.reclaim();
  CHECK(world.extents.extent_count() <= 40);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a region of more runs than fit its row becomes one run") {
  World world(/*extent_length_max=*/4 * kMiB);
  constexpr std::uint64_t kRuns = 1501;
  REQUIRE(create(world, 4 * kMiB));
  REQUIRE(put(world, 0, std::string(4 * kMiB, 'a')));
  leave_every_other_page(world, kRuns);
  REQUIRE(ranges(world, 10'000).size() == kRuns);

  REQUIRE(put(world, 0, pages(1, 'b')));

  std::string expected(4 * kMiB, '\0');
  for (std::uint64_t i = 0; i < kRuns; ++i) expected.replace(2 * i * kPage, kPage, pages(1, i == 0 ? 'b' : 'a'));
  CHECK((world.get("disk") == expected));
  CHECK(ranges(world) == std::vector<ByteRange>{{0, (2 * kRuns - 1) * kPage}});
  CHECK(world.leftovers() == "");
}

TEST_CASE("page writes are refused beyond the object, off the pages, and against their conditions") {
  World world;
  REQUIRE(world.put("block", "text"));
  CHECK(code(put(world, 0, pages(1, 'x'))) == ErrorCode::no_such_object);
  CHECK(code(put(world, 0, pages(1, 'x'), {}, "block")) == ErrorCode::kind_mismatch);
  REQUIRE(create(world, 4 * kPage));
  CHECK(code(put(world, 100, pages(1, 'x'))) == ErrorCode::invalid_page_range);
  CHECK(code(put(world, 0, "x")) == ErrorCode::invalid_page_range);
  CHECK(code(put(world, 0, "")) == ErrorCode::invalid_page_range);
  CHECK(code(put(world, 3 * kPage, pages(2, 'x'))) == ErrorCode::invalid_page_range);
  CHECK(code(put(world, 0, std::string(Pages::kPutSizeMax + kPage, 'x'))) == ErrorCode::entity_too_large);
  CHECK(code(clear(world, 4 * kPage, kPage)) == ErrorCode::invalid_page_range);

  REQUIRE(run(world.pages.set_sequence(world.context, kName, {}, SequenceAct::update, 5)));
  const auto with = [](SequenceConditions sequence) { return PageOptions{.conditions = {}, .sequence = sequence}; };
  CHECK(code(put(world, 0, pages(1, 'x'), with({.below = 5, .at_most = {}, .exactly = {}}))) ==
        ErrorCode::sequence_condition_failed);
  CHECK(code(put(world, 0, pages(1, 'x'), with({.below = {}, .at_most = 4, .exactly = {}}))) ==
        ErrorCode::sequence_condition_failed);
  CHECK(code(clear(world, 0, kPage, with({.below = {}, .at_most = {}, .exactly = 4}))) ==
        ErrorCode::sequence_condition_failed);
  CHECK(world.get("disk") == pages(4, '\0'));
  CHECK(put(world, 0, pages(1, 'x'), with({.below = 6, .at_most = 5, .exactly = 5})));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a sequence number is set, raised and counted") {
  World world;
  REQUIRE(create(world, kPage));
  const auto act = [&](SequenceAct what, std::uint64_t number) {
    return run(world.pages.set_sequence(world.context, kName, {}, what, number));
  };
  CHECK(act(SequenceAct::update, 7)->sequence_number == 7);
  CHECK(act(SequenceAct::max, 3)->sequence_number == 7);
  CHECK(act(SequenceAct::max, 9)->sequence_number == 9);
  CHECK(act(SequenceAct::increment, 0)->sequence_number == 10);
  CHECK(code(act(SequenceAct::update, Pages::kSequenceMax + 1)) == ErrorCode::invalid_argument);
  REQUIRE(act(SequenceAct::update, Pages::kSequenceMax));
  CHECK(code(act(SequenceAct::increment, 0)) == ErrorCode::invalid_argument);
}

TEST_CASE("what a smaller size cut off stays gone when the object grows again") {
  World world;
  REQUIRE(create(world, 8 * kMiB));
  REQUIRE(put(world, 0, pages(4, 'a')));
  REQUIRE(put(world, 5 * kMiB, pages(4, 'b')));
  const auto resize = [&](std::uint64_t size) { return run(world.pages.resize(world.context, kName, {}, size)); };

  REQUIRE(resize(2 * kPage));
  CHECK(world.get("disk") == pages(2, 'a'));
  REQUIRE(resize(8 * kMiB));

  CHECK((world.get("disk") == pages(2, 'a') + std::string(8 * kMiB - 2 * kPage, '\0')));
  CHECK(code(resize(100)) == ErrorCode::invalid_argument);
  CHECK(world.leftovers() == "");
}

TEST_CASE("more regions than one commit takes are cleared all the same") {
  World world;
  REQUIRE(create(world, 1ULL << 40));
  for (std::uint64_t i = 0; i < 150; ++i) REQUIRE(put(world, i * 4 * kMiB, pages(1, 'x')));

  REQUIRE(clear(world, kPage, (1ULL << 40) - kPage));

  CHECK(ranges(world) == std::vector<ByteRange>{{0, kPage}});
  REQUIRE(run(world.pages.resize(world.context, kName, {}, 0)));
  CHECK(ranges(world).empty());
  CHECK(world.leftovers() == "");
}

TEST_CASE("page ranges come in pieces that join to the whole") {
  World world;
  REQUIRE(create(world, 16 * kMiB));
  std::vector<ByteRange> written;
  for (std::uint64_t i = 0; i < 20; ++i) {
    written.push_back({i * 700'416, 3 * kPage});
    REQUIRE(put(world, written.back().offset, pages(3, 'x')));
  }
  REQUIRE(put(world, 4 * kMiB - kPage, pages(2, 'y')));
  written.push_back({4 * kMiB - kPage, 2 * kPage});
  std::ranges::sort(written, {}, &ByteRange::offset);

  CHECK(ranges(world) == written);
  CHECK(ranges(world, 1) == written);
  CHECK(ranges(world, 7) == written);
}

TEST_CASE("a copy of a page object shares its extents and goes its own way") {
  World world;
  REQUIRE(create(world, 12 * kMiB));
  REQUIRE(put(world, 0, pages(2, 'a')));
  REQUIRE(put(world, 9 * kMiB, pages(2, 'b')));

  REQUIRE(world.copy("disk", "copy"));

  CHECK(world.extents.extent_count() == 2);
  REQUIRE(put(world, 0, pages(1, 'c')));
  REQUIRE(put(world, 9 * kMiB, pages(1, 'd'), {}, "copy"));
  CHECK(world.get("disk", range(0, 2 * kPage)) == pages(1, 'c') + pages(1, 'a'));
  CHECK(world.get("copy", range(0, 2 * kPage)) == pages(2, 'a'));
  CHECK(world.get("copy", range(9 * kMiB, 2 * kPage)) == pages(1, 'd') + pages(1, 'b'));
  CHECK(world.leftovers() == "");
  REQUIRE(world.remove("disk"));
  CHECK(world.leftovers() == "");
  CHECK(world.get("copy", range(9 * kMiB, 2 * kPage)) == pages(1, 'd') + pages(1, 'b'));
}

TEST_CASE("a page write that fails leaves the pages as they were") {
  for (std::uint64_t n = 1;; ++n) {
    World world;
    REQUIRE(create(world, 8 * kMiB));
    REQUIRE(put(world, 4 * kMiB - kPage, pages(2, 'a')));
    const auto before = stat(world).revision_tag();
    world.faulty.faults.fail_at(n);
    const bool written = put(world, 4 * kMiB - kPage, pages(2, 'b')).has_value();
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    REQUIRE(written != struck);
    CHECK(world.get("disk", range(4 * kMiB - kPage, 2 * kPage)) == pages(2, written ? 'b' : 'a'));
    CHECK((stat(world).revision_tag() == before) == struck);
    CHECK(world.leftovers() == "");
    if (!struck) break;
  }
}

TEST_CASE("page writes and copies that come between each other tear nothing") {
  for (std::uint64_t n = 1;; ++n) {
    World world;
    REQUIRE(create(world, 8 * kMiB));
    REQUIRE(put(world, 4 * kMiB - kPage, pages(2, 'a')));
    const auto other = [&]() -> Awaitable<> { (void)co_await start_put(world, 4 * kMiB - kPage, pages(2, 'o')); };
    world.faulty.faults.interrupt_at(n, other);
    REQUIRE(put(world, 4 * kMiB, pages(1, 'm')));
    const bool put_struck = world.faulty.faults.struck();
    world.faulty.faults.interrupt_at(n, other);
    REQUIRE(world.copy("disk", "copy"));
    const bool copy_struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    if (!put_struck && !copy_struck) break;
    INFO("before call " << n);
    const auto read = world.get("disk", range(4 * kMiB - kPage, 2 * kPage)).value();
    CHECK((read == pages(2, 'o') || read == pages(1, 'o') + pages(1, 'm') || read == pages(1, 'a') + pages(1, 'm')));
    const auto copied = world.get("copy", range(4 * kMiB - kPage, 2 * kPage)).value();
    CHECK((copied == pages(2, 'o') || copied == pages(1, 'o') + pages(1, 'm') ||
           copied == pages(1, 'a') + pages(1, 'm')));
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("a snapshot keeps the pages, and what differs from it is told") {
  World world;
  REQUIRE(create(world, 16 * kMiB));
  REQUIRE(put(world, 0, pages(8, 'a')));
  REQUIRE(put(world, 9 * kMiB, pages(2, 'b')));
  const auto snapshot = run(world.start_snapshot("disk")).value();
  const Which taken{.snapshot = snapshot.snapshot};
  CHECK(world.extents.extent_count() == 2);
  CHECK(differences(world, taken).empty());

  REQUIRE(put(world, 2 * kPage, pages(2, 'c')));
  REQUIRE(clear(world, 6 * kPage, kPage));
  REQUIRE(clear(world, 9 * kMiB, kMiB));
  REQUIRE(put(world, 13 * kMiB, pages(1, 'd')));

  const std::vector<PageRange> expected{{{2 * kPage, 2 * kPage}, false},
                                        {{6 * kPage, kPage}, true},
                                        {{9 * kMiB, 2 * kPage}, true},
                                        {{13 * kMiB, kPage}, false}};
  CHECK(differences(world, taken) == expected);
  CHECK(differences(world, taken, 1) == expected);
  OpenOptions reading = range(0, 8 * kPage);
  reading.which = taken;
  CHECK(world.get("disk", reading) == pages(8, 'a'));
  CHECK(world.leftovers() == "");
  REQUIRE(run(world.start_removal({.key = "disk", .snapshots = Snapshots::include})));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("a page write of a versioned object makes no version, and a version keeps its pages") {
  World world;
  world.set_versioning(Versioning::enabled);
  REQUIRE(create(world, 4 * kPage));
  REQUIRE(put(world, 0, pages(1, 'a')));
  CHECK(world.versions().size() == 1);
  const auto first = stat(world).version();
  REQUIRE(world.put("disk", "replaced"));

  OpenOptions earlier;
  earlier.which.version = first;
  CHECK(world.get("disk", earlier) == pages(1, 'a') + pages(3, '\0'));
  CHECK(world.leftovers() == "");
  REQUIRE(world.remove_version("disk", stat(world).version()));
  CHECK(put(world, kPage, pages(1, 'b')));
  CHECK(world.get("disk") == pages(1, 'a') + pages(1, 'b') + pages(2, '\0'));
  CHECK(world.leftovers() == "");
}

TEST_CASE("many page writes at once are all there") {
  World world;
  REQUIRE(create(world, 16 * kPage));
  std::string expected;
  std::vector<std::function<Awaitable<>()>> tasks;
  for (std::uint64_t i = 0; i < 10; ++i) {
    const auto letter = static_cast<char>('a' + i);
    expected += pages(1, letter);
    tasks.emplace_back(
        [&world, i, letter]() -> Awaitable<> { (void)co_await start_put(world, i * kPage, pages(1, letter)); });
  }

  test::run_together(std::move(tasks));

  CHECK(world.get("disk", range(0, 10 * kPage)) == expected);
  CHECK(world.leftovers() == "");
}

}  // namespace sluice::object

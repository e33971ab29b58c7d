#include "gateway/object/append.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "gateway/core/encoding.h"
#include "gateway/object/catalog.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const ObjectName kName{"photos", "log"};
const std::string kLong(300, 'l');

ErrorCode code(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

ObjectInfo stat(World& world, const std::string& key = "log") {
  return run(world.objects.stat(world.context, {"photos", key}, {})).value().info;
}

Result<ObjectInfo> seal(World& world, std::optional<std::uint64_t> position = {}) {
  return run(world.appends.seal(world.context, kName, {}, position));
}

std::string line(std::size_t i) { return "line " + std::to_string(i) + "\n"; }

// An object of `count` lines, each appended by itself, and its text.
std::string append_lines(World& world, std::size_t count) {
  std::string text;
  REQUIRE(world.create_append("log"));
  for (std::size_t i = 0; i < count; ++i) {
    REQUIRE(world.append("log", line(i)));
    text += line(i);
  }
  return text;
}

OpenOptions range(std::uint64_t first, std::uint64_t last) {
  OpenOptions options;
  options.range = RangeRequest{first, last};
  return options;
}

}  // namespace

TEST_CASE("an append object is empty at first, and grows at its end") {
  World world;
  const auto made = world.create_append("log").value();
  CHECK(made.kind == ObjectKind::append);
  CHECK(world.get("log") == "");

  const auto first = world.append("log", "one,");
  const auto second = world.append("log", kLong);
  const auto third = world.append("log", "three");

  REQUIRE(third);
  CHECK(first->offset == 0);
  CHECK(second->offset == 4);
  CHECK(third->offset == 304);
  CHECK(third->info.block_count == 3);
  CHECK(third->info.size == 309);
  CHECK(world.get("log") == "one," + kLong + "three");
  CHECK(world.leftovers() == "");
}

TEST_CASE("every append is a new revision and another content, and changes no more") {
  World world;
  const auto made = world.create_append("log").value();
  world.clock.set(world.clock.now() + std::chrono::seconds(3));

  const auto first = world.append("log", "a").value().info;
  const auto second = world.append("log", "b").value().info;

  CHECK(first.last_revision() > made.last_revision());
  CHECK(first.modified == world.clock.now());
  CHECK(made.content_tag() == to_hex(digest_of(DigestAlgorithm::md5, "").bytes));
  CHECK(first.content_tag().ends_with("-1"));
  CHECK(second.content_tag().ends_with("-2"));
  CHECK(first.content_tag() != second.content_tag());
  const Objects::Edit edit = [](ObjectInfo& info) -> Result<> {
    info.metadata = {{"a", "b"}};
    return done;
  };
  CHECK(run(world.objects.change(world.context, kName, {.revises = true}, edit))->content_tag() ==
        second.content_tag());
}

TEST_CASE("the checksum of an append object is that of all its bytes") {
  World world;
  const auto text = append_lines(world, 30);
  REQUIRE(world.append("log", kLong));

  CHECK(stat(world).checksum->digest == digest_of(DigestAlgorithm::crc64nvme, text + kLong));
}

TEST_CASE("any range of an append object reads as what was appended there") {
  World world(/*extent_length_max=*/1 << 20, /*inline_size_max=*/64);
  auto text = append_lines(world, 60);
  REQUIRE(world.append("log", kLong));
  text += kLong;
  for (std::size_t i = 0; i < 5; ++i) {
    REQUIRE(world.append("log", line(i)));
    text += line(i);
  }

  CHECK(world.get("log") == text);
  for (std::size_t first = 0; first < text.size(); first += 13) {
    for (const std::size_t length : {1UZ, 20UZ, 500UZ}) {
      const auto last = std::min(first + length, text.size()) - 1;
      REQUIRE(world.get("log", range(first, last)) == text.substr(first, last - first + 1));
    }
  }
}

TEST_CASE("small appends are gathered: rows and extents stay few") {
  World world(/*extent_length_max=*/1 << 20, /*inline_size_max=*/64);

  const auto text = append_lines(world, 1000);

  CHECK(world.get("log") == text);
  // Of 256 bytes each but for the tail.
  CHECK(world.extents.extent_count() <= text.size() / 200);
  CHECK(world.row_count("d") <= 16);
  CHECK(world.row_count("m") == 0);
  CHECK(world.leftovers() == "");
}

TEST_CASE("slices that are many go to rows that never change again") {
  World world(/*extent_length_max=*/1 << 20, /*inline_size_max=*/0);

  const auto text = append_lines(world, 300);

  CHECK(world.row_count("m") == 2);
  CHECK(world.get("log") == text);
  CHECK(world.get("log", range(1000, 2100)) == text.substr(1000, 1101));
  CHECK(world.leftovers() == "");
  REQUIRE(world.remove("log"));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("a reader keeps the state it opened, however much is appended") {
  for (const std::size_t inline_size_max : {64UZ, 0UZ}) {
    World world(/*extent_length_max=*/1 << 20, inline_size_max);
    const auto text = append_lines(world, 140);
    auto opened = run(world.objects.open(world.context, kName, {})).value();

    for (std::size_t i = 0; i < 200; ++i) REQUIRE(world.append("log", line(i)));
    REQUIRE(world.remove("log"));
    world.reclaim();

    CHECK(opened.selection.info.size == text.size());
    CHECK(run(read_all(*opened.body, 1 << 20)) == text);
    opened.body.reset();
    CHECK(world.leftovers() == "");
    CHECK(world.extents.extent_count() == 0);
  }
}

TEST_CASE("an append takes place only where its conditions hold") {
  World world;
  REQUIRE(world.put("block", "text"));
  CHECK(code(world.append("log", "x")) == ErrorCode::no_such_object);
  CHECK(code(world.append("block", "x")) == ErrorCode::kind_mismatch);
  REQUIRE(world.create_append("log"));
  REQUIRE(world.append("log", "12345"));

  CHECK(code(world.append("log", "x", {.conditions = {}, .position = 4, .size_max = {}})) ==
        ErrorCode::append_position_mismatch);
  CHECK(code(world.append("log", "x", {.conditions = {}, .position = {}, .size_max = 5})) ==
        ErrorCode::append_size_exceeded);
  CHECK(code(world.append("log", "")) == ErrorCode::invalid_argument);
  AppendOptions other;
  other.conditions.if_match = TagCondition{.any = false, .tags = {"other"}};
  CHECK(code(world.append("log", "x", other)) == ErrorCode::precondition_failed);
  CHECK(world.get("log") == "12345");
  CHECK(world.append("log", "6", {.conditions = {}, .position = 5, .size_max = 6}));
  CHECK(world.get("log") == "123456");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a sealed object takes no more, until it is made anew") {
  World world;
  REQUIRE(world.create_append("log"));
  REQUIRE(world.append("log", "12345"));
  CHECK(code(seal(world, 4)) == ErrorCode::append_position_mismatch);

  const auto sealed = seal(world, 5);

  REQUIRE(sealed);
  CHECK(sealed->sealed);
  CHECK(seal(world)->revision_tag() == sealed->revision_tag());
  CHECK(code(world.append("log", "6")) == ErrorCode::sealed);
  CHECK(world.get("log") == "12345");
  REQUIRE(world.create_append("log"));
  CHECK(world.append("log", "6"));
  REQUIRE(world.put("block", "text"));
  CHECK(code(run(world.appends.seal(world.context, {"photos", "block"}, {}, {}))) == ErrorCode::kind_mismatch);
}

TEST_CASE("an append object has at most 50000 blocks") {
  World world;
  REQUIRE(world.create_append("log"));
  auto transaction = world.index.begin();
  auto row = run(transaction->get(object_key(kName))).value().value();
  auto record = ObjectRecord::decode(row).value();
  record.info.block_count = Appends::kBlockCountMax - 1;
  transaction->put(object_key(kName), record.encode());
  REQUIRE(run(transaction->commit()));

  CHECK(world.append("log", "the last"));
  CHECK(code(world.append("log", "one more")) == ErrorCode::too_many_blocks);
}

TEST_CASE("a copy of an append object shares its extents and goes its own way") {
  for (const std::size_t inline_size_max : {64UZ, 0UZ}) {
    World world(/*extent_length_max=*/1 << 20, inline_size_max);
    const auto text = append_lines(world, 290);
    const auto extents = world.extents.extent_count();

    REQUIRE(world.copy("log", "copy"));

    CHECK(world.extents.extent_count() == extents);
    CHECK(stat(world, "copy").kind == ObjectKind::append);
    REQUIRE(world.append("log", "log"));
    REQUIRE(world.append("copy", "copy"));
    CHECK(world.get("log") == text + "log");
    CHECK(world.get("copy") == text + "copy");
    CHECK(world.leftovers() == "");
    REQUIRE(world.remove("log"));
    CHECK(world.leftovers() == "");
    CHECK(world.get("copy") == text + "copy");
  }
}

TEST_CASE("a part can be copied from an append object") {
  World world;
  const auto text = append_lines(world, 30);
  const auto upload = world.begin("key");

  REQUIRE(run(world.uploads.stage_copy(world.context, {"photos", "key"}, upload, 1, kName, {}, ByteRange{10, 100})));

  REQUIRE(world.commit("key", upload, {1}));
  CHECK(world.get("key") == text.substr(10, 100));
  CHECK(world.leftovers() == "");
}

TEST_CASE("of two appends at one position one wins") {
  for (std::uint64_t n = 1;; ++n) {
    World world(/*extent_length_max=*/1 << 20, /*inline_size_max=*/16);
    const auto text = append_lines(world, 9);
    std::optional<Result<AppendAnswer>> other;
    world.faulty.faults.interrupt_at(n, [&]() -> Awaitable<> {
      other = co_await world.start_append("log", "other", {.conditions = {}, .position = text.size(), .size_max = {}});
    });
    const auto mine = world.append("log", "mine!", {.conditions = {}, .position = text.size(), .size_max = {}});
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    if (!struck) break;
    INFO("before call " << n);
    REQUIRE(other.has_value());
    CHECK(mine.has_value() != other->has_value());
    CHECK(code(mine ? *other : mine) == ErrorCode::append_position_mismatch);
    CHECK(world.get("log") == text + (mine ? "mine!" : "other"));
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("appends that come between each other are all there") {
  for (const auto& [mine, other] : {std::pair(std::string("m"), kLong), {kLong, std::string("o")}, {kLong, kLong}}) {
    for (std::uint64_t n = 1;; ++n) {
      World world(/*extent_length_max=*/1 << 20, /*inline_size_max=*/16);
      const auto text = append_lines(world, 9);
      world.faulty.faults.interrupt_at(n, [&]() -> Awaitable<> { (void)co_await world.start_append("log", other); });
      REQUIRE(world.append("log", mine));
      const bool struck = world.faulty.faults.struck();
      world.faulty.faults.start();
      if (!struck) break;
      INFO("before call " << n);
      const auto read = world.get("log").value();
      CHECK((read == text + mine + other || read == text + other + mine));
      CHECK(stat(world).checksum->digest == digest_of(DigestAlgorithm::crc64nvme, read));
      CHECK(world.leftovers() == "");
    }
  }
}

TEST_CASE("an append between the calls of a read or a copy tears neither") {
  for (const std::size_t inline_size_max : {16UZ, 0UZ}) {
    for (std::uint64_t n = 1;; ++n) {
      World world(/*extent_length_max=*/1 << 20, inline_size_max);
      const auto text = append_lines(world, inline_size_max == 0 ? 128 : 9);
      const auto append = [&]() -> Awaitable<> { (void)co_await world.start_append("log", "more"); };
      world.faulty.faults.interrupt_at(n, append);
      const auto read = world.get("log").value();
      const bool read_struck = world.faulty.faults.struck();
      world.faulty.faults.interrupt_at(n, append);
      REQUIRE(world.copy("log", "copy"));
      const bool copy_struck = world.faulty.faults.struck();
      world.faulty.faults.start();
      if (!read_struck && !copy_struck) break;
      INFO("before call " << n);
      CHECK((read == text || read == text + "more"));
      const auto copied = world.get("copy").value();
      CHECK((copied == text || copied == text + "more" || copied == text + "moremore"));
      CHECK(stat(world, "copy").size == copied.size());
      CHECK(world.leftovers() == "");
    }
  }
}

TEST_CASE("an append to a versioned object makes no version, and a version keeps what it was") {
  for (const std::size_t inline_size_max : {64UZ, 0UZ}) {
    World world(/*extent_length_max=*/1 << 20, inline_size_max);
    world.set_versioning(Versioning::enabled);
    const auto text = append_lines(world, 20);
    const auto first = stat(world).version();
    CHECK(world.versions().size() == 1);

    REQUIRE(world.create_append("log"));
    REQUIRE(world.append("log", "anew"));

    CHECK(world.versions().size() == 2);
    OpenOptions earlier;
    earlier.which.version = first;
    CHECK(world.get("log", earlier) == text);
    CHECK(world.get("log") == "anew");
    REQUIRE(world.remove_version("log", stat(world).version()));
    REQUIRE(world.append("log", "more"));
    CHECK(world.get("log") == text + "more");
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("a snapshot of an append object stays as it is while the object grows") {
  for (const std::size_t inline_size_max : {64UZ, 0UZ}) {
    World world(/*extent_length_max=*/1 << 20, inline_size_max);
    const auto text = append_lines(world, 290);
    const auto extents = world.extents.extent_count();
    const auto snapshot = run(world.start_snapshot("log"));
    REQUIRE(snapshot);
    CHECK(world.extents.extent_count() == extents);

    for (std::size_t i = 0; i < 40; ++i) REQUIRE(world.append("log", line(i)));

    OpenOptions taken;
    taken.which.snapshot = snapshot->snapshot;
    CHECK(world.get("log", taken) == text);
    CHECK(world.leftovers() == "");
    REQUIRE(run(world.start_removal({.key = "log", .snapshots = Snapshots::include})));
    CHECK(world.leftovers() == "");
    CHECK(world.extents.extent_count() == 0);
  }
}

TEST_CASE("an append object can be copied as a block object") {
  World world;
  const auto text = append_lines(world, 40);
  CopyOptions options;
  options.as_block = true;

  REQUIRE(world.copy("log", "block", options));

  CHECK(stat(world, "block").kind == ObjectKind::block);
  CHECK(stat(world, "block").content_tag() == to_hex(digest_of(DigestAlgorithm::md5, text).bytes));
  CHECK(world.get("block") == text);
  CHECK(world.leftovers() == "");
}

TEST_CASE("many appends at once are all there, each whole and at the place it was told") {
  World world(/*extent_length_max=*/1 << 20, /*inline_size_max=*/16);
  REQUIRE(world.create_append("log"));
  std::vector<std::pair<std::uint64_t, std::string>> told;
  std::vector<std::function<Awaitable<>()>> tasks;
  for (std::size_t i = 0; i < 12; ++i) {
    tasks.emplace_back([&, i]() -> Awaitable<> {
      const std::string text(1 + i * 5, static_cast<char>('a' + i));
      const auto answer = co_await world.start_append("log", text);
      if (answer) told.emplace_back(answer->offset, text);
    });
  }

  test::run_together(std::move(tasks));

  CHECK(told.size() == 12);
  std::ranges::sort(told);
  std::string all;
  for (const auto& [offset, text] : told) {
    CHECK(offset == all.size());
    all += text;
  }
  CHECK(world.get("log") == all);
  CHECK(world.leftovers() == "");
}

TEST_CASE("an append that fails leaves the object as it was, and nothing behind") {
  for (const std::size_t size : {3UZ, 300UZ}) {
    for (std::uint64_t n = 1;; ++n) {
      World world(/*extent_length_max=*/128, /*inline_size_max=*/16);
      const auto text = append_lines(world, 9);
      world.faulty.faults.fail_at(n);
      const std::string more(size, 'm');
      const bool appended = world.append("log", more).has_value();
      const bool struck = world.faulty.faults.struck();
      world.faulty.faults.start();
      INFO("call " << n);
      CHECK(world.get("log") == (appended ? text + more : text));
      CHECK(world.leftovers() == "");
      if (!struck) break;
    }
  }
}

}  // namespace sluice::object

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>

#include "gateway/object/live_extents.h"
#include "gateway/object/objects.h"
#include "gateway/object/pages.h"
#include "gateway/object/uploads.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

// Every call an operation makes to its backend fails once. The store then shows the
// old state, or, where it was only the answer of a commit that was lost, the new;
// and nothing is left behind in either case.

namespace sluice::object {
namespace {

using test::run;
using test::World;

const std::string kLong(300, 'l');

struct Case {
  std::function<void(World&)> prepare;
  std::function<bool(World&)> operate;     ///< Did it succeed?
  std::function<std::string(World&)> see;  ///< What can be seen of the store.
  std::uint64_t extent_length_max = 128;
  std::uint64_t stride = 1;  ///< Between the calls that fail, once the first forty have.
  std::uint64_t first_stride = 1;
};

std::string seen(World& world, const std::string& key) { return world.get(key).value_or("nothing"); }

std::uint64_t next_call(const Case& test, std::uint64_t n) { return n + (n < 40 ? test.first_stride : test.stride); }

void fail_every_call(const Case& test) {
  World world(test.extent_length_max);
  test.prepare(world);
  const auto before = test.see(world);
  for (std::uint64_t n = 1;; n = next_call(test, n)) {
    world.faulty.faults.fail_at(n);
    const bool succeeded = test.operate(world);
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    REQUIRE(succeeded != struck);
    if (!struck) break;
    REQUIRE(test.see(world) == before);
    REQUIRE(world.leftovers() == "");
  }
  CHECK(test.see(world) != before);
  CHECK(world.leftovers() == "");
}

void lose_every_answer(const Case& test) {
  for (std::uint64_t n = 1;; n = next_call(test, n)) {
    World world(test.extent_length_max);
    test.prepare(world);
    const auto before = test.see(world);
    world.faulty.faults.lose_answer_at(n);
    const bool succeeded = test.operate(world);
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    const auto after = test.see(world);
    INFO("call " << n);
    REQUIRE(succeeded != struck);
    REQUIRE(world.leftovers() == "");
    REQUIRE(test.see(world) == after);
    // What was asked for can still be had.
    if (after == before) {
      REQUIRE(test.operate(world));
    }
    REQUIRE(test.see(world) != before);
    REQUIRE(world.leftovers() == "");
    if (!struck) break;
  }
}

// What a process does at its start, where the one before it died.
void restart(World& world) {
  Reclaimer fresh(world.faulty.backend(), world.log, world.clock);
  world.clock.set(world.clock.now() + std::chrono::hours(1));
  while (run(fresh.run_once()).value() != 0) {
  }
  world.extents.restart();
  REQUIRE(run(world.extents.reconcile(*live_extents(world.index), /*give_back=*/true)));
}

void crash_at_every_call(const Case& test) {
  for (std::uint64_t n = 1;; n = next_call(test, n)) {
    World world(test.extent_length_max);
    test.prepare(world);
    const auto before = test.see(world);
    world.reclaim();
    world.faulty.faults.cut_at(n);
    const bool succeeded = test.operate(world);
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    REQUIRE(succeeded != struck);
    REQUIRE((test.see(world) == before) == struck);
    restart(world);
    REQUIRE((test.see(world) == before) == struck);
    REQUIRE(world.leftovers() == "");
    if (!struck) break;
  }
}

void check(const Case& test) {
  fail_every_call(test);
  lose_every_answer(test);
  crash_at_every_call(test);
}

Case put_over(const std::string& old_text, const std::string& new_text) {
  return {.prepare = [=](World& world) { REQUIRE(world.put("key", old_text)); },
          .operate = [=](World& world) { return world.put("key", new_text).has_value(); },
          .see = [](World& world) { return seen(world, "key"); }};
}

}  // namespace

TEST_CASE("a put that fails at any call leaves the old object") {
  check(put_over("old", "new"));
  check(put_over("old", kLong));
  check(put_over(kLong, "new"));
  check(put_over(std::string(300, 'o'), kLong));
}

TEST_CASE("a put over an object of parts that fails at any call leaves it") {
  check({.prepare = [](World& world) { world.put_parts("key", 3); },
         .operate = [](World& world) { return world.put("key", kLong).has_value(); },
         .see = [](World& world) { return seen(world, "key"); }});
}

TEST_CASE("a removal that fails at any call leaves the object") {
  check({.prepare = [](World& world) { REQUIRE(world.put("key", kLong)); },
         .operate = [](World& world) { return world.remove("key").has_value(); },
         .see = [](World& world) { return seen(world, "key"); }});
}

TEST_CASE("a copy that fails at any call leaves the old target") {
  check({.prepare =
             [](World& world) {
               REQUIRE(world.put("from", kLong));
               REQUIRE(world.put("to", std::string(300, 'o')));
             },
         .operate = [](World& world) { return world.copy("from", "to").has_value(); },
         .see = [](World& world) { return seen(world, "from") + seen(world, "to"); }});
}

TEST_CASE("a copy of an inline object that fails at any call leaves the old target") {
  check({.prepare =
             [](World& world) {
               REQUIRE(world.put("from", "new"));
               REQUIRE(world.put("to", "old"));
             },
         .operate =
             [](World& world) {
               CopyOptions options;
               options.checksum = DigestAlgorithm::sha1;
               return world.copy("from", "to", options).has_value();
             },
         .see = [](World& world) { return seen(world, "from") + seen(world, "to"); }});
}

TEST_CASE("a copy of many parts that fails at any call leaves the old target") {
  const Case test{.prepare =
                      [](World& world) {
                        world.put_parts("from", 400);
                        REQUIRE(world.put("to", "old"));
                      },
                  .operate = [](World& world) { return world.copy("from", "to").has_value(); },
                  .see = [](World& world) { return seen(world, "to"); },
                  .stride = 43};
  fail_every_call(test);
  crash_at_every_call(test);
}

TEST_CASE("a part that fails to be staged at any call leaves the one before") {
  std::string upload_id;
  const auto see = [&](World& world) {
    const auto staged = run(world.uploads.parts(world.context, {"photos", "key"}, upload_id, 0, 10));
    return staged.value().parts.at(0).content_tag();
  };
  check({.prepare =
             [&](World& world) {
               upload_id = world.begin("key");
               REQUIRE(world.stage("key", upload_id, 1, "old"));
             },
         .operate = [&](World& world) { return world.stage("key", upload_id, 1, kLong).has_value(); },
         .see = see});
  check({.prepare =
             [&](World& world) {
               upload_id = world.begin("key");
               REQUIRE(world.stage("key", upload_id, 1, "old"));
               REQUIRE(world.put("from", kLong));
             },
         .operate =
             [&](World& world) {
               const auto part = run(world.uploads.stage_copy(world.context, {"photos", "key"}, upload_id, 1,
                                                              {"photos", "from"}, {}, ByteRange{100, 150}));
               return part.has_value();
             },
         .see = see});
}

TEST_CASE("a commit that fails at any call leaves the upload") {
  std::string upload_id;
  check({.prepare =
             [&](World& world) {
               REQUIRE(world.put("key", kLong));
               upload_id = world.begin("key");
               for (const auto number : {1U, 2U, 3U}) REQUIRE(world.stage("key", upload_id, number, "part"));
             },
         .operate = [&](World& world) { return world.commit("key", upload_id, {1, 3}).has_value(); },
         .see = [](World& world) { return seen(world, "key"); }});
}

TEST_CASE("a commit of many parts that fails at any call leaves the upload") {
  std::string upload_id;
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 1; number <= 150; ++number) numbers.push_back(number);
  check({.prepare =
             [&](World& world) {
               REQUIRE(world.put("key", kLong));
               upload_id = world.begin("key");
               for (const auto number : numbers) REQUIRE(world.stage("key", upload_id, number, "part"));
             },
         .operate = [&](World& world) { return world.commit("key", upload_id, numbers).has_value(); },
         .see = [](World& world) { return seen(world, "key"); }});
}

TEST_CASE("a bucket whose removal fails at any call is there, and takes objects") {
  const auto see = [](World& world) {
    return std::string(run(world.buckets.stat(world.context, "photos")) ? "there" : "gone");
  };
  const Case test{.prepare = [](World& world) { REQUIRE(world.stage("key", world.begin("key"), 1, "part")); },
                  .operate = [](World& world) { return run(world.start_remove_bucket("photos")).has_value(); },
                  .see = see};
  check(test);
}

TEST_CASE("a get that fails at any call fails cleanly") {
  World world(/*extent_length_max=*/128);
  REQUIRE(world.put("extents", kLong));
  REQUIRE(world.put("inline", "meow"));
  world.put_parts("parts", 3);
  for (const auto* key : {"extents", "inline", "parts"}) {
    for (std::uint64_t n = 1;; ++n) {
      world.faulty.faults.fail_at(n);
      const auto text = world.get(key);
      if (!world.faulty.faults.struck()) break;
      CHECK(text.error().code == ErrorCode::unavailable);
    }
  }
  world.faulty.faults.start();
  CHECK(world.leftovers() == "");
}

namespace {

// Every state of the key, and what can be read of it.
std::string all_states(World& world) {
  std::string text;
  VersionListOptions all;
  all.snapshots = true;
  for (const auto& entry : world.versions(all)) {
    OpenOptions options;
    options.which.snapshot = entry.info.snapshot;
    if (entry.info.snapshot == 0) options.which.version = entry.info.version();
    text += entry.is_latest ? "latest " : "earlier ";
    text += entry.info.delete_marker ? "marker;" : world.get(entry.name, options).value_or("lost") + ";";
  }
  return text;
}

void put_versions(World& world) {
  REQUIRE(world.put("key", kLong));
  world.set_versioning(Versioning::enabled);
  REQUIRE(world.put("key", std::string(300, 'v')));
}

}  // namespace

TEST_CASE("a put in a versioned bucket that fails at any call leaves the versions") {
  check({.prepare = put_versions,
         .operate = [](World& world) { return world.put("key", "new").has_value(); },
         .see = all_states});
}

TEST_CASE("a put where versioning is suspended that fails at any call leaves the null version") {
  const auto prepare = [](World& world) {
    put_versions(world);
    world.set_versioning(Versioning::suspended);
  };
  check({.prepare = prepare,
         .operate = [](World& world) { return world.put("key", "new").has_value(); },
         .see = all_states});
}

TEST_CASE("a removal in a versioned bucket that fails at any call leaves the versions") {
  check({.prepare = put_versions,
         .operate = [](World& world) { return world.remove("key").has_value(); },
         .see = all_states});
}

TEST_CASE("a removal of the current version that fails at any call leaves it") {
  VersionId last{};
  const auto prepare = [&](World& world) {
    put_versions(world);
    last = world.versions().front().info.version();
  };
  check({.prepare = prepare,
         .operate = [&](World& world) { return world.remove_version("key", last).has_value(); },
         .see = all_states});
}

TEST_CASE("a removal of the null version that fails at any call leaves it") {
  check({.prepare = put_versions,
         .operate = [](World& world) { return world.remove_version("key", VersionId::null).has_value(); },
         .see = all_states});
}

TEST_CASE("a snapshot that fails at any call leaves the object as it was") {
  const auto operate = [](World& world) { return run(world.start_snapshot("key")).has_value(); };
  check({.prepare = [](World& world) { REQUIRE(world.put("key", kLong)); }, .operate = operate, .see = all_states});
  check({.prepare = [](World& world) { REQUIRE(world.put("key", "inline")); }, .operate = operate, .see = all_states});
  check({.prepare = [](World& world) { world.put_parts("key", 3); }, .operate = operate, .see = all_states});
}

namespace {

constexpr std::uint64_t kPage = Pages::kPageSize;
constexpr std::uint64_t kRegion = 4 << 20;
const ObjectName kDisk{"photos", "disk"};

std::string pages(std::size_t count, char letter) { return std::string(count * kPage, letter); }

bool write_pages(World& world, std::uint64_t offset, const std::string& bytes) {
  const auto write = [&]() -> Task<PageAnswer> {
    test::StringSource source(bytes, 1000);
    DigestSource body(source);
    co_return co_await world.pages.put(world.context, kDisk, {}, offset, body);
  };
  return run(write()).has_value();
}

bool clear_pages(World& world, ByteRange range) {
  return run(world.pages.clear(world.context, kDisk, {}, range)).has_value();
}

// Pages in the first region and across the border to the second.
void make_disk(World& world) {
  REQUIRE(run(world.pages.create(world.context, kDisk, {}, 3 * kRegion, 0)));
  REQUIRE(write_pages(world, 0, pages(2, 'a')));
  REQUIRE(write_pages(world, kRegion - kPage, pages(2, 'b')));
}

// The pages that are written, what they hold, and the size.
std::string see_disk(World& world, const std::string& key = "disk") {
  const PageQuery all{.range = {0, Pages::kSizeMax}, .limit = 1000};
  const auto page = run(world.pages.ranges(world.context, {"photos", key}, all));
  if (!page) return "nothing";
  std::string text = std::to_string(page->info.size);
  for (const auto& [bytes, cleared] : page->ranges) {
    OpenOptions options;
    options.range = RangeRequest{bytes.offset, bytes.offset + bytes.length - 1};
    text += " " + std::to_string(bytes.offset) + ":" + world.get(key, options).value_or("lost");
  }
  return text;
}

void check_disk(const std::function<bool(World&)>& operate) {
  check({.prepare = make_disk,
         .operate = operate,
         .see = [](World& world) { return see_disk(world); },
         .extent_length_max = kPage});
}

}  // namespace

TEST_CASE("a page write that fails at any call leaves all pages as they were") {
  check_disk([](World& world) { return write_pages(world, kRegion - kPage, pages(2, 'n')); });
  check_disk([](World& world) { return write_pages(world, kPage, pages(1, 'n')); });
}

TEST_CASE("a page write into a region that must be put in order first loses none of its pages") {
  const auto prepare = [](World& world) {
    REQUIRE(run(world.pages.create(world.context, kDisk, {}, kRegion, 0)));
    for (std::uint64_t i = 0; i < 130; ++i) {
      REQUIRE(write_pages(world, i * kPage, pages(2, static_cast<char>('a' + i % 26))));
    }
    world.reclaim();
  };
  const Case test{.prepare = prepare,
                  .operate = [](World& world) { return write_pages(world, 3 * kPage, pages(1, 'n')); },
                  .see = [](World& world) { return see_disk(world); },
                  .extent_length_max = 1 << 20,
                  .stride = 41,
                  .first_stride = 13};
  fail_every_call(test);
  crash_at_every_call(test);
}

TEST_CASE("clearing pages that fails at any call leaves all pages as they were") {
  check_disk([](World& world) { return clear_pages(world, {kPage, kRegion - kPage}); });
  check_disk([](World& world) { return clear_pages(world, {0, 3 * kRegion}); });
}

TEST_CASE("resizing that fails at any call leaves size and pages as they were") {
  const auto resize = [](World& world, std::uint64_t size) {
    return run(world.pages.resize(world.context, kDisk, {}, size)).has_value();
  };
  check_disk([&](World& world) { return resize(world, kRegion); });
  check_disk([&](World& world) { return resize(world, 4 * kRegion); });
}

TEST_CASE("a copy of pages that fails at any call leaves the old target") {
  check({.prepare = make_disk,
         .operate = [](World& world) { return world.copy("disk", "copy").has_value(); },
         .see = [](World& world) { return see_disk(world) + see_disk(world, "copy"); },
         .extent_length_max = kPage});
  check({.prepare =
             [](World& world) {
               make_disk(world);
               REQUIRE(run(world.pages.create(world.context, {"photos", "copy"}, {}, kPage, 0)));
             },
         .operate = [](World& world) { return world.copy("disk", "copy").has_value(); },
         .see = [](World& world) { return see_disk(world) + see_disk(world, "copy"); },
         .extent_length_max = kPage});
}

TEST_CASE("a page object that fails to be made, or removed, at any call leaves what was there") {
  const auto see = [](World& world) { return see_disk(world) + seen(world, "disk").substr(0, 100); };
  check(
      {.prepare = [](World& world) { REQUIRE(world.put("disk", kLong)); },
       .operate = [](World& world) { return run(world.pages.create(world.context, kDisk, {}, kPage, 0)).has_value(); },
       .see = see});
  check({.prepare = make_disk,
         .operate = [](World& world) { return world.remove("disk").has_value(); },
         .see = see,
         .extent_length_max = kPage});
}

TEST_CASE("a snapshot of pages that fails at any call leaves the object as it was") {
  const auto see = [](World& world) {
    VersionListOptions all;
    all.snapshots = true;
    return see_disk(world) + std::to_string(world.versions(all).size());
  };
  check({.prepare = make_disk,
         .operate = [](World& world) { return run(world.start_snapshot("disk")).has_value(); },
         .see = see,
         .extent_length_max = kPage});
}

TEST_CASE("an append that fails at any call leaves the object as it was") {
  const auto appended = [](std::size_t count, const std::string& more) {
    check({.prepare =
               [=](World& world) {
                 REQUIRE(world.create_append("log"));
                 for (std::size_t i = 0; i < count; ++i) REQUIRE(world.append("log", "line"));
               },
           .operate = [=](World& world) { return world.append("log", more).has_value(); },
           .see = [](World& world) { return seen(world, "log"); }});
  };
  appended(3, "more");
  appended(16, "more");  // The tail is gathered.
  appended(3, kLong);    // The tail is flushed.
}

TEST_CASE("an act on a lease that fails at any call leaves the lease as it was") {
  check({.prepare = [](World& world) { REQUIRE(world.put("key", "text")); },
         .operate =
             [](World& world) {
               LeaseRequest request;
               return run(world.leases.perform(world.context, ObjectName{"photos", "key"}, {}, request)).has_value();
             },
         .see =
             [](World& world) {
               const auto found = run(world.objects.stat(world.context, {"photos", "key"}, {}));
               return std::string(found.value().info.lease ? "leased" : "free");
             }});
}

}  // namespace sluice::object

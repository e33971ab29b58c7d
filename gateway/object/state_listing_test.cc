#include <catch2/catch.hpp>

#include "gateway/object/listing.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::World;

StatePage list(World& world, const StateListOptions& options) {
  return test::run(list_states(world.faulty.backend(), world.context, "photos", options)).value();
}

/// `key:size`, `s` for a snapshot and `*` for what is current.
std::string told(const VersionEntry& entry) {
  if (entry.is_prefix) return entry.name;
  std::string text = entry.name + ":" + std::to_string(entry.info.size);
  if (entry.info.snapshot != 0) text += "s";
  if (entry.is_latest) text += "*";
  return text;
}

/// All pages of `limit` entries.
std::vector<std::string> list_all(World& world, StateListOptions options, std::size_t limit) {
  std::vector<std::string> all;
  options.limit = limit;
  for (;;) {
    const StatePage page = list(world, options);
    CHECK(page.entries.size() <= limit);
    for (const auto& entry : page.entries) all.push_back(told(entry));
    if (!page.truncated) return all;
    REQUIRE(all.size() < 10000);
    const auto& last = page.entries.back();
    options.key_after = last.name;
    options.age_after = last.is_prefix ? kAgeMax : age_of(last);
  }
}

void put(World& world, const char* key, std::size_t size) { REQUIRE(world.put(key, std::string(size, 'x'))); }
void snapshot(World& world, const char* key) { REQUIRE(test::run(world.start_snapshot(key))); }

}  // namespace

TEST_CASE("the snapshots of a key come before it, the oldest first, in pages of every size") {
  World world;
  put(world, "a", 1);
  put(world, "b", 2);
  snapshot(world, "b");
  put(world, "b", 3);
  snapshot(world, "b");
  snapshot(world, "b");
  put(world, "b/c", 4);
  snapshot(world, "b/c");
  put(world, "d", 5);
  const StateListOptions snapshots{.prefix = {}, .delimiter = {}, .key_after = {}, .snapshots = true};
  const std::vector<std::string> all{"a:1*", "b:2s", "b:3s", "b:3s", "b:3*", "b/c:4s", "b/c:4*", "d:5*"};

  for (std::size_t limit = 1; limit <= all.size() + 1; ++limit) {
    INFO(limit);
    CHECK(list_all(world, snapshots, limit) == all);
  }
}

TEST_CASE("versions come the oldest first, the current one last, and delete markers never") {
  World world;
  put(world, "a", 1);
  world.set_versioning(Versioning::enabled);
  put(world, "a", 2);
  put(world, "a", 3);
  snapshot(world, "a");
  put(world, "gone", 4);
  REQUIRE(world.remove("gone"));
  put(world, "z", 5);
  StateListOptions versions{.prefix = {}, .delimiter = {}, .key_after = {}, .versions = true};

  for (const std::size_t limit : {1UZ, 2UZ, 3UZ, 4UZ, 100UZ}) {
    INFO(limit);
    CHECK(list_all(world, versions, limit) == std::vector<std::string>{"a:1", "a:2", "a:3*", "gone:4", "z:5*"});
    versions.snapshots = true;
    CHECK(list_all(world, versions, limit) == std::vector<std::string>{"a:1", "a:2", "a:3s", "a:3*", "gone:4", "z:5*"});
    versions.snapshots = false;
  }
}

TEST_CASE("states are folded behind a delimiter") {
  World world;
  put(world, "a/1", 1);
  snapshot(world, "a/1");
  put(world, "a/2", 2);
  put(world, "b", 3);
  snapshot(world, "b");
  const StateListOptions folders{.prefix = {}, .delimiter = "/", .key_after = {}, .snapshots = true};

  for (const std::size_t limit : {1UZ, 2UZ, 3UZ, 10UZ}) {
    INFO(limit);
    CHECK(list_all(world, folders, limit) == std::vector<std::string>{"a/", "b:3s", "b:3*"});
  }
}

TEST_CASE("a key with more states than are read at once is listed whole") {
  World world;
  put(world, "a", 1);
  for (int i = 0; i < 1100; ++i) snapshot(world, "a");
  put(world, "b", 2);
  const StateListOptions snapshots{.prefix = {}, .delimiter = {}, .key_after = {}, .snapshots = true};

  const auto all = list_all(world, snapshots, 700);

  REQUIRE(all.size() == 1102);
  CHECK(all[0] == "a:1s");
  CHECK(all[1099] == "a:1s");
  CHECK(all[1100] == "a:1*");
  CHECK(all[1101] == "b:2*");
}

}  // namespace sluice::object

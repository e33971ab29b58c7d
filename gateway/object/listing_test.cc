#include "gateway/object/listing.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "gateway/object/cursor.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::World;

std::vector<std::string> names(const ListPage& page) {
  std::vector<std::string> all;
  for (const auto& entry : page.entries) all.push_back(entry.name);
  return all;
}

std::vector<std::string> list(World& world, const ListOptions& options) { return names(world.list(options).value()); }

void put_all(World& world, std::initializer_list<const char*> keys) {
  for (const auto* key : keys) REQUIRE(world.put(key, "meow"));
}

// What a listing is to say, computed the plain way.
std::vector<std::string> expected(const std::set<std::string>& keys, const ListOptions& options) {
  std::vector<std::string> all;
  for (const auto& key : keys) {
    if (!key.starts_with(options.prefix)) continue;
    const auto prefix = folded(key, options.prefix, options.delimiter);
    const auto name = prefix ? std::string(*prefix) : key;
    if (all.empty() || all.back() != name) all.push_back(name);
  }
  return all;
}

}  // namespace

TEST_CASE("objects are listed in byte order") {
  World world;
  put_all(world, {"a0", "a/b", "a-b", "a", "B", "\xC3\xA9", "b"});

  CHECK(list(world, {}) == std::vector<std::string>{"B", "a", "a-b", "a/b", "a0", "b", "\xC3\xA9"});
}

TEST_CASE("a listing tells of each object what a stat would") {
  World world;
  PutOptions options;
  options.headers.type = "text/plain";
  options.metadata = {{"Colour", "red"}};
  const auto info = world.put("key", "meow", options);

  const auto page = world.list({});

  REQUIRE(page->entries.size() == 1);
  const auto& entry = page->entries[0];
  CHECK_FALSE(entry.is_prefix);
  CHECK(entry.info.size == 4);
  CHECK(entry.info.content_tag() == info->content_tag());
  CHECK(entry.info.metadata == options.metadata);
}

TEST_CASE("keys are folded behind the prefix, and mixed with those that are not") {
  World world;
  put_all(world, {"a", "a/1", "a/2/x", "b", "c/1", "c/", "d"});

  CHECK(list(world, {.prefix = "", .delimiter = "/", .after = ""}) ==
        std::vector<std::string>{"a", "a/", "b", "c/", "d"});
  CHECK(list(world, {.prefix = "a/", .delimiter = "/", .after = ""}) == std::vector<std::string>{"a/1", "a/2/"});
  CHECK(list(world, {.prefix = "c/", .delimiter = "/", .after = ""}) == std::vector<std::string>{"c/", "c/1"});
  CHECK(list(world, {.prefix = "a", .delimiter = "2/", .after = ""}) == std::vector<std::string>{"a", "a/1", "a/2/"});
  CHECK(list(world, {.prefix = "x", .delimiter = "/", .after = ""}).empty());
}

TEST_CASE("a page is truncated only if something comes after it") {
  World world;
  put_all(world, {"a/1", "a/2", "b"});

  const auto folded_page = world.list({.prefix = "", .delimiter = "/", .after = "", .limit = 1});
  const auto whole = world.list({.prefix = "", .delimiter = "/", .after = "", .limit = 2});
  const auto only_folded = world.list({.prefix = "a", .delimiter = "/", .after = "", .limit = 1});

  CHECK(folded_page->truncated);
  CHECK_FALSE(whole->truncated);
  CHECK(names(*only_folded) == std::vector<std::string>{"a/"});
  CHECK_FALSE(only_folded->truncated);
}

TEST_CASE("a page of nothing is empty and not truncated") {
  World world;
  put_all(world, {"a"});

  const auto page = world.list({.prefix = "", .delimiter = "", .after = "", .limit = 0});

  CHECK(page->entries.empty());
  CHECK_FALSE(page->truncated);
}

TEST_CASE("a listing goes on behind a name that need not exist") {
  World world;
  put_all(world, {"a", "b", "c"});

  CHECK(list(world, {.prefix = "", .delimiter = "", .after = "a"}) == std::vector<std::string>{"b", "c"});
  CHECK(list(world, {.prefix = "", .delimiter = "", .after = "aa"}) == std::vector<std::string>{"b", "c"});
  CHECK(list(world, {.prefix = "", .delimiter = "", .after = "z"}).empty());
  CHECK(list(world, {.prefix = "b", .delimiter = "", .after = "a"}) == std::vector<std::string>{"b"});
  CHECK(list(world, {.prefix = "a", .delimiter = "", .after = "b"}).empty());
  CHECK(list(world, {.prefix = "", .delimiter = "", .after = std::string(5000, 'a')}) ==
        std::vector<std::string>{"b", "c"});
}

TEST_CASE("a listing behind a folded prefix skips all below it, behind a key below it does not") {
  World world;
  put_all(world, {"a/1", "a/2", "b"});

  CHECK(list(world, {.prefix = "", .delimiter = "/", .after = "a/"}) == std::vector<std::string>{"b"});
  CHECK(list(world, {.prefix = "", .delimiter = "/", .after = "a/1"}) == std::vector<std::string>{"a/", "b"});
  CHECK(list(world, {.prefix = "", .delimiter = "", .after = "a/"}) == std::vector<std::string>{"a/1", "a/2", "b"});
}

TEST_CASE("a listing stays within its bucket") {
  World world;
  REQUIRE(test::run(world.buckets.create(world.context, "photos2", "alice")));
  REQUIRE(test::run(world.start_put("elsewhere", "meow", {}, "photos2")));
  put_all(world, {"here"});

  CHECK(list(world, {}) == std::vector<std::string>{"here"});
  CHECK(test::run(list_objects(world.faulty.backend(), world.context, "books", {})).error().code ==
        ErrorCode::no_such_bucket);
}

TEST_CASE("a listing that folds much costs what it shows") {
  World world;
  for (int i = 0; i < 3000; ++i) REQUIRE(world.put("a/" + std::to_string(i), ""));
  REQUIRE(world.put("b", ""));
  world.faulty.faults.start();

  CHECK(list(world, {.prefix = "", .delimiter = "/", .after = ""}) == std::vector<std::string>{"a/", "b"});

  CHECK(world.faulty.faults.calls() == 3);
}

TEST_CASE("pages of any size put together are the whole listing") {
  World world;
  std::mt19937 random(5);
  std::set<std::string> keys;
  constexpr std::string_view kLetters = "ab/-";
  for (int i = 0; i < 300; ++i) {
    std::string key;
    for (auto length = random() % 6 + 1; length > 0; --length) key.push_back(kLetters[random() % kLetters.size()]);
    if (keys.insert(key).second) REQUIRE(world.put(key, ""));
  }
  for (const auto* prefix : {"", "a", "a/", "b/-"}) {
    for (const auto* delimiter : {"", "/", "-", "a/"}) {
      for (const std::size_t limit : {1U, 2U, 7U, 1000U}) {
        ListOptions options{.prefix = prefix, .delimiter = delimiter, .after = "", .limit = limit};
        std::vector<std::string> all;
        for (bool more = true; more;) {
          const auto page = world.list(options).value();
          for (const auto& name : names(page)) all.push_back(name);
          more = page.truncated;
          if (more) options.after = all.back();
        }
        INFO("prefix " << prefix << " delimiter " << delimiter << " limit " << limit);
        CHECK(all == expected(keys, options));
      }
    }
  }
}

}  // namespace sluice::object

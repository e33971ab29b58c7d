#include "gateway/object/tag_search.h"

#include <catch2/catch.hpp>

#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::World;
using enum TagQuery::Operator;

TagQuery is(const char* key, const char* value, TagQuery::Operator compares = equal) {
  return {.kind = TagQuery::Kind::comparison, .compares = compares, .key = key, .value = value};
}

TagQuery in_bucket(const char* name) { return {.kind = TagQuery::Kind::comparison, .of_bucket = true, .value = name}; }

TagQuery both(TagQuery left, TagQuery right) { return {.parts = {std::move(left), std::move(right)}}; }
TagQuery either(TagQuery left, TagQuery right) {
  return {.kind = TagQuery::Kind::any, .parts = {std::move(left), std::move(right)}};
}

void put(World& world, const char* bucket, const char* key, const Tags& tags) {
  PutOptions options;
  options.tags = tags;
  REQUIRE(test::run(world.start_put(key, "meow", options, bucket)));
}

TagPage find(World& world, const TagSearch& search) {
  return test::run(find_by_tags(world.faulty.backend(), world.buckets, world.context, search)).value();
}

/// All pages of a search, and how many there were.
std::pair<std::vector<std::string>, std::size_t> find_all(World& world, TagSearch search) {
  std::vector<std::string> names;
  for (std::size_t pages = 1;; ++pages) {
    const TagPage page = find(world, search);
    for (const auto& item : page.items) names.push_back(item.name.bucket + "/" + item.name.key);
    if (page.next.bucket.empty()) return {names, pages};
    REQUIRE(pages < 1000);
    search.after = page.next;
  }
}

}  // namespace

TEST_CASE("tags are compared byte by byte, and one that is not there never holds") {
  const Tags tags{{"age", "7"}, {"kind", "cat"}};

  CHECK(is("kind", "cat").matches(tags, "b"));
  CHECK_FALSE(is("kind", "Cat").matches(tags, "b"));
  CHECK(is("kind", "dog", not_equal).matches(tags, "b"));
  CHECK_FALSE(is("none", "dog", not_equal).matches(tags, "b"));
  CHECK(is("age", "10", greater).matches(tags, "b"));
  CHECK_FALSE(is("age", "7", greater).matches(tags, "b"));
  CHECK(is("age", "7", greater_or_equal).matches(tags, "b"));
  CHECK(is("age", "7", less_or_equal).matches(tags, "b"));
  CHECK_FALSE(is("age", "7", less).matches(tags, "b"));
  CHECK(both(is("kind", "cat"), is("age", "7")).matches(tags, "b"));
  CHECK_FALSE(both(is("kind", "cat"), is("age", "8")).matches(tags, "b"));
  CHECK(either(is("kind", "dog"), is("age", "7")).matches(tags, "b"));
  CHECK(in_bucket("b").matches(tags, "b"));
  CHECK_FALSE(in_bucket("b").matches(tags, "a"));
}

TEST_CASE("a query knows its tags, and the one bucket it is about") {
  const TagQuery query = both(in_bucket("photos"), is("kind", "cat"));

  CHECK(query.names("kind"));
  CHECK_FALSE(query.names("age"));
  CHECK(query.only_bucket() == std::optional<std::string_view>("photos"));
  CHECK_FALSE(either(in_bucket("photos"), is("kind", "cat")).only_bucket());
}

TEST_CASE("objects are found by their tags in all buckets of an account") {
  World world;
  REQUIRE(test::run(world.buckets.create(world.context, "album", "alice")));
  REQUIRE(test::run(world.buckets.create(world.context, "beyond", "bob")));
  put(world, "photos", "a", {{"kind", "cat"}});
  put(world, "photos", "b", {{"kind", "dog"}});
  put(world, "album", "c", {{"kind", "cat"}, {"age", "7"}});
  put(world, "beyond", "d", {{"kind", "cat"}});
  put(world, "album", "e", {});

  const TagQuery query = is("kind", "cat");
  const TagSearch search{.query = query, .owner = "alice", .bucket = {}};

  CHECK(find_all(world, search).first == std::vector<std::string>{"album/c", "photos/a"});
  CHECK(find_all(world, {.query = query, .owner = "alice", .bucket = "photos"}).first ==
        std::vector<std::string>{"photos/a"});
}

TEST_CASE("a search goes on behind each page, however few a page holds") {
  World world;
  REQUIRE(test::run(world.buckets.create(world.context, "album", "alice")));
  std::vector<std::string> all;
  for (const char* bucket : {"album", "photos"}) {
    for (int i = 10; i < 40; ++i) {
      const auto key = std::to_string(i);
      put(world, bucket, key.c_str(), {{"kind", i % 3 == 0 ? "cat" : "dog"}});
      if (i % 3 == 0) all.push_back(std::string(bucket) + "/" + key);
    }
  }

  const TagQuery query = is("kind", "cat");
  TagSearch search{.query = query, .owner = "alice", .bucket = {}};
  search.limit = 3;
  CHECK(find_all(world, search).first == all);

  search.limit = 1000;
  search.effort_max = TagSearch::kBucketCost + 2;
  const auto [names, pages] = find_all(world, search);
  CHECK(names == all);
  CHECK(pages > 20);
}

TEST_CASE("a search of a bucket that is not there fails") {
  World world;
  const TagQuery query = is("kind", "cat");

  const auto page = test::run(find_by_tags(world.faulty.backend(), world.buckets, world.context,
                                           {.query = query, .owner = "alice", .bucket = "none"}));

  CHECK(page.error().code == ErrorCode::no_such_bucket);
}

TEST_CASE("a read and a write can depend on tags") {
  World world;
  put(world, "photos", "a", {{"kind", "cat"}});
  Conditions cat;
  cat.if_tags = std::make_shared<TagQuery>(is("kind", "cat"));
  Conditions dog;
  dog.if_tags = std::make_shared<TagQuery>(is("kind", "dog"));

  OpenOptions open;
  open.conditions = cat;
  CHECK(world.get("a", open) == "meow");
  open.conditions = dog;
  CHECK(world.get("a", open).error().code == ErrorCode::precondition_failed);
  PutOptions options;
  options.conditions = dog;
  CHECK(world.put("a", "woof", options).error().code == ErrorCode::precondition_failed);
  CHECK(world.put("none", "woof", options).error().code == ErrorCode::precondition_failed);
  CHECK(world.remove("a", dog).error().code == ErrorCode::precondition_failed);
  CHECK(world.remove("a", cat));
}

}  // namespace sluice::object

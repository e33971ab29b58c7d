#include <catch2/catch.hpp>

#include "gateway/object/blocks.h"
#include "gateway/object/listing.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

struct StagingWorld : test::World {
  StagingWorld() : blocks(faulty.backend(), reclaimer, clock) {}

  Blocks blocks;

  void stage_block(const std::string& key, const std::string& bucket = "photos") {
    ChunkSource bytes(Chunk::of("text"));
    DigestSource body(bytes);
    REQUIRE(test::run(blocks.stage(context, {bucket, key}, "id", body)));
  }
  /// Names, with `+` behind those that are only staged.
  std::vector<std::string> listed(ListOptions options, bool& more) {
    const auto page = test::run(list_with_staged(faulty.backend(), context, "photos", options));
    REQUIRE(page);
    std::vector<std::string> texts;
    for (const auto& entry : page->entries) texts.push_back(entry.name + (entry.is_staged ? "+" : ""));
    more = page->truncated;
    return texts;
  }
  std::vector<std::string> listed(const ListOptions& options = {}) {
    bool more = false;
    return listed(options, more);
  }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("keys of nothing but staged blocks stand among the objects") {
  StagingWorld world;
  for (const char* key : {"a", "b/1", "c"}) REQUIRE(world.put(key, "text"));
  for (const char* key : {"a", "b/0", "b/2", "d"}) world.stage_block(key);
  world.begin("e");

  CHECK(world.listed() == Texts{"a", "b/0+", "b/1", "b/2+", "c", "d+"});
  CHECK(world.listed({.prefix = "b", .delimiter = {}, .after = {}}) == Texts{"b/0+", "b/1", "b/2+"});
  CHECK(world.listed({.prefix = {}, .delimiter = "/", .after = {}}) == Texts{"a", "b/", "c", "d+"});
  CHECK(world.listed({.prefix = {}, .delimiter = {}, .after = {}, .from = "b/2"}) == Texts{"b/2+", "c", "d+"});
  REQUIRE(world.remove("a"));
  CHECK(world.listed() == Texts{"a+", "b/0+", "b/1", "b/2+", "c", "d+"});
}

TEST_CASE("pages with what is staged, of every size, are the whole listing") {
  StagingWorld world;
  for (const char* key : {"a", "b/1", "c"}) REQUIRE(world.put(key, "text"));
  for (const char* key : {"a", "b/0", "b/2", "d"}) world.stage_block(key);
  for (const char* delimiter : {"", "/"}) {
    const auto all = world.listed({.prefix = {}, .delimiter = delimiter, .after = {}});
    for (std::size_t limit = 1; limit <= 7; ++limit) {
      ListOptions options{.prefix = {}, .delimiter = delimiter, .after = {}, .limit = limit};
      Texts pages;
      for (bool more = true; more;) {
        const auto texts = world.listed(options, more);
        pages.insert(pages.end(), texts.begin(), texts.end());
        options.after = texts.back();
        if (options.after.ends_with('+')) options.after.pop_back();
      }
      CHECK(pages == all);
    }
  }
}

TEST_CASE("blocks that a bucket of the same name has left are not listed") {
  StagingWorld world;
  world.stage_block("a");
  REQUIRE(test::run(world.start_remove_bucket("photos")));
  REQUIRE(test::run(world.buckets.create(world.context, "photos", "alice")));
  world.stage_block("b");

  CHECK(world.listed() == Texts{"b+"});
}

}  // namespace sluice::object

#include <catch2/catch.hpp>

#include "gateway/object/objects.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::World;

const std::string kLong(1000, 'l');

CopyOptions replacing() {
  CopyOptions options;
  options.replacement.emplace();
  options.replacement->headers.type = "image/png";
  options.replacement->metadata = {{"Colour", "blue"}};
  return options;
}

Result<ObjectInfo> info(World& world, const std::string& key) {
  auto selection = test::run(world.objects.stat(world.context, {"photos", key}, {}));
  if (!selection) return std::unexpected(selection.error());
  return std::move(selection->info);
}

}  // namespace

TEST_CASE("a copy shares the extents of its source and outlives it") {
  World world(/*extent_length_max=*/128);
  REQUIRE(world.put("from", kLong));

  REQUIRE(world.copy("from", "to"));

  CHECK(world.extents.extent_count() == 8);
  REQUIRE(world.remove("from"));
  CHECK(world.leftovers() == "");
  CHECK(world.get("to") == kLong);
  REQUIRE(world.remove("to"));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("a copy of an inline or empty object has bytes of its own") {
  World world;
  REQUIRE(world.put("inline", "meow"));
  REQUIRE(world.put("empty", ""));
  REQUIRE(world.copy("inline", "a"));
  REQUIRE(world.copy("empty", "b"));

  REQUIRE(world.remove("inline"));
  REQUIRE(world.remove("empty"));

  CHECK(world.get("a") == "meow");
  CHECK(world.get("b") == "");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a copy carries everything over, or replaces what is said") {
  World world;
  PutOptions options;
  options.headers.type = "text/plain";
  options.metadata = {{"Colour", "red"}};
  const auto source = world.put("from", kLong, options);
  auto owned = replacing();
  owned.owner = "bob";

  const auto same = world.copy("from", "same");
  const auto changed = world.copy("from", "changed", owned);

  REQUIRE(same);
  CHECK(same->headers == options.headers);
  CHECK(same->metadata == options.metadata);
  CHECK(same->content_tag() == source->content_tag());
  CHECK(same->checksum == source->checksum);
  REQUIRE(changed);
  CHECK(changed->headers.type == "image/png");
  CHECK(changed->metadata == Metadata{{"Colour", "blue"}});
  CHECK(changed->owner == "bob");
}

TEST_CASE("a copy onto itself changes the metadata and leaves the bytes where they are") {
  World world;
  const auto before = world.put("key", kLong);
  REQUIRE(world.put("inline", "meow"));

  const auto after = world.copy("key", "key", replacing());
  REQUIRE(world.copy("inline", "inline", replacing()));

  REQUIRE(after);
  CHECK(after->revision != before->revision);
  CHECK(info(world, "key")->headers.type == "image/png");
  CHECK(world.leftovers() == "");
  CHECK(world.get("key") == kLong);
  CHECK(world.get("inline") == "meow");
}

TEST_CASE("a copy over an object that shares its extents keeps the counts right") {
  World world;
  REQUIRE(world.put("from", kLong));
  REQUIRE(world.copy("from", "to"));

  REQUIRE(world.copy("from", "to"));

  CHECK(world.leftovers() == "");
  REQUIRE(world.remove("from"));
  CHECK(world.leftovers() == "");
  CHECK(world.get("to") == kLong);
}

TEST_CASE("a checksum of another kind is computed for the copy") {
  World world;
  REQUIRE(world.put("from", kLong));
  REQUIRE(world.put("inline", "meow"));
  CopyOptions options;
  options.checksum = DigestAlgorithm::sha1;

  const auto copy = world.copy("from", "to", options);
  const auto small = world.copy("inline", "small", options);

  REQUIRE(copy);
  CHECK(copy->checksum == Checksum{digest_of(DigestAlgorithm::sha1, kLong), ChecksumType::full_object});
  REQUIRE(small);
  CHECK(small->checksum == Checksum{digest_of(DigestAlgorithm::sha1, "meow"), ChecksumType::full_object});
}

TEST_CASE("a copy is bound to the conditions of its source and its target") {
  World world;
  const auto tag = world.put("from", "meow").value().content_tag();
  REQUIRE(world.put("to", "old"));
  CopyOptions of_source;
  of_source.source_conditions.if_none_match = TagCondition{.any = false, .tags = {tag}};
  CopyOptions of_target;
  of_target.conditions.if_none_match = TagCondition{.any = true, .tags = {}};

  CHECK(world.copy("from", "to", of_source).error().code == ErrorCode::precondition_failed);
  CHECK(world.copy("from", "to", of_target).error().code == ErrorCode::precondition_failed);
  CHECK(world.copy("missing", "to").error().code == ErrorCode::no_such_object);
  CHECK(world.get("to") == "old");
}

TEST_CASE("a copy into a bucket that is not there is refused") {
  World world;
  REQUIRE(world.put("from", "meow"));
  const auto refused = test::run(world.objects.copy(world.context, {"photos", "from"}, {"books", "to"}, {}));
  CHECK(refused.error().code == ErrorCode::no_such_bucket);
}

TEST_CASE("a copy of an object of a few parts has its parts, and outlives it") {
  World world;
  world.put_parts("from", 3);

  REQUIRE(world.copy("from", "to"));
  REQUIRE(world.remove("from"));

  CHECK(world.leftovers() == "");
  CHECK(world.get("to") == test::parts_text(3));
  CHECK(info(world, "to")->part_count == 3);
  const auto page = test::run(world.objects.parts(world.context, {"photos", "to"}, 0, 10));
  REQUIRE(page);
  CHECK(page->parts.size() == 3);
}

TEST_CASE("a copy of an object of many parts is made in steps, and outlives it") {
  World world;
  world.put_parts("from", 700);
  REQUIRE(world.row_count("m") > 1);

  REQUIRE(world.copy("from", "to"));
  CHECK(world.leftovers() == "");
  REQUIRE(world.remove("from"));

  CHECK(world.leftovers() == "");
  CHECK(world.get("to") == test::parts_text(700));
  REQUIRE(world.remove("to"));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

}  // namespace sluice::object

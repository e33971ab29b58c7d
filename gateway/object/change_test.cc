#include <catch2/catch.hpp>

#include "gateway/object/objects.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const ObjectName kName{"photos", "key"};

Objects::Edit metadata(Metadata metadata) {
  return [metadata = std::move(metadata)](ObjectInfo& info) -> Result<> {
    info.metadata = metadata;
    return done;
  };
}

Result<ObjectInfo> change(World& world, const Objects::Edit& edit, ChangeOptions options = {.revises = true}) {
  return run(world.objects.change(world.context, kName, options, edit));
}

ObjectInfo stat(World& world) { return run(world.objects.stat(world.context, kName, {})).value().info; }

}  // namespace

TEST_CASE("what is said of an object changes in place, as a new revision of the same content") {
  World world;
  const std::string text(300, 'x');
  PutOptions put;
  put.headers.type = "text/plain";
  const auto before = world.put("key", text, put).value();
  world.clock.set(world.clock.now() + std::chrono::seconds(5));

  const auto changed = change(world, metadata({{"size", "small"}}));

  REQUIRE(changed);
  CHECK(changed->headers.type == "text/plain");
  CHECK(changed->metadata == Metadata{{"size", "small"}});
  CHECK(changed->last_revision() > before.last_revision());
  CHECK(changed->revision_tag() != before.revision_tag());
  CHECK(changed->modified == world.clock.now());
  CHECK(changed->created == before.created);
  CHECK(changed->content_tag() == before.content_tag());
  CHECK(stat(world).revision_tag() == changed->revision_tag());
  CHECK(world.get("key") == text);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a version that is changed in place keeps its name, and no other is made") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto before = world.put("key", "text").value();

  const auto changed = change(world, metadata({{"size", "small"}}));

  REQUIRE(changed);
  CHECK(changed->version() == before.version());
  CHECK(world.versions().size() == 1);
  const auto after = world.put("key", "next").value();
  CHECK(after.revision > changed->last_revision());
  OpenOptions first;
  first.which.version = before.version();
  CHECK(world.get("key", first) == "text");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a change that is no revision leaves dates and tags") {
  World world;
  const auto before = world.put("key", "text").value();
  world.clock.set(world.clock.now() + std::chrono::seconds(5));

  REQUIRE(change(world, metadata({{"a", "b"}}), {}));

  CHECK(stat(world).metadata == Metadata{{"a", "b"}});
  CHECK(stat(world).revision_tag() == before.revision_tag());
  CHECK(stat(world).modified == before.modified);
}

TEST_CASE("a change obeys its conditions and needs its object") {
  World world;
  const auto edit = metadata({{"a", "b"}});
  CHECK(change(world, edit).error().code == ErrorCode::no_such_object);
  CHECK(run(world.objects.change(world.context, {"nowhere", "key"}, {}, edit)).error().code ==
        ErrorCode::no_such_bucket);
  const auto before = world.put("key", "text").value();

  ChangeOptions options{.revises = true};
  options.conditions.if_match = TagCondition{.any = false, .tags = {"other"}};
  CHECK(change(world, edit, options).error().code == ErrorCode::precondition_failed);
  CHECK(stat(world).revision_tag() == before.revision_tag());
  options.conditions.if_match = TagCondition{.any = false, .tags = {before.revision_tag()}};
  CHECK(change(world, edit, options));
}

TEST_CASE("metadata that does not fit the row is refused, and the old stays") {
  World world;
  const auto before = world.put("key", "text").value();

  const auto changed = change(world, metadata({{"a", std::string(Index::kValueSizeMax, 'x')}}));

  CHECK(changed.error().code == ErrorCode::metadata_too_large);
  CHECK(stat(world).revision_tag() == before.revision_tag());
}

}  // namespace sluice::object

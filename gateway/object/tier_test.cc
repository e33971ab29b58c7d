#include <catch2/catch.hpp>

#include "gateway/object/objects.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::run;
using test::World;

const ObjectName kName{"photos", "key"};
constexpr Objects::Pace kPace{.normal = hours(1), .urgent = minutes(1)};

Result<ObjectInfo> set_tier(World& world, Tier tier, bool urgent = false) {
  return run(world.objects.set_tier(world.context, kName, {}, {.tier = tier, .urgent = urgent}, kPace));
}

ObjectInfo stat(World& world) { return run(world.objects.stat(world.context, kName, {})).value().info; }
Tiering tiering(World& world) { return stat(world).tiering.at(world.clock.now()); }
void pass(World& world, std::chrono::milliseconds time) { world.clock.set(world.clock.now() + time); }

PutOptions by_tier_writer(Tier tier = Tier::none) {
  PutOptions options;
  options.conditions.keeps_tier = true;
  options.tier = tier;
  return options;
}

}  // namespace

TEST_CASE("a tier is part of an object, and changes without a revision") {
  World world;
  REQUIRE(world.put("key", "text", by_tier_writer(Tier::cold)));
  const auto before = stat(world);
  CHECK(before.tiering == Tiering{.tier = Tier::cold});

  const auto changed = set_tier(world, Tier::cool);

  REQUIRE(changed);
  CHECK(changed->tiering == Tiering{.tier = Tier::cool, .changed = world.clock.now()});
  CHECK(stat(world).tiering == changed->tiering);
  CHECK(stat(world).revision_tag() == before.revision_tag());
  pass(world, hours(1));
  CHECK(set_tier(world, Tier::cool)->tiering == changed->tiering);
  CHECK(world.check().second.empty());
}

TEST_CASE("what is archived is neither read nor copied, by whatever way") {
  World world;
  REQUIRE(world.put("key", std::string(1000, 'x')));
  REQUIRE(set_tier(world, Tier::archive));

  CHECK(world.get("key").error().code == ErrorCode::archived);
  CHECK_FALSE(world.objects.at_hand(kName, false));
  CHECK(world.copy("key", "other").error().code == ErrorCode::archived);
  CHECK(world.copy("key", "key").error().code == ErrorCode::archived);
  CHECK(run(world.objects.snapshot(world.context, kName, {})).error().code == ErrorCode::archived);
  const auto upload = world.begin("big");
  CHECK(run(world.uploads.stage_copy(world.context, {"photos", "big"}, upload, 1, kName, {}, {})).error().code ==
        ErrorCode::archived);
  CHECK(stat(world).size == 1000);
}

TEST_CASE("what is archived is written over by who knows nothing of tiers alone") {
  World world;
  REQUIRE(world.put("key", "old"));
  REQUIRE(set_tier(world, Tier::archive));

  CHECK(world.put("key", "new", by_tier_writer()).error().code == ErrorCode::archived);
  CHECK(tiering(world).tier == Tier::archive);
  CHECK(world.put("key", "new"));

  CHECK(world.get("key") == "new");
  CHECK(tiering(world) == Tiering{});
}

TEST_CASE("a write that names no tier comes into that of what it replaces") {
  World world;
  REQUIRE(world.put("key", "old", by_tier_writer(Tier::cool)));

  REQUIRE(world.put("key", "new", by_tier_writer()));
  CHECK(tiering(world).tier == Tier::cool);
  REQUIRE(world.put("key", "new", by_tier_writer(Tier::hot)));
  CHECK(tiering(world).tier == Tier::hot);
  REQUIRE(world.remove("key"));
  REQUIRE(world.put("key", "new", by_tier_writer()));
  CHECK(tiering(world).tier == Tier::none);
}

TEST_CASE("what is archived comes back when it is due, sooner where that is urgent") {
  World world;
  REQUIRE(world.put("key", "text"));
  REQUIRE(set_tier(world, Tier::archive));
  const auto begun = world.clock.now();

  const auto back = set_tier(world, Tier::hot);
  REQUIRE(back);
  CHECK(back->tiering.tier == Tier::archive);
  CHECK(back->tiering.awaited == Tier::hot);
  CHECK(back->tiering.due == begun + hours(1));
  CHECK(set_tier(world, Tier::cool).error().code == ErrorCode::returning);
  CHECK(set_tier(world, Tier::archive).error().code == ErrorCode::returning);
  pass(world, minutes(30));
  CHECK(set_tier(world, Tier::hot)->tiering.due == begun + hours(1));
  CHECK(set_tier(world, Tier::hot, true)->tiering.due == begun + minutes(31));
  CHECK(world.get("key").error().code == ErrorCode::archived);
  pass(world, minutes(1));

  CHECK(world.get("key") == "text");
  CHECK(tiering(world) == Tiering{.tier = Tier::hot, .changed = begun + minutes(31)});
  CHECK(set_tier(world, Tier::cool)->tiering == Tiering{.tier = Tier::cool, .changed = world.clock.now()});
}

TEST_CASE("an append object has no tier of its own") {
  World world;
  REQUIRE(world.create_append("key"));

  CHECK(set_tier(world, Tier::cool).error().code == ErrorCode::kind_mismatch);
}

}  // namespace sluice::object

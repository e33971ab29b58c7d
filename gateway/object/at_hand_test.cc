#include <catch2/catch.hpp>

#include "gateway/object/buckets.h"
#include "gateway/object/objects.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::World;

/// Of the world's rows, past the backend that may fail, which has nothing at hand.
std::optional<HeldObject> at_hand(World& world, const std::string& key, bool with_content) {
  Objects objects(Backend{world.index, world.extents}, world.reclaimer, world.clock, world.keys);
  return objects.at_hand({"photos", key}, with_content);
}

std::optional<std::string> text_at_hand(World& world, const std::string& key) {
  const auto held = at_hand(world, key, true);
  if (!held) return std::nullopt;
  return std::string(held->content->text());
}

}  // namespace

TEST_CASE("an object in memory is at hand, as it is now") {
  World world;
  REQUIRE(world.put("cat", "meow"));
  CHECK(text_at_hand(world, "cat") == "meow");
  CHECK(text_at_hand(world, "cat") == "meow");
  REQUIRE(world.put("cat", "purr"));
  CHECK(text_at_hand(world, "cat") == "purr");
  REQUIRE(world.put("cat", ""));
  CHECK(text_at_hand(world, "cat") == "");
  REQUIRE(world.remove("cat"));
  CHECK(text_at_hand(world, "cat") == std::nullopt);
}

TEST_CASE("a delete marker, an encrypted object and bytes elsewhere are not at hand") {
  World world;
  world.set_versioning(Versioning::enabled);
  REQUIRE(world.put("gone", "meow"));
  REQUIRE(world.remove("gone"));
  CHECK(text_at_hand(world, "gone") == std::nullopt);

  REQUIRE(world.put("large", std::string(1000, 'l')));
  CHECK(text_at_hand(world, "large") == std::nullopt);
  CHECK(at_hand(world, "large", false).has_value());

  PutOptions encrypted;
  encrypted.encryption.choice = EncryptionChoice{};
  REQUIRE(world.put("sealed", "meow", encrypted));
  CHECK(text_at_hand(world, "sealed") == std::nullopt);
}

TEST_CASE("a bucket at hand is as it was set last") {
  World world;
  Buckets buckets(Backend{world.index, world.extents}, world.clock);
  CHECK(buckets.at_hand("photos")->settings.versioning == Versioning::off);
  CHECK(buckets.at_hand("photos")->settings.versioning == Versioning::off);
  world.set_versioning(Versioning::enabled);
  CHECK(buckets.at_hand("photos")->settings.versioning == Versioning::enabled);
  CHECK(buckets.at_hand("none") == nullptr);
}

TEST_CASE("an inline body that is not what was put is not at hand") {
  World world;
  REQUIRE(world.put("cat", "meow"));
  const auto rows = world.index.rows();
  for (const auto& [key, value] : rows) {
    if (!key.starts_with("d")) continue;
    const auto transaction = world.index.begin();
    transaction->put(key, "meaw");
    REQUIRE(test::run(transaction->commit()));
  }
  CHECK(text_at_hand(world, "cat") == std::nullopt);
  CHECK(world.get("cat").error().code == ErrorCode::corrupt);
}

}  // namespace sluice::object

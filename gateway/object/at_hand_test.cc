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

TEST_CASE("a range of an object in memory is at hand") {
  World world;
  REQUIRE(world.put("cat", "0123456789"));
  Objects objects(Backend{world.index, world.extents}, world.reclaimer, world.clock, world.keys);
  const auto text = [&](const RangeRequest& range) -> std::string {
    const auto held = objects.at_hand({"photos", "cat"}, true, range);
    return held ? std::string(held->content->text()) + " from " + std::to_string(held->range.offset) : "nothing";
  };
  CHECK(text({.first = 2, .last = 4}) == "234 from 2");
  CHECK(text({.first = 7, .last = 100}) == "789 from 7");
  CHECK(text({.first = 9, .last = std::nullopt}) == "9 from 9");
  CHECK(text({.first = std::nullopt, .last = 3}) == "789 from 7");
  CHECK(text({.first = 10, .last = std::nullopt}) == "nothing");
}

TEST_CASE("a range that lies in one of an object's extents is at hand, if that is") {
  /// Has what is ten bytes long in memory.
  class Extents : public test::MemoryExtents {
   public:
    Extents() : MemoryExtents(10) {}
    Chunk at_hand(const Extent& extent, ByteRange range) override {
      if (extent.length != 10) return {};
      asked.push_back(range);
      return Chunk::of(std::string(range.length, 'x'));
    }
    std::vector<ByteRange> asked;
  };
  World world(10, 4);
  Extents extents;
  REQUIRE(world.put("cat", "0123456789abcdefghij-----"));
  Objects objects(Backend{world.index, extents}, world.reclaimer, world.clock, world.keys);

  const auto held = [&](std::uint64_t first, std::uint64_t last) {
    return objects.at_hand({"photos", "cat"}, true, RangeRequest{.first = first, .last = last});
  };
  REQUIRE(held(12, 15));
  CHECK(held(12, 15)->content->size() == 4);
  CHECK(extents.asked.back() == ByteRange{2, 4});
  CHECK(held(0, 9));
  CHECK_FALSE(held(9, 10));
  CHECK_FALSE(held(20, 24));
  CHECK_FALSE(held(0, 24));
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

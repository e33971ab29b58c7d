#include "gateway/object/buckets.h"

#include <catch2/catch.hpp>

#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

Result<BucketInfo> create(World& world, const std::string& name, const std::string& owner) {
  return run(world.buckets.create(world.context, name, owner));
}

Result<> remove(World& world, const std::string& name) { return run(world.buckets.remove(world.context, name)); }

std::vector<std::string> list(World& world, const std::string& owner, const std::string& prefix = {}) {
  const auto page = run(world.buckets.list(world.context, owner, prefix, "", 1000));
  std::vector<std::string> names;
  for (const auto& bucket : page.value().buckets) names.push_back(bucket.name);
  return names;
}

}  // namespace

TEST_CASE("a bucket is created once") {
  World world;

  CHECK(create(world, "music", "bob")->owner == "bob");

  CHECK(create(world, "music", "bob").error().code == ErrorCode::bucket_already_owned);
  CHECK(create(world, "music", "eve").error().code == ErrorCode::bucket_exists);
  CHECK(create(world, "Music", "bob").error().code == ErrorCode::invalid_bucket_name);
  CHECK(run(world.buckets.stat(world.context, "music"))->owner == "bob");
  CHECK(run(world.buckets.stat(world.context, "books")).error().code == ErrorCode::no_such_bucket);
}

TEST_CASE("the settings of a bucket change, one edit after the other") {
  World world;
  const auto before = run(world.buckets.stat(world.context, "photos"));
  world.clock.set(world.clock.now() + std::chrono::hours(1));

  const auto change = [&](const Buckets::Edit& edit) {
    return run(world.buckets.change(world.context, "photos", edit));
  };
  REQUIRE(change([](BucketSettings& settings) -> Result<> {
    settings.tags = {{"team", "blue"}};
    return done;
  }));
  const auto after = change([](BucketSettings& settings) -> Result<> {
    settings.versioning = Versioning::enabled;
    return done;
  });

  REQUIRE(after);
  CHECK(after->settings.tags == Tags{{"team", "blue"}});
  CHECK(after->created == before->created);
  CHECK(after->modified == world.clock.now());
  CHECK(after->revision_tag() != before->revision_tag());
  CHECK(run(world.buckets.stat(world.context, "photos"))->settings == after->settings);
}

TEST_CASE("an edit of settings that is refused changes nothing") {
  World world;

  const auto refused = run(world.buckets.change(world.context, "photos", [](BucketSettings& settings) -> Result<> {
    settings.policy = "half";
    return fail(ErrorCode::invalid_argument, "no");
  }));
  const auto too_large = run(world.buckets.change(world.context, "photos", [](BucketSettings& settings) -> Result<> {
    settings.policy = std::string(Index::kValueSizeMax, 'p');
    return done;
  }));

  CHECK(refused.error().code == ErrorCode::invalid_argument);
  CHECK(too_large.error().code == ErrorCode::metadata_too_large);
  CHECK(run(world.buckets.stat(world.context, "photos"))->settings.policy.empty());
}

TEST_CASE("buckets are listed by name, owner and prefix") {
  World world;
  REQUIRE(create(world, "music", "bob"));
  REQUIRE(create(world, "movies", "alice"));

  CHECK(list(world, "") == std::vector<std::string>{"movies", "music", "photos"});
  CHECK(list(world, "alice") == std::vector<std::string>{"movies", "photos"});
  CHECK(list(world, "", "m") == std::vector<std::string>{"movies", "music"});
}

TEST_CASE("a list of buckets goes on where it ended") {
  World world;
  REQUIRE(create(world, "music", "bob"));
  REQUIRE(create(world, "movies", "alice"));

  const auto first = run(world.buckets.list(world.context, "", "", "", 2));
  const auto second = run(world.buckets.list(world.context, "", "", first->next, 2));

  CHECK(first->next == "music");
  REQUIRE(second->buckets.size() == 1);
  CHECK(second->buckets[0].name == "photos");
  CHECK(second->next.empty());
  CHECK(run(world.buckets.list(world.context, "", "", "", 0))->buckets.empty());
}

TEST_CASE("a bucket that holds an object is not removed") {
  World world;
  REQUIRE(world.put("cat.jpg", "meow"));

  CHECK(remove(world, "photos").error().code == ErrorCode::bucket_not_empty);

  CHECK(world.get("cat.jpg") == "meow");
  REQUIRE(world.remove("cat.jpg"));
  CHECK(remove(world, "photos"));
  CHECK(remove(world, "photos").error().code == ErrorCode::no_such_bucket);
  CHECK(world.put("cat.jpg", "meow").error().code == ErrorCode::no_such_bucket);
  CHECK(world.get("cat.jpg").error().code == ErrorCode::no_such_bucket);
  CHECK(world.leftovers() == "");
}

TEST_CASE("the uploads of a removed bucket are given back, those of its successor are not") {
  World world;
  const auto old_upload = world.begin("cat.jpg");
  REQUIRE(world.stage("cat.jpg", old_upload, 1, std::string(100, 'x')));
  REQUIRE(remove(world, "photos"));
  REQUIRE(create(world, "photos", "alice"));
  const auto upload = world.begin("cat.jpg");
  REQUIRE(world.stage("cat.jpg", upload, 1, std::string(100, 'y')));

  CHECK(world.stage("cat.jpg", old_upload, 2, "x").error().code == ErrorCode::no_such_upload);
  CHECK(world.commit("cat.jpg", old_upload, {1}).error().code == ErrorCode::no_such_upload);
  CHECK(run(world.uploads.list(world.context, "photos", {}))->items.size() == 1);
  world.reclaim();

  CHECK(world.extents.extent_count() == 1);
  CHECK(world.commit("cat.jpg", upload, {1}));
  CHECK(world.get("cat.jpg") == std::string(100, 'y'));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a removal that was broken off hinders nobody") {
  World world;
  world.faulty.faults.fail_at(4);  // The mark is committed; the look behind it fails.
  REQUIRE(remove(world, "photos").error().code == ErrorCode::unavailable);

  CHECK(world.put("cat.jpg", "meow"));
  CHECK(world.get("cat.jpg") == "meow");
  CHECK(remove(world, "photos").error().code == ErrorCode::bucket_not_empty);
  REQUIRE(world.remove("cat.jpg"));
  CHECK(remove(world, "photos"));
}

}  // namespace sluice::object

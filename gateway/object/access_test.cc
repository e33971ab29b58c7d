#include <catch2/catch.hpp>

#include "gateway/object/record.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const ObjectName kName{"photos", "key"};

ObjectInfo stat(World& world, const std::string& key = "key") {
  return run(world.objects.stat(world.context, {"photos", key}, {})).value().info;
}

Result<> refuse(const ObjectInfo& info) { return fail(ErrorCode::access_denied, info.owner); }

}  // namespace

TEST_CASE("an object has the ACL it was put, copied or uploaded with") {
  World world;
  REQUIRE(world.put("key", "meow",
                    {.conditions = {}, .owner = "bob", .headers = {}, .metadata = {}, .checksum = {}, .acl = "put"}));
  REQUIRE(world.copy("key", "plain"));
  CopyOptions options;
  options.acl = "copied";
  REQUIRE(world.copy("key", "copy", options));
  UploadOptions upload;
  upload.acl = "uploaded";
  const std::string id = world.begin("parts", upload);
  REQUIRE(world.stage("parts", id, 1, "part"));
  REQUIRE(world.commit("parts", id, {1}));

  CHECK(stat(world).acl == "put");
  CHECK(stat(world).owner == "bob");
  CHECK(stat(world, "plain").acl.empty());
  CHECK(stat(world, "copy").acl == "copied");
  CHECK(stat(world, "parts").acl == "uploaded");
}

TEST_CASE("an object put for nobody in particular is the bucket owner's") {
  World world;
  REQUIRE(world.put("key", "meow"));
  REQUIRE(world.copy("key", "copy"));
  const std::string id = world.begin("parts");
  REQUIRE(world.stage("parts", id, 1, "part"));
  REQUIRE(world.commit("parts", id, {1}));

  CHECK(stat(world).owner == "alice");
  CHECK(stat(world, "copy").owner == "alice");
  CHECK(stat(world, "parts").owner == "alice");
}

TEST_CASE("an upload tells who began it, whoever the object will be owned by") {
  World world;
  UploadOptions upload;
  upload.initiator = "bob";
  const std::string id = world.begin("parts", upload);
  const std::string plain = world.begin("plain");

  CHECK(run(world.uploads.stat(world.context, {"photos", "parts"}, id))->initiator == "bob");
  CHECK(run(world.uploads.stat(world.context, {"photos", "parts"}, id))->owner == "alice");
  CHECK(run(world.uploads.stat(world.context, {"photos", "plain"}, plain))->initiator == "alice");
}

TEST_CASE("another ACL changes nothing else of an object") {
  World world;
  REQUIRE(world.put("key", "meow"));
  const ObjectInfo before = stat(world);
  world.clock.set(world.clock.now() + std::chrono::hours(1));

  REQUIRE(run(world.objects.set_acl(world.context, kName,
                                    [](const ObjectInfo& info) -> Result<std::string> { return info.owner + "'s"; })));

  CHECK(stat(world).acl == "alice's");
  CHECK(stat(world).modified == before.modified);
  CHECK(stat(world).revision == before.revision);
  CHECK(world.get("key") == std::string("meow"));
  CHECK(world.leftovers().empty());
}

TEST_CASE("an ACL that is refused, too large, or of nothing changes nothing") {
  World world;
  REQUIRE(world.put("key", "meow"));
  const auto set = [&](const ObjectName& name, const Objects::AclChange& change) {
    return run(world.objects.set_acl(world.context, name, change));
  };
  const auto no = [](const ObjectInfo&) -> Result<std::string> { return fail(ErrorCode::access_denied); };
  const auto huge = [](const ObjectInfo&) -> Result<std::string> { return std::string(70'000, 'a'); };

  CHECK(set(kName, no).error().code == ErrorCode::access_denied);
  CHECK(set(kName, huge).error().code == ErrorCode::metadata_too_large);
  CHECK(set({"photos", "none"}, no).error().code == ErrorCode::no_such_object);
  CHECK(set({"none", "key"}, no).error().code == ErrorCode::no_such_bucket);

  CHECK(stat(world).acl.empty());
}

TEST_CASE("whoever is not admitted learns nothing of an object, not even its conditions") {
  World world;
  REQUIRE(world.put("key", "meow"));
  OpenOptions options;
  options.admit = refuse;
  options.conditions.if_none_match = TagCondition{.any = true, .tags = {}};
  options.range = RangeRequest{.first = 1000, .last = {}};
  CopyOptions copy;
  copy.admit_source = refuse;
  const std::string id = world.begin("parts");

  const auto opened = run(world.objects.open(world.context, kName, options));
  const auto seen = run(world.objects.stat(world.context, kName, options));
  const auto parts = run(world.objects.parts(world.context, kName, 0, 10, refuse));
  const auto copied = world.copy("key", "copy", copy);
  const auto staged = run(world.uploads.stage_copy(world.context, {"photos", "parts"}, id, 1, kName, {}, {}, refuse));

  CHECK(opened.error().code == ErrorCode::access_denied);
  CHECK(opened.error().detail == "alice");
  CHECK(seen.error().code == ErrorCode::access_denied);
  CHECK(parts.error().code == ErrorCode::access_denied);
  CHECK(copied.error().code == ErrorCode::access_denied);
  CHECK(staged.error().code == ErrorCode::access_denied);
  CHECK(world.get("copy").error().code == ErrorCode::no_such_object);
}

}  // namespace sluice::object

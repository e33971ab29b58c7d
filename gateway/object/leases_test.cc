#include "gateway/object/leases.h"

#include <catch2/catch.hpp>

#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using std::chrono::seconds;
using test::run;
using test::World;

const ObjectName kName{"photos", "key"};
const std::string kA = "aaaaaaaa-0000-4000-8000-000000000000";
const std::string kB = "bbbbbbbb-0000-4000-8000-000000000000";
const std::string kLong(300, 'l');

LeaseRequest acquire(std::string proposed, std::optional<seconds> duration = {}) {
  return {.act = LeaseAct::acquire, .id = {}, .proposed = std::move(proposed), .duration = duration, .break_after = {}};
}

Result<ObjectLease> perform(World& world, const LeaseRequest& request, const Conditions& conditions = {}) {
  return run(world.leases.perform(world.context, kName, conditions, request));
}

Result<BucketLease> perform_on_bucket(World& world, const LeaseRequest& request) {
  return run(world.leases.perform(world.context, std::string("photos"), {}, request));
}

Conditions holding(std::string id) {
  Conditions conditions;
  conditions.lease = std::move(id);
  return conditions;
}

ErrorCode code(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

ObjectInfo stat(World& world) { return run(world.objects.stat(world.context, kName, {})).value().info; }

}  // namespace

TEST_CASE("a leased object is written only by who holds the lease, and stays leased") {
  World world;
  REQUIRE(world.put("key", "old"));
  REQUIRE(world.put("other", "other"));
  REQUIRE(perform(world, acquire(kA)));
  PutOptions as_holder;
  as_holder.conditions = holding(kA);
  PutOptions as_other;
  as_other.conditions = holding(kB);
  CopyOptions copy_as_holder;
  copy_as_holder.conditions = holding(kA);
  ChangeOptions change;
  const Objects::Edit edit = [](ObjectInfo& info) -> Result<> {
    info.metadata = {{"a", "b"}};
    return done;
  };

  CHECK(code(world.put("key", kLong)) == ErrorCode::lease_missing);
  CHECK(code(world.put("key", kLong, as_other)) == ErrorCode::lease_mismatch);
  CHECK(code(world.remove("key")) == ErrorCode::lease_missing);
  CHECK(code(world.copy("other", "key")) == ErrorCode::lease_missing);
  CHECK(code(run(world.objects.change(world.context, kName, change, edit))) == ErrorCode::lease_missing);
  const auto upload = world.begin("key");
  REQUIRE(world.stage("key", upload, 1, "part"));
  CHECK(code(world.commit("key", upload, {1})) == ErrorCode::lease_missing);
  CHECK(world.get("key") == "old");

  CHECK(world.put("key", kLong, as_holder));
  CHECK(stat(world).lease->id == kA);
  CHECK(world.copy("other", "key", copy_as_holder));
  CHECK(world.commit("key", upload, {1}, holding(kA)));
  change.conditions = holding(kA);
  CHECK(run(world.objects.change(world.context, kName, change, edit)));
  CHECK(stat(world).lease->id == kA);
  CHECK(world.remove("key", holding(kA)));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a lease that is named must be there, on reads and writes alike") {
  World world;
  REQUIRE(world.put("key", "old"));
  OpenOptions reading;
  reading.conditions = holding(kA);
  PutOptions writing;
  writing.conditions = holding(kA);
  CHECK(code(world.get("key", reading)) == ErrorCode::lease_absent);
  CHECK(code(world.put("key", "new", writing)) == ErrorCode::lease_absent);
  CHECK(code(world.put("absent", "new", writing)) == ErrorCode::lease_absent);

  REQUIRE(perform(world, acquire(kA)));
  CHECK(world.get("key", reading) == "old");
  CHECK(world.get("key") == "old");
  reading.conditions = holding(kB);
  CHECK(code(world.get("key", reading)) == ErrorCode::lease_mismatch);
}

TEST_CASE("a lease that ran out hinders nobody, and a write takes it away") {
  World world;
  REQUIRE(world.put("key", "old"));
  REQUIRE(perform(world, acquire(kA, seconds(15))));
  world.clock.set(world.clock.now() + seconds(15));
  PutOptions as_holder;
  as_holder.conditions = holding(kA);

  CHECK(code(world.put("key", "new", as_holder)) == ErrorCode::lease_lost);
  CHECK(stat(world).lease);
  CHECK(world.put("key", "new"));
  CHECK_FALSE(stat(world).lease);
  const LeaseRequest renew{.act = LeaseAct::renew, .id = kA, .proposed = {}, .duration = {}, .break_after = {}};
  CHECK(code(perform(world, renew)) == ErrorCode::lease_id_refused);
}

TEST_CASE("an act on a lease changes no revision, and obeys conditions") {
  World world;
  const auto before = world.put("key", "old").value();
  Conditions other;
  other.if_match = TagCondition{.any = false, .tags = {"other"}};

  CHECK(code(perform(world, acquire(kA), other)) == ErrorCode::precondition_failed);
  const auto leased = perform(world, acquire(kA));

  REQUIRE(leased);
  CHECK(leased->info.revision == before.revision);
  CHECK(leased->info.modified == before.modified);
  CHECK(leased->info.lease->id == kA);
}

TEST_CASE("of several who acquire at once, exactly one holds the lease") {
  World world;
  REQUIRE(world.put("key", "text"));
  std::vector<ErrorCode> refusals;
  std::vector<std::string> holders;
  std::vector<std::function<Awaitable<>()>> tasks;
  for (int i = 0; i < 8; ++i) {
    tasks.emplace_back([&]() -> Awaitable<> {
      const auto leased = co_await world.leases.perform(world.context, kName, {}, acquire({}));
      if (leased) holders.push_back(leased->lease.id);
      if (!leased) refusals.push_back(leased.error().code);
    });
  }

  test::run_together(std::move(tasks));

  REQUIRE(holders.size() == 1);
  CHECK(stat(world).lease->id == holders.front());
  CHECK(refusals == std::vector(7, ErrorCode::lease_present));
}

TEST_CASE("a lease is the current object's: versions, snapshots and markers have none") {
  World world;
  world.set_versioning(Versioning::enabled);
  const auto first = world.put("key", "first").value();
  REQUIRE(perform(world, acquire(kA)));
  PutOptions as_holder;
  as_holder.conditions = holding(kA);
  REQUIRE(world.put("key", "second", as_holder));
  CHECK(stat(world).lease->id == kA);
  Which which{.version = first.version()};
  CHECK_FALSE(
      run(world.objects.stat(world.context, kName, {.which = which, .conditions = {}, .range = {}, .part_number = {}}))
          ->info.lease);

  // The current one, by its id or not, is not removed without the lease; an earlier one is.
  CHECK(code(world.remove("key")) == ErrorCode::lease_missing);
  CHECK(code(world.remove_version("key", stat(world).version())) == ErrorCode::lease_missing);
  CHECK(world.remove_version("key", first.version()));
  CHECK(world.remove("key", holding(kA)));

  // Behind the marker anybody may write.
  CHECK(code(perform(world, acquire(kB))) == ErrorCode::no_such_object);
  CHECK(world.put("key", "third"));
  CHECK_FALSE(stat(world).lease);
  REQUIRE(perform(world, acquire(kB)));
  const auto snapshot = run(world.start_snapshot("key"));
  REQUIRE(snapshot);
  CHECK_FALSE(snapshot->lease);
  CHECK(stat(world).lease->id == kB);
  CHECK(world.leftovers() == "");
}

TEST_CASE("what becomes current again is not leased") {
  World world;
  world.set_versioning(Versioning::enabled);
  REQUIRE(world.put("key", "first"));
  REQUIRE(world.put("key", "second"));
  REQUIRE(perform(world, acquire(kA)));
  const RemoveRequest request{.key = "key", .conditions = holding(kA), .which = {.version = stat(world).version()}};

  REQUIRE(run(world.start_removal(request)));

  CHECK(world.get("key") == "first");
  CHECK_FALSE(stat(world).lease);
}

TEST_CASE("there is no lease of what is not there") {
  World world;
  CHECK(code(perform(world, acquire(kA))) == ErrorCode::no_such_object);
  CHECK(code(run(world.leases.perform(world.context, ObjectName{"nowhere", "key"}, {}, acquire(kA)))) ==
        ErrorCode::no_such_bucket);
  CHECK(code(run(world.leases.perform(world.context, std::string("nowhere"), {}, acquire(kA)))) ==
        ErrorCode::no_such_bucket);
}

TEST_CASE("a leased bucket is removed only by who holds the lease; its objects are free") {
  World world;
  REQUIRE(perform_on_bucket(world, acquire(kA)));

  CHECK(world.put("key", "text"));
  CHECK(world.remove("key"));
  CHECK(run(world.buckets.stat(world.context, "photos"))->lease->id == kA);
  CHECK(code(run(world.buckets.remove(world.context, "photos"))) == ErrorCode::lease_missing);
  CHECK(code(run(world.buckets.remove(world.context, "photos", kB))) == ErrorCode::lease_mismatch);
  CHECK(run(world.buckets.remove(world.context, "photos", kA)));
}

TEST_CASE("of an acquisition and a write that come between each other, both orders hold") {
  for (std::uint64_t n = 1;; ++n) {
    World world(/*extent_length_max=*/128);
    REQUIRE(world.put("key", "old"));
    bool leased = false;
    world.faulty.faults.interrupt_at(n, [&]() -> Awaitable<> {
      leased = (co_await world.leases.perform(world.context, kName, {}, acquire(kA))).has_value();
    });
    const auto written = world.put("key", kLong);
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    if (!struck) break;
    INFO("before call " << n);
    REQUIRE(leased);
    // Locked before the commit: the write lost. Locked after it: both won.
    CHECK((written.has_value() || code(written) == ErrorCode::lease_missing));
    CHECK(world.get("key") == (written ? kLong : "old"));
    CHECK(stat(world).lease->id == kA);
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("an act on a lease that fails leaves the lease as it was") {
  for (std::uint64_t n = 1;; ++n) {
    World world;
    REQUIRE(world.put("key", "old"));
    world.faulty.faults.fail_at(n);
    const bool leased = perform(world, acquire(kA)).has_value();
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    REQUIRE(leased != struck);
    REQUIRE(stat(world).lease.has_value() == leased);
    if (!struck) break;
  }
}

}  // namespace sluice::object

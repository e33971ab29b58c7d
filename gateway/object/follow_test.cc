#include <catch2/catch.hpp>

#include "gateway/object/encryption.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

// Page objects that follow another, snapshot by snapshot.

namespace sluice::object {
namespace {

using test::run;
using test::World;

const ObjectName kDisk{"photos", "disk"};
const ObjectName kBackup{"photos", "backup"};
constexpr std::uint64_t kPage = Pages::kPageSize;
constexpr std::uint64_t kRegion = 4ULL << 20;

ErrorCode code(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

std::string pages(std::size_t count, char letter) { return std::string(count * kPage, letter); }

void make_disk(World& world, const PutOptions& options = {}) {
  REQUIRE(run(world.pages.create(world.context, kDisk, options, 3 * kRegion, 7)));
}

Result<PageAnswer> write(World& world, std::uint64_t offset, const std::string& text, const ObjectName& name = kDisk,
                         const PageOptions& options = {}) {
  const auto put = [&]() -> Task<PageAnswer> {
    test::StringSource source(text, 1000);
    DigestSource body(source);
    co_return co_await world.pages.put(world.context, name, options, offset, body);
  };
  return run(put());
}

std::uint64_t snapshot(World& world) { return run(world.start_snapshot("disk")).value().snapshot; }

CopyOptions of(std::uint64_t snapshot) {
  CopyOptions options;
  options.source.snapshot = snapshot;
  return options;
}

Result<FollowAnswer> follow(World& world, std::uint64_t snapshot, const ObjectName& from = kDisk,
                            const ObjectName& to = kBackup) {
  return run(world.objects.follow(world.context, from, to, of(snapshot)));
}

Followed followed(World& world, std::uint64_t snapshot, const ObjectName& from = kDisk,
                  const ObjectName& to = kBackup) {
  return follow(world, snapshot, from, to).value().followed;
}

std::string at(World& world, const std::string& key, std::uint64_t snapshot, std::uint64_t offset, std::size_t count) {
  OpenOptions options;
  options.which.snapshot = snapshot;
  options.range = RangeRequest{offset, offset + count * kPage - 1};
  return world.get(key, options).value_or("unreadable");
}

ObjectInfo stat(World& world, const ObjectName& name, std::uint64_t snapshot = 0) {
  OpenOptions options;
  options.which.snapshot = snapshot;
  return run(world.objects.stat(world.context, name, options)).value().info;
}

}  // namespace

TEST_CASE("a page object follows another by its snapshots, and shares their extents") {
  World world;
  make_disk(world);
  REQUIRE(write(world, kRegion - kPage, pages(2, 'a')));
  const auto first = snapshot(world);
  const auto extents = world.extents.extent_count();

  const auto made = follow(world, first).value().info;

  REQUIRE(made.following);
  CHECK(made.following->key == "disk");
  CHECK(made.following->source == first);
  CHECK(made.sequence_number == 7);
  CHECK(made.owner == "alice");
  CHECK(stat(world, kBackup, made.following->snapshot).following->snapshot == made.following->snapshot);
  REQUIRE(write(world, kRegion, pages(1, 'b')));
  const auto second = snapshot(world);
  const auto again = follow(world, second).value().info;
  CHECK(again.created == made.created);
  CHECK(again.revision_tag() != made.revision_tag());
  CHECK(again.following->snapshot > made.following->snapshot);
  CHECK(world.extents.extent_count() == extents + 1);
  CHECK(at(world, "backup", made.following->snapshot, kRegion - kPage, 2) == pages(2, 'a'));
  CHECK(at(world, "backup", again.following->snapshot, kRegion - kPage, 2) == pages(1, 'a') + pages(1, 'b'));

  // What came between two of them is told, as of any page object.
  const PageQuery query{.which = {.version = {}, .snapshot = again.following->snapshot},
                        .since = Which{.version = {}, .snapshot = made.following->snapshot},
                        .range = {0, Pages::kSizeMax},
                        .limit = 10};
  const auto changed = run(world.pages.ranges(world.context, kBackup, query)).value();
  CHECK(changed.ranges == std::vector<PageRange>{{{kRegion, kPage}, false}});
  CHECK(changed.earlier->created == changed.info.created);
  CHECK(world.leftovers() == "");

  std::vector<RemoveRequest> requests(1);
  requests[0].key = "backup";
  CHECK(code(run(world.objects.remove(world.context, "photos", requests)).value()[0]) == ErrorCode::snapshot_present);
  requests[0].snapshots = Snapshots::include;
  REQUIRE(run(world.objects.remove(world.context, "photos", requests)).value()[0]);
  CHECK(world.leftovers() == "");
}

TEST_CASE("what follows another is read by its snapshots alone, and written by following") {
  World world;
  make_disk(world);
  REQUIRE(write(world, 0, pages(1, 'a')));
  const auto taken = follow(world, snapshot(world)).value().info.following->snapshot;
  const auto refused = [](const auto& result) { return code(result) == ErrorCode::kind_mismatch; };

  CHECK(refused(world.get("backup")));
  CHECK(refused(write(world, 0, pages(1, 'x'), kBackup)));
  CHECK(refused(run(world.pages.clear(world.context, kBackup, {}, {0, kPage}))));
  CHECK(refused(run(world.pages.resize(world.context, kBackup, {}, kPage))));
  CHECK(refused(run(world.pages.set_sequence(world.context, kBackup, {}, SequenceAct::increment, 0))));
  CHECK(refused(run(world.pages.ranges(world.context, kBackup, {.range = {0, kPage}, .limit = 1}))));
  CHECK(refused(world.put("backup", "text")));
  CHECK(refused(world.copy("disk", "backup")));
  CHECK(refused(world.copy("backup", "copy")));
  CHECK(refused(world.create_append("backup")));
  CHECK(refused(run(world.start_snapshot("backup"))));
  CHECK(refused(run(world.leases.perform(world.context, kBackup, {}, LeaseRequest{}))));
  const auto nothing = [](ObjectInfo&) { return Result<>(); };
  CHECK(refused(run(world.objects.change(world.context, kBackup, {}, nothing))));

  CHECK(stat(world, kBackup).following);
  CopyOptions from_snapshot = of(taken);
  const auto copied = world.copy("backup", "copy", from_snapshot);
  REQUIRE(copied);
  CHECK_FALSE(copied->following);
  CHECK(world.get("copy").value().substr(0, kPage) == pages(1, 'a'));
  REQUIRE(write(world, 0, pages(1, 'w'), {"photos", "copy"}));
  CHECK(at(world, "backup", taken, 0, 1) == pages(1, 'a'));
  CHECK(world.leftovers() == "");
}

TEST_CASE("snapshots are followed in their order, of one object, and of nothing else") {
  World world;
  make_disk(world);
  const auto first = snapshot(world);
  const auto second = snapshot(world);
  CHECK(followed(world, 0) == Followed::no_snapshot);
  CHECK(code(follow(world, second + 1)) == ErrorCode::no_such_version);
  REQUIRE(follow(world, second));
  const auto before = stat(world, kBackup).revision_tag();

  CHECK(followed(world, first) == Followed::not_later);
  CHECK(followed(world, second) == Followed::not_later);
  REQUIRE(run(world.pages.create(world.context, {"photos", "other"}, {}, kPage, 0)));
  const auto of_other = run(world.start_snapshot("other")).value().snapshot;
  const ObjectName other{"photos", "other"};
  CHECK(followed(world, of_other, other) == Followed::other);
  CHECK(followed(world, second, kDisk, other) == Followed::other);
  CHECK(stat(world, kBackup).revision_tag() == before);

  CopyOptions conditional = of(snapshot(world));
  conditional.conditions.if_match = TagCondition{.any = false, .tags = {"0xother"}};
  CHECK(code(run(world.objects.follow(world.context, kDisk, kBackup, conditional))) == ErrorCode::precondition_failed);
  CHECK(world.leftovers() == "");
}

TEST_CASE("an object that was put anew is another one than that which was followed") {
  World world;
  make_disk(world);
  REQUIRE(follow(world, snapshot(world)));
  world.clock.set(world.clock.now() + std::chrono::seconds(1));
  make_disk(world);

  CHECK(followed(world, snapshot(world)) == Followed::put_anew);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a snapshot that is no page object's is not followed") {
  World world;
  REQUIRE(world.put("disk", "text"));
  CHECK(code(follow(world, snapshot(world))) == ErrorCode::kind_mismatch);
}

TEST_CASE("what follows an encrypted object is encrypted as that is") {
  World world;
  const auto encrypt = [&](bool on) {
    REQUIRE(run(world.buckets.change(world.context, "photos", [&](BucketSettings& settings) {
      settings.encryption = on ? to_setting({}) : std::string();
      return Result<>();
    })));
  };
  encrypt(true);
  make_disk(world);
  REQUIRE(write(world, 0, pages(2, 'a')));
  const auto encrypted = snapshot(world);
  encrypt(false);
  const auto taken = follow(world, encrypted).value().info.following->snapshot;
  CHECK(stat(world, kBackup).encryption->mode == EncryptionMode::managed);
  CHECK(at(world, "backup", taken, 0, 2) == pages(2, 'a'));
  CHECK(world.leftovers() == "");

  PutOptions customers;
  customers.encryption.customer_key = SecretKey::random();
  REQUIRE(run(world.pages.create(world.context, {"photos", "key"}, customers, kPage, 0)));
  const auto under_key = run(world.start_snapshot("key")).value().snapshot;
  CHECK(code(run(world.objects.follow(world.context, {"photos", "key"}, {"photos", "b"}, of(under_key)))) ==
        ErrorCode::customer_key_missing);
  REQUIRE(run(world.pages.create(world.context, {"photos", "plain"}, {}, kPage, 0)));
  const auto plain = run(world.start_snapshot("plain")).value().snapshot;
  encrypt(true);
  CHECK(code(run(world.objects.follow(world.context, {"photos", "plain"}, {"photos", "b"}, of(plain)))) ==
        ErrorCode::not_implemented);
}

TEST_CASE("following that fails at any call leaves the object as it was, and nothing behind") {
  for (const bool is_first : {true, false}) {
    for (std::uint64_t n = 1;; ++n) {
      World world;
      make_disk(world);
      REQUIRE(write(world, kRegion - kPage, pages(2, 'a')));
      if (!is_first) REQUIRE(follow(world, snapshot(world)));
      REQUIRE(write(world, kRegion, pages(1, 'b')));
      const auto next = snapshot(world);
      const auto see = [&] {
        VersionListOptions all;
        all.snapshots = true;
        std::string text;
        for (const auto& entry : world.versions(all)) {
          if (entry.name != "backup") continue;
          text += entry.info.revision_tag() + at(world, "backup", entry.info.snapshot, kRegion - kPage, 2) + ";";
        }
        return text;
      };
      const auto before = see();
      world.faulty.faults.fail_at(n);
      const bool followed = follow(world, next).has_value();
      const bool struck = world.faulty.faults.struck();
      world.faulty.faults.start();
      INFO("call " << n);
      REQUIRE(followed != struck);
      REQUIRE((see() == before) == struck);
      REQUIRE(world.leftovers() == "");
      if (!struck) break;
    }
  }
}

}  // namespace sluice::object

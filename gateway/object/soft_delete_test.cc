#include <catch2/catch.hpp>

#include "gateway/object/listing.h"
#include "gateway/object/purge.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using std::chrono::days;
using test::run;
using test::World;

const ObjectName kName{"photos", "key"};

struct Kept : World {
  UtcTime until() { return clock.now() + days(7); }

  Removal remove_kept(Snapshots snapshots = Snapshots::refuse) {
    RemoveRequest request{.key = "key"};
    request.snapshots = snapshots;
    request.kept_until = until();
    const auto removed = run(start_removal(std::move(request)));
    REQUIRE(removed);
    return *removed;
  }
  void put_kept(const std::string& text) {
    PutOptions options;
    options.conditions.kept_until = until();
    REQUIRE(put("key", text, options));
  }
  std::uint64_t snapshot() {
    const auto made = run(start_snapshot("key"));
    REQUIRE(made);
    return made->snapshot;
  }
  Result<ObjectInfo> undelete() { return run(objects.undelete(context, kName)); }
  std::string at(std::uint64_t revision) {
    OpenOptions options;
    options.which.snapshot = revision;
    return get("key", options).value_or("gone");
  }
  void pass(std::chrono::milliseconds time) { clock.set(clock.now() + time); }

  /// `text` sizes, with `s` for snapshots, `d` for what is soft deleted, `*` for what is or was current.
  std::vector<std::string> listed(bool only = false) {
    StateListOptions options{.prefix = {}, .delimiter = {}, .key_after = {}, .snapshots = true};
    options.deleted_at = clock.now();
    options.deleted_only = only;
    const auto page = run(list_states(faulty.backend(), context, "photos", options));
    REQUIRE(page);
    std::vector<std::string> texts;
    for (const auto& entry : page->entries) {
      std::string text = entry.name + ":" + std::to_string(entry.info.size);
      if (entry.info.snapshot != 0) text += "s";
      if (entry.info.soft_deleted) text += "d";
      if (entry.is_latest) text += "*";
      texts.push_back(text);
    }
    return texts;
  }
  void check_whole() {
    const auto [report, faults] = check();
    CHECK(faults.empty());
    CHECK(report.orphan_rows == 0);
  }
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("what is soft deleted is not there, and comes back as it was") {
  Kept world;
  const auto before = world.put("key", std::string(500, 'x')).value();

  const auto removed = world.remove_kept();

  CHECK(removed.removed);
  CHECK(removed.kept);
  CHECK_FALSE(removed.delete_marker);
  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
  CHECK_FALSE(run(world.objects.head(world.context, kName)).value());
  CHECK(world.list({})->entries.empty());
  CHECK(world.versions().empty());
  CHECK(world.listed() == Texts{"key:500d*"});
  world.reclaim();
  CHECK(world.extents.extent_count() == 1);
  world.check_whole();

  const auto back = world.undelete();

  REQUIRE(back);
  CHECK(back->revision_tag() == before.revision_tag());
  CHECK(world.get("key") == std::string(500, 'x'));
  CHECK(world.listed() == Texts{"key:500*"});
  world.check_whole();
}

TEST_CASE("what is soft deleted goes when it is due, and its bytes with it") {
  Kept world;
  REQUIRE(world.put("key", std::string(500, 'x')));
  world.snapshot();
  world.remove_kept(Snapshots::include);
  world.pass(days(7) - std::chrono::hours(2));
  world.reclaim();  // An hour passes.
  CHECK(world.listed() == Texts{"key:500sd", "key:500d*"});
  world.pass(std::chrono::hours(1));

  CHECK(world.listed().empty());
  CHECK(world.undelete().error().code == ErrorCode::no_such_object);
  world.reclaim();

  CHECK(world.extents.extent_count() == 0);
  world.check_whole();
  CHECK(run(world.start_remove_bucket("photos")));
}

TEST_CASE("what a put replaces is a snapshot that is soft deleted") {
  Kept world;
  world.put_kept("one");
  CHECK(world.listed() == Texts{"key:3*"});

  world.put_kept("second");
  world.put_kept("3");

  CHECK(world.listed() == Texts{"key:3sd", "key:6sd", "key:1*"});
  world.check_whole();
  REQUIRE(world.undelete());
  CHECK(world.listed() == Texts{"key:3s", "key:6s", "key:1*"});
  CHECK(world.get("key") == "3");
  world.check_whole();
}

TEST_CASE("what is put where an object was soft deleted does not hinder its coming back as a snapshot") {
  Kept world;
  world.put_kept("one");
  world.remove_kept();

  world.put_kept("second");

  CHECK(world.listed() == Texts{"key:3sd", "key:6*"});
  CHECK(world.remove_kept().kept);
  CHECK(world.listed() == Texts{"key:3sd", "key:6d*"});
  REQUIRE(world.undelete());
  CHECK(world.get("key") == "second");
  CHECK(world.listed() == Texts{"key:3s", "key:6*"});
  world.check_whole();
}

TEST_CASE("snapshots are soft deleted with their object, by themselves, and one by one") {
  Kept world;
  REQUIRE(world.put("key", "one"));
  const auto first = world.snapshot();
  const auto second = world.snapshot();
  RemoveRequest one{.key = "key"};
  one.which.snapshot = first;
  one.kept_until = world.until();

  CHECK(run(world.start_removal(one))->kept);
  CHECK(world.at(first) == "gone");
  CHECK(world.at(second) == "one");
  CHECK(world.listed() == Texts{"key:3sd", "key:3s", "key:3*"});
  CHECK(world.remove_kept(Snapshots::only).kept);
  CHECK(world.at(second) == "gone");
  CHECK(world.remove_kept().kept);
  CHECK(world.listed() == Texts{"key:3sd", "key:3sd", "key:3d*"});
  world.check_whole();

  REQUIRE(world.undelete());
  CHECK(world.at(first) == "one");
  CHECK(world.at(second) == "one");
  CHECK(world.get("key") == "one");
  world.check_whole();
}

TEST_CASE("a removal for good leaves what was soft deleted before, without an object to come back") {
  Kept world;
  world.put_kept("one");
  world.put_kept("second");

  REQUIRE(world.remove("key"));

  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
  CHECK(world.listed() == Texts{"key:3sd"});
  CHECK(world.undelete().error().code == ErrorCode::no_such_object);
  world.check_whole();
  world.pass(days(8));
  world.reclaim();
  CHECK(run(world.start_remove_bucket("photos")));
  world.check_whole();
}

TEST_CASE("a bucket stays while something in it is soft deleted, unless it is emptied out") {
  Kept world;
  REQUIRE(world.put("key", std::string(500, 'x')));
  world.snapshot();
  world.remove_kept(Snapshots::include);
  CHECK(run(world.start_remove_bucket("photos")).error().code == ErrorCode::bucket_not_empty);

  REQUIRE(
      run(purge(world.faulty.backend(), world.objects, world.buckets, world.context, "photos", {}, world.clock.now())));

  world.reclaim();
  CHECK(world.extents.extent_count() == 0);
  world.check_whole();
}

TEST_CASE("in a bucket with versions a removal puts its marker, and a version that is named is soft deleted") {
  Kept world;
  world.set_versioning(Versioning::enabled);
  const auto first = world.put("key", "one").value();
  REQUIRE(world.put("key", "second"));
  RemoveRequest request{.key = "key"};
  request.which.version = first.version();
  request.kept_until = world.until();
  REQUIRE(run(world.start_removal(request))->kept);

  CHECK(world.versions().size() == 1);
  CHECK(world.remove_kept().delete_marker);
  world.check_whole();
  CHECK(world.undelete().error().code == ErrorCode::no_such_object);
  REQUIRE(world.put("key", "third"));
  REQUIRE(world.undelete());
  CHECK(world.versions().size() == 4);
  OpenOptions options;
  options.which.version = first.version();
  CHECK(world.get("key", options) == "one");
  world.check_whole();
}

TEST_CASE("versions begin over what is soft deleted, and leave it be") {
  Kept world;
  world.put_kept("one");
  world.remove_kept();
  world.set_versioning(Versioning::enabled);

  REQUIRE(world.put("key", "second"));
  CHECK(world.versions().size() == 1);
  REQUIRE(world.remove("key"));
  CHECK(world.versions().size() == 2);
  world.check_whole();
  for (const auto& entry : world.versions()) REQUIRE(world.remove_version("key", entry.info.version()));

  CHECK(world.versions().empty());
  CHECK(world.listed() == Texts{"key:3sd"});
  world.check_whole();
}

TEST_CASE("pages of states tell of what is soft deleted once each") {
  Kept world;
  for (const char* text : {"1", "22", "333", "4444"}) world.put_kept(text);
  world.remove_kept();
  const auto all = world.listed(true);
  REQUIRE(all.size() == 4);
  REQUIRE(world.put("other", "x"));
  CHECK(world.listed(true) == all);

  for (std::size_t limit = 1; limit <= 5; ++limit) {
    StateListOptions options{.prefix = {}, .delimiter = {}, .key_after = {}, .limit = limit, .snapshots = true};
    options.deleted_at = world.clock.now();
    std::vector<std::uint64_t> sizes;
    for (;;) {
      const auto page = run(list_states(world.faulty.backend(), world.context, "photos", options)).value();
      for (const auto& entry : page.entries) sizes.push_back(entry.info.size);
      if (!page.truncated) break;
      options.key_after = page.entries.back().name;
      options.age_after = age_of(page.entries.back());
    }
    CHECK(sizes == std::vector<std::uint64_t>{1, 2, 3, 4, 1});
  }
}

TEST_CASE("a failure on the way leaves a removal, its coming back and its end undone or done") {
  for (std::uint64_t n = 1;; ++n) {
    Kept world;
    REQUIRE(world.put("key", std::string(500, 'x')));
    world.faulty.faults.fail_at(n);
    RemoveRequest request{.key = "key"};
    request.kept_until = world.until();
    const bool removed = run(world.start_removal(request)).has_value();
    const bool back = removed && world.undelete().has_value();
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();

    world.check_whole();
    if (removed && !back) REQUIRE(world.undelete());
    CHECK(world.get("key") == std::string(500, 'x'));
    CHECK((back || struck));
    if (!struck) break;
  }
}

TEST_CASE("a failure of the reclaimer leaves what is due for its next try") {
  for (std::uint64_t n = 1;; ++n) {
    Kept world;
    REQUIRE(world.put("key", std::string(500, 'x')));
    world.remove_kept();
    world.pass(days(7));
    world.faulty.faults.fail_at(n);
    for (int i = 0; i < 3; ++i) static_cast<void>(run(world.reclaimer.run_once()));
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();

    world.check_whole();
    world.reclaim();
    CHECK(world.extents.extent_count() == 0);
    CHECK(run(world.start_remove_bucket("photos")));
    if (!struck) break;
  }
}

}  // namespace sluice::object

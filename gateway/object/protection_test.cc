#include "gateway/object/protection.h"

#include <catch2/catch.hpp>

#include "gateway/object/catalog.h"
#include "gateway/object/purge.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using std::chrono::days;
using std::chrono::hours;
using test::run;
using test::World;

const ObjectName kName{"photos", "key"};

/// A world whose bucket has object lock.
struct Locked : World {
  explicit Locked(std::uint64_t extent_length_max = 1 << 20) : World(extent_length_max) { set_lock({.enabled = true}); }

  void set_lock(const ObjectLock& lock) {
    REQUIRE(change([&](BucketSettings& settings) {
      settings.versioning = Versioning::enabled;
      settings.object_lock = lock;
    }));
  }
  Result<BucketInfo> change(const std::function<void(BucketSettings&)>& edit) {
    return run(buckets.change(context, "photos", [&](BucketSettings& settings) -> Result<> {
      edit(settings);
      return done;
    }));
  }
  Retention governance(std::chrono::milliseconds time) {
    return {.mode = RetentionMode::governance, .until = clock.now() + time};
  }
  Retention compliance(std::chrono::milliseconds time) {
    return {.mode = RetentionMode::compliance, .until = clock.now() + time};
  }
  Result<ObjectInfo> retain(const Which& which, const Retention& retention, Bypass bypass = Bypass::no) {
    ProtectionChange change{.which = which, .retention = retention, .bypass = bypass};
    return run(objects.protect(context, kName, change));
  }
  Result<ObjectInfo> hold(const Which& which, LegalHold legal_hold = LegalHold::on) {
    ProtectionChange change{.which = which, .legal_hold = legal_hold};
    return run(objects.protect(context, kName, change));
  }
  Result<Removal> remove_state(const Which& which, Bypass bypass = Bypass::no) {
    RemoveRequest request{.key = "key", .which = which, .bypass = bypass};
    return run(start_removal(std::move(request)));
  }
  Protection protection(const Which& which = {}) {
    OpenOptions options;
    options.which = which;
    return run(objects.stat(context, kName, options)).value().info.protection;
  }
  void pass(std::chrono::milliseconds time) { clock.set(clock.now() + time); }
};

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::internal : result.error().code;
}

Which version(const ObjectInfo& info) { return {.version = VersionId{info.revision}}; }

}  // namespace

TEST_CASE("a version that is retained is not removed until the time has come, but its key is") {
  Locked world;
  const auto made = world.put("key", "meow").value();
  REQUIRE(world.retain({}, world.compliance(days(1))));

  CHECK(code_of(world.remove_state(version(made))) == ErrorCode::retained);
  CHECK(code_of(world.remove_state(version(made), Bypass::governance)) == ErrorCode::retained);
  REQUIRE(world.put("key", "woof"));
  REQUIRE(world.remove("key"));
  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
  CHECK(code_of(world.remove_state(version(made))) == ErrorCode::retained);
  CHECK(world.leftovers() == "");
  world.pass(days(1));
  CHECK(world.remove_state(version(made))->removed);
  CHECK(world.leftovers() == "");
}

TEST_CASE("retention in governance mode is passed by by whoever may") {
  Locked world;
  const auto made = world.put("key", "meow").value();
  REQUIRE(world.retain({}, world.governance(days(1))));

  CHECK(code_of(world.remove_state(version(made))) == ErrorCode::retained);
  CHECK(world.remove_state(version(made), Bypass::governance)->removed);
}

TEST_CASE("a legal hold keeps a version until it is taken off, whatever is retained") {
  Locked world;
  const auto made = world.put("key", "meow").value();
  REQUIRE(world.retain({}, world.governance(days(1))));
  REQUIRE(world.hold({}));
  world.pass(days(2));

  CHECK(code_of(world.remove_state(version(made), Bypass::governance)) == ErrorCode::held);
  REQUIRE(world.hold(version(made), LegalHold::off));
  CHECK(world.protection().legal_hold == LegalHold::off);
  CHECK(world.remove_state(version(made))->removed);
}

TEST_CASE("a retention that lasts becomes no less firm") {
  struct Change {
    RetentionMode from, to;
    int hours_after;
    Bypass bypass;
    bool is_taken;
  };
  const auto change = GENERATE(values<Change>({
      {RetentionMode::governance, RetentionMode::governance, 1, Bypass::no, true},
      {RetentionMode::governance, RetentionMode::governance, 0, Bypass::no, true},
      {RetentionMode::governance, RetentionMode::governance, -1, Bypass::no, false},
      {RetentionMode::governance, RetentionMode::governance, -1, Bypass::governance, true},
      {RetentionMode::governance, RetentionMode::compliance, 1, Bypass::no, false},
      {RetentionMode::governance, RetentionMode::compliance, 1, Bypass::governance, true},
      {RetentionMode::governance, RetentionMode::none, 0, Bypass::no, false},
      {RetentionMode::governance, RetentionMode::none, 0, Bypass::governance, true},
      {RetentionMode::compliance, RetentionMode::compliance, 1, Bypass::no, true},
      {RetentionMode::compliance, RetentionMode::compliance, -1, Bypass::governance, false},
      {RetentionMode::compliance, RetentionMode::governance, 1, Bypass::governance, false},
      {RetentionMode::compliance, RetentionMode::none, 0, Bypass::governance, false},
  }));
  Locked world;
  REQUIRE(world.put("key", "meow"));
  const Retention before{.mode = change.from, .until = world.clock.now() + days(1)};
  Retention after;
  if (change.to != RetentionMode::none) after = {change.to, before.until + hours(change.hours_after)};
  REQUIRE(world.retain({}, before));

  const auto changed = world.retain({}, after, change.bypass);

  CHECK(changed.has_value() == change.is_taken);
  if (!change.is_taken) CHECK(code_of(changed) == ErrorCode::retained);
  CHECK(world.protection().retention == (change.is_taken ? after : before));
  world.pass(days(2));
  CHECK(world.retain({}, world.governance(hours(1))));
}

TEST_CASE("a retention begins in the future, and protecting changes nothing else") {
  Locked world;
  const auto made = world.put("key", "meow").value();
  world.pass(hours(1));

  CHECK(code_of(world.retain({}, world.governance(hours(0)))) == ErrorCode::invalid_argument);
  const auto changed = world.retain({}, world.governance(hours(1)));
  REQUIRE(changed);
  CHECK(changed->revision == made.revision);
  CHECK(changed->last_revision() == made.last_revision());
  CHECK(changed->modified == made.modified);
}

TEST_CASE("new objects are protected as their writers say, else as the bucket is set") {
  Locked world;
  world.set_lock({.enabled = true, .mode = RetentionMode::governance, .days = 3});
  PutOptions asked;
  asked.protection = {.retention = world.compliance(days(1)), .legal_hold = LegalHold::on};
  UploadOptions upload;
  upload.protection = asked.protection;

  SECTION("put") {
    REQUIRE(world.put("key", "meow", asked));
    CHECK(world.protection() == asked.protection);
    REQUIRE(world.put("key", "meow"));
    CHECK(world.protection() == Protection{.retention = world.governance(days(3))});
  }
  SECTION("upload") {
    const auto id = world.begin("key", upload);
    REQUIRE(world.stage("key", id, 1, "part"));
    world.pass(days(2));
    REQUIRE(world.commit("key", id, {1}));
    CHECK(world.protection() == asked.protection);
  }
  SECTION("copy") {
    REQUIRE(world.put("from", "meow", asked));
    REQUIRE(world.copy("from", "key"));
    CHECK(world.protection() == Protection{.retention = world.governance(days(3))});
    CopyOptions options;
    options.protection = asked.protection;
    REQUIRE(world.copy("from", "key", options));
    CHECK(world.protection() == asked.protection);
  }
  SECTION("append and page objects") {
    REQUIRE(world.create_append("key", asked));
    CHECK(world.protection() == asked.protection);
    REQUIRE(run(world.pages.create(world.context, kName, asked, 512, 0)));
    CHECK(world.protection() == asked.protection);
  }
  SECTION("a delete marker is not") {
    REQUIRE(world.remove("key"));
    CHECK(world.leftovers() == "");
  }
  CHECK(world.leftovers() == "");
}

TEST_CASE("a default of years is of the calendar's") {
  const UtcTime leap_day = std::chrono::sys_days(std::chrono::year(2028) / 2 / 29) + hours(5);
  const ObjectLock lock{.enabled = true, .mode = RetentionMode::compliance, .years = 1};

  CHECK(lock.initial(leap_day).until == UtcTime(std::chrono::sys_days(std::chrono::year(2029) / 3 / 1) + hours(5)));
  CHECK(ObjectLock{.enabled = true}.initial(leap_day) == Retention{});
}

TEST_CASE("a bucket without object lock protects nothing") {
  Locked locked;  // For its helpers; the bucket is another one.
  World& world = locked;
  REQUIRE(run(world.buckets.create(world.context, "plain", "alice")));
  PutOptions options;
  options.protection.legal_hold = LegalHold::on;
  UploadOptions upload;
  upload.protection.legal_hold = LegalHold::on;
  const ObjectName name{"plain", "key"};

  CHECK(code_of(run(world.start_put("key", "meow", options, "plain"))) == ErrorCode::no_object_lock);
  CHECK(code_of(run(world.uploads.begin(world.context, name, upload))) == ErrorCode::no_object_lock);
  REQUIRE(run(world.start_put("key", "meow", {}, "plain")));
  const ProtectionChange change{.legal_hold = LegalHold::on};
  CHECK(code_of(run(world.objects.protect(world.context, name, change))) == ErrorCode::no_object_lock);
  CHECK(world.leftovers() == "");
}

TEST_CASE("object lock needs versioning, and neither is taken back") {
  Locked world;

  CHECK(code_of(world.change([](auto& settings) { settings.versioning = Versioning::suspended; })) ==
        ErrorCode::bucket_state_clash);
  CHECK(code_of(world.change([](auto& settings) { settings.object_lock = {}; })) == ErrorCode::bucket_state_clash);
  BucketSettings settings;
  settings.object_lock.enabled = true;
  CHECK(code_of(run(world.buckets.create(world.context, "other", "alice", settings))) == ErrorCode::bucket_state_clash);
  CHECK(world.change([](auto& changed) { changed.acl = "acl"; }));
}

TEST_CASE("what is protected is not written in place, but its tags and tier are") {
  Locked world;
  const auto kind = GENERATE(ObjectKind::block, ObjectKind::append, ObjectKind::page);
  if (kind == ObjectKind::block) REQUIRE(world.put("key", "meow"));
  if (kind == ObjectKind::append) REQUIRE(world.create_append("key"));
  if (kind == ObjectKind::page) REQUIRE(run(world.pages.create(world.context, kName, {}, 1024, 0)));
  REQUIRE(world.hold({}));
  const Objects::Edit edit = [](ObjectInfo& info) -> Result<> {
    info.tags = {{"a", "b"}};
    return done;
  };

  CHECK(code_of(run(world.objects.change(world.context, kName, {.revises = true}, edit))) == ErrorCode::held);
  CHECK(run(world.objects.change(world.context, kName, {}, edit)));
  if (kind == ObjectKind::append) {
    CHECK(code_of(world.append("key", "more")) == ErrorCode::held);
    CHECK(code_of(run(world.appends.seal(world.context, kName, {}, {}))) == ErrorCode::held);
  }
  if (kind == ObjectKind::page) {
    CHECK(code_of(run(world.pages.clear(world.context, kName, {}, {0, 512}))) == ErrorCode::held);
    CHECK(code_of(run(world.pages.resize(world.context, kName, {}, 512))) == ErrorCode::held);
    CHECK(code_of(run(world.pages.set_sequence(world.context, kName, {}, SequenceAct::increment, 0))) ==
          ErrorCode::held);
  }
  CHECK(world.leftovers() == "");
}

TEST_CASE("a snapshot is protected by itself, and keeps what it belongs to from being removed with it") {
  Locked world;
  REQUIRE(world.put("key", "meow"));
  REQUIRE(world.hold({}));
  const auto snapshot = run(world.start_snapshot("key")).value();
  const Which which{.snapshot = snapshot.snapshot};
  CHECK(world.protection(which) == Protection{});
  REQUIRE(world.hold(which));

  CHECK(code_of(world.remove_state(which)) == ErrorCode::held);
  RemoveRequest request{.key = "key"};
  request.snapshots = GENERATE(Snapshots::include, Snapshots::only);
  CHECK(code_of(run(world.start_removal(request))) == ErrorCode::held);
  CHECK(world.get("key") == "meow");
  REQUIRE(world.hold(which, LegalHold::off));
  CHECK(run(world.start_removal(request))->removed);
  CHECK(world.leftovers() == "");
}

TEST_CASE("what is protected is not soft deleted either") {
  Locked world;
  const auto first = world.put("key", "one").value();
  REQUIRE(world.hold({}));
  REQUIRE(world.put("key", "two"));
  RemoveRequest request{.key = "key"};
  request.which = version(first);
  request.kept_until = world.clock.now() + days(7);

  CHECK(code_of(run(world.start_removal(request))) == ErrorCode::held);
  REQUIRE(world.hold(version(first), LegalHold::off));
  CHECK(run(world.start_removal(request))->kept);
  CHECK(world.check().first.faults == 0);
}

TEST_CASE("of many removals those of what is protected fail, and the others do not") {
  Locked world;
  const auto first = world.put("key", "one").value();
  const auto other = world.put("other", "two").value();
  REQUIRE(world.hold({}));
  const std::vector<RemoveRequest> requests{{.key = "key", .which = version(first)},
                                            {.key = "other", .which = version(other)}};
  const std::string bucket = "photos";

  const auto removed = run(world.objects.remove(world.context, bucket, requests)).value();

  CHECK(code_of(removed.at(0)) == ErrorCode::held);
  CHECK(removed.at(1)->removed);
  CHECK(world.get("key") == "one");
}

TEST_CASE("a version from before there were versions is protected as others are") {
  World plain;
  REQUIRE(plain.put("key", "old"));
  plain.set_versioning(Versioning::enabled);
  REQUIRE(run(plain.buckets.change(plain.context, "photos", [](BucketSettings& settings) -> Result<> {
    settings.object_lock.enabled = true;
    return done;
  })));
  REQUIRE(plain.put("key", "new"));
  const Which null{.version = VersionId::null};
  const ProtectionChange change{.which = null, .legal_hold = LegalHold::on};

  REQUIRE(run(plain.objects.protect(plain.context, kName, change)));

  CHECK(code_of(plain.remove_version("key", VersionId::null)) == ErrorCode::held);
  CHECK(plain.leftovers() == "");
}

TEST_CASE("a bucket with object lock is removed when it is empty, and is not emptied out") {
  Locked world;
  const auto made = world.put("key", "meow").value();
  const auto purged = [&] {
    return run(
        purge(world.faulty.backend(), world.objects, world.buckets, world.context, "photos", {}, world.clock.now()));
  };

  CHECK(code_of(purged()) == ErrorCode::bucket_not_empty);
  CHECK(world.get("key") == "meow");
  REQUIRE(world.remove_state(version(made)));
  CHECK(purged());
}

TEST_CASE("a check finds what is protected where nothing can be, and what should have been kept") {
  Locked world;
  REQUIRE(world.put("key", "meow"));
  REQUIRE(world.hold({}));
  const auto rewrite = [&](const std::string& key, auto edit) {
    const auto transaction = world.index.begin();
    Catalog rows(*transaction);
    edit(rows, key);
    REQUIRE(run(transaction->commit()));
  };

  rewrite(bucket_key("photos"), [](Catalog& rows, const std::string& key) {
    auto record = run(rows.get<BucketRecord>(key)).value().value();
    record.settings.object_lock = {};
    rows.put(key, record);
  });

  const auto [report, faults] = world.check();
  CHECK(report.faults == 1);
  CHECK(faults == std::vector<std::string>{"photos/key: is protected in a bucket without object lock"});
}

}  // namespace sluice::object

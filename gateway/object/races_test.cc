#include <catch2/catch.hpp>
#include <functional>
#include <memory>

#include "gateway/object/install.h"
#include "gateway/object/objects.h"
#include "gateway/object/pages.h"
#include "gateway/object/uploads.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

// One operation is interrupted by another before every one of its calls to the
// backend in turn: all the places where the other may come in between.

namespace sluice::object {
namespace {

using test::run;
using test::World;

const std::string kLong(300, 'l');
const std::string kOther(300, 'o');

PutOptions if_none_match_any() {
  PutOptions options;
  options.conditions.if_none_match = TagCondition{.any = true, .tags = {}};
  return options;
}

struct Race {
  std::function<void(World&)> prepare;
  std::function<void(World&)> operate;
  std::function<Awaitable<>(World&)> interrupt;
  std::function<void(World&)> check;  ///< What must hold, whenever the other came.
};

/// The race with the other coming before the n-th call; false if there is no such call.
bool is_run_before(std::uint64_t n, const Race& race, World& world) {
  race.prepare(world);
  world.faulty.faults.interrupt_at(n, [&] { return race.interrupt(world); });
  race.operate(world);
  const bool struck = world.faulty.faults.struck();
  world.faulty.faults.start();
  if (!struck) return false;
  INFO("before call " << n);
  race.check(world);
  CHECK(world.leftovers() == "");
  return true;
}

void run_race(const Race& race, std::uint64_t stride = 1) {
  for (std::uint64_t n = 1;; n += n < 40 ? 1 : stride) {
    World world(/*extent_length_max=*/128);
    if (!is_run_before(n, race, world)) break;
  }
}

template <class T>
Awaitable<> into(Task<T> task, std::optional<Result<T>>& result) {
  result = co_await std::move(task);
}

// A put that has got the rows it decides from, and waits before its commit.
class HalfPut {
 public:
  explicit HalfPut(World& world) : transaction_(world.faulty.backend().index.begin()), now_(world.clock.now()) {}

  Awaitable<> begin() {
    Catalog rows(*transaction_);
    References references;
    ObjectRecord record;
    record.info.md5 = std::string(16, 'm');
    if (!co_await claim_bucket(rows, name_.bucket)) co_return;
    ready_ = (co_await install(rows, references, now_, name_, {}, {}, record)).has_value();
  }

  Awaitable<> end() {
    if (ready_) committed = (co_await transaction_->commit()).has_value();
  }

  bool committed = false;

 private:
  const ObjectName name_{"photos", "half"};
  std::unique_ptr<Transaction> transaction_;
  UtcTime now_;
  bool ready_ = false;
};

// Clears away what is garbage, as the reclaimer of another process would.
Awaitable<> reclaim_elsewhere(World& world) {
  Reclaimer other(world.faulty.backend(), world.log, world.clock);
  for (int round = 0; round < 10; ++round) (void)co_await other.run_once();
}

}  // namespace

TEST_CASE("of two puts that must be the first, one is") {
  std::optional<Result<ObjectInfo>> one;
  std::optional<Result<ObjectInfo>> two;
  const auto text = GENERATE_COPY(std::string("meow"), kLong);
  run_race({.prepare = [](World&) {},
            .operate = [&](World& world) { one = world.put("key", text, if_none_match_any()); },
            .interrupt = [&](World& world) { return into(world.start_put("key", kOther, if_none_match_any()), two); },
            .check =
                [&](World& world) {
                  REQUIRE(one->has_value() != two->has_value());
                  const auto& lost = *one ? *two : *one;
                  CHECK(lost.error().code == ErrorCode::precondition_failed);
                  CHECK(world.get("key") == (*one ? text : kOther));
                }});
}

TEST_CASE("of two puts of one key the last to commit stays, whole") {
  std::optional<Result<ObjectInfo>> one;
  std::optional<Result<ObjectInfo>> two;
  run_race({.prepare = [](World& world) { REQUIRE(world.put("key", "old")); },
            .operate = [&](World& world) { one = world.put("key", kLong); },
            .interrupt = [&](World& world) { return into(world.start_put("key", kOther), two); },
            .check =
                [&](World& world) {
                  CHECK(one->has_value());
                  CHECK(two->has_value());
                  CHECK(world.get("key") == kLong);
                  CHECK((*one)->revision > (*two)->revision);
                }});
}

TEST_CASE("no object is ever in a bucket that is gone, when a removal comes into a put") {
  std::optional<Result<ObjectInfo>> put;
  std::optional<Result<>> removal;
  run_race({.prepare = [](World&) {},
            .operate = [&](World& world) { put = world.put("key", kLong); },
            .interrupt = [&](World& world) { return into(world.start_remove_bucket("photos"), removal); },
            .check =
                [&](World& world) {
                  REQUIRE(put->has_value() != removal->has_value());
                  if (*removal) CHECK(put->error().code == ErrorCode::no_such_bucket);
                  if (*put) CHECK(removal->error().code == ErrorCode::bucket_not_empty);
                  if (*put) CHECK(world.get("key") == kLong);
                }});
}

TEST_CASE("no object is ever in a bucket that is gone, when a put comes into a removal") {
  std::optional<Result<ObjectInfo>> put;
  std::optional<Result<>> removal;
  run_race({.prepare = [](World&) {},
            .operate = [&](World& world) { removal = run(world.start_remove_bucket("photos")); },
            .interrupt = [&](World& world) { return into(world.start_put("key", "meow"), put); },
            .check =
                [&](World& world) {
                  REQUIRE(put->has_value());
                  CHECK(removal->error().code == ErrorCode::bucket_not_empty);
                  CHECK(world.get("key") == "meow");
                }});
}

TEST_CASE("no object is ever in a bucket that is gone, though two puts come into its removal") {
  for (std::uint64_t i = 1; i <= 6; ++i) {
    for (std::uint64_t j = i + 1; j <= 7; ++j) {
      World world;
      HalfPut half(world);
      std::optional<Result<ObjectInfo>> put;
      std::optional<Result<>> removed;
      const auto visit = [&](std::uint64_t n) -> Awaitable<> {
        if (n == i) {
          co_await into(world.start_put("key", "meow"), put);
          co_await into(world.start_remove("key"), removed);
          co_await half.begin();
        }
        if (n == j) co_await half.end();
      };
      world.faulty.faults.visit_each(visit);
      const auto removal = run(world.start_remove_bucket("photos"));
      world.faulty.faults.start();

      INFO("before calls " << i << " and " << j);
      CHECK_FALSE((removal.has_value() && half.committed));
      CHECK(world.leftovers() == "");
    }
  }
}

TEST_CASE("a bucket that is removed under an upload takes it along") {
  std::string upload_id;
  std::optional<Result<PartInfo>> part;
  std::optional<Result<>> removal;
  run_race({.prepare = [&](World& world) { upload_id = world.begin("key"); },
            .operate = [&](World& world) { part = world.stage("key", upload_id, 1, "part"); },
            .interrupt = [&](World& world) { return into(world.start_remove_bucket("photos"), removal); },
            .check =
                [&](World& world) {
                  CHECK(removal->has_value());
                  world.reclaim();
                  CHECK(world.extents.extent_count() == 0);
                }});
}

TEST_CASE("a copy whose source is removed meanwhile is whole or not at all") {
  std::optional<Result<ObjectInfo>> copy;
  std::optional<Result<>> removal;
  const auto check = [&](World& world) {
    CHECK(removal->has_value());
    world.reclaim();
    if (*copy) CHECK(world.get("to") == kLong);
    if (!*copy) CHECK(copy->error().code == ErrorCode::no_such_object);
  };
  run_race({.prepare = [](World& world) { REQUIRE(world.put("from", kLong)); },
            .operate = [&](World& world) { copy = world.copy("from", "to"); },
            .interrupt = [&](World& world) { return into(world.start_remove("from"), removal); },
            .check = check});
}

TEST_CASE("a copy that computes a checksum is of one source, though it is replaced meanwhile") {
  std::optional<Result<ObjectInfo>> copy;
  std::optional<Result<ObjectInfo>> put;
  CopyOptions options;
  options.checksum = DigestAlgorithm::sha1;
  run_race({.prepare = [](World& world) { REQUIRE(world.put("from", "meow")); },
            .operate = [&](World& world) { copy = world.copy("from", "to", options); },
            .interrupt = [&](World& world) { return into(world.start_put("from", "woof"), put); },
            .check =
                [&](World& world) {
                  REQUIRE(copy->has_value());
                  const auto text = world.get("to");
                  CHECK((*copy)->checksum->digest == digest_of(DigestAlgorithm::sha1, *text));
                }});
}

TEST_CASE("a removal that a copy comes into leaves the copy whole") {
  std::optional<Result<ObjectInfo>> copy;
  std::optional<Result<>> removal;
  run_race({.prepare = [](World& world) { REQUIRE(world.put("from", kLong)); },
            .operate = [&](World& world) { removal = world.remove("from"); },
            .interrupt = [&](World& world) { return into(world.start_copy("from", "to"), copy); },
            .check =
                [&](World& world) {
                  CHECK(removal->has_value());
                  REQUIRE(copy->has_value());
                  CHECK(world.get("from").error().code == ErrorCode::no_such_object);
                  CHECK(world.get("to") == kLong);
                }});
}

TEST_CASE("a copy of many parts whose source is removed meanwhile is whole or not at all") {
  std::optional<Result<ObjectInfo>> copy;
  std::optional<Result<>> removal;
  run_race({.prepare = [](World& world) { world.put_parts("from", 400); },
            .operate =
                [&](World& world) {
                  REQUIRE(world.row_count("m") > 1);
                  copy = world.copy("from", "to");
                },
            .interrupt = [&](World& world) { return into(world.start_remove("from"), removal); },
            .check =
                [&](World& world) {
                  CHECK(removal->has_value());
                  world.reclaim();
                  if (*copy) CHECK(world.get("to") == test::parts_text(400));
                  if (!*copy) CHECK(copy->error().code == ErrorCode::no_such_object);
                }},
           /*stride=*/7);
}

TEST_CASE("a copy whose source is cleared away by another process meanwhile is whole or not at all") {
  std::optional<Result<ObjectInfo>> copy;
  std::optional<Result<>> removal;
  const std::uint32_t count = GENERATE(3U, 400U);
  run_race({.prepare = [&](World& world) { world.put_parts("from", count); },
            .operate = [&](World& world) { copy = world.copy("from", "to"); },
            .interrupt = [&](World& world) -> Awaitable<> {
              co_await into(world.start_remove("from"), removal);
              co_await reclaim_elsewhere(world);
            },
            .check =
                [&](World& world) {
                  world.reclaim();
                  if (*copy) CHECK(world.get("to") == test::parts_text(count));
                  if (!*copy) CHECK(copy->error().code == ErrorCode::no_such_object);
                }},
           /*stride=*/7);
}

TEST_CASE("a part copied from an object that is removed meanwhile is whole or not at all") {
  std::string upload_id;
  std::optional<Result<PartInfo>> part;
  std::optional<Result<>> removal;
  run_race({.prepare =
                [&](World& world) {
                  REQUIRE(world.put("from", kLong));
                  upload_id = world.begin("key");
                },
            .operate =
                [&](World& world) {
                  part = run(world.uploads.stage_copy(world.context, {"photos", "key"}, upload_id, 1,
                                                      {"photos", "from"}, {}, ByteRange{100, 150}));
                },
            .interrupt = [&](World& world) { return into(world.start_remove("from"), removal); },
            .check =
                [&](World& world) {
                  world.reclaim();
                  if (!*part) CHECK(part->error().code == ErrorCode::no_such_object);
                  if (*part) REQUIRE(world.commit("key", upload_id, {1}));
                  if (*part) CHECK(world.get("key") == kLong.substr(100, 150));
                }});
}

TEST_CASE("of a commit and an abandonment one wins") {
  std::string upload_id;
  std::optional<Result<ObjectInfo>> commit;
  std::optional<Result<>> abandoned;
  const std::uint32_t count = GENERATE(2U, 120U);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 1; number <= count; ++number) numbers.push_back(number);
  const auto prepare = [&](World& world) {
    upload_id = world.begin("key");
    for (const auto number : numbers) REQUIRE(world.stage("key", upload_id, number, "part"));
  };
  const auto check = [&](World& world) {
    REQUIRE(commit->has_value() != abandoned->has_value());
    if (*commit) CHECK(abandoned->error().code == ErrorCode::no_such_upload);
    if (*abandoned) CHECK(commit->error().code == ErrorCode::no_such_upload);
    world.reclaim();
    CHECK(world.extents.extent_count() == (*commit ? count : 0));
  };
  run_race({.prepare = prepare,
            .operate = [&](World& world) { commit = world.commit("key", upload_id, numbers); },
            .interrupt = [&](World& world) { return into(world.start_abandon("key", upload_id), abandoned); },
            .check = check},
           /*stride=*/37);
  run_race({.prepare = prepare,
            .operate = [&](World& world) { abandoned = world.abandon("key", upload_id); },
            .interrupt = [&](World& world) { return into(world.start_commit("key", upload_id, numbers), commit); },
            .check = check});
}

TEST_CASE("of two commits of an upload one makes the object, and both tell of it") {
  std::string upload_id;
  std::optional<Result<ObjectInfo>> one;
  std::optional<Result<ObjectInfo>> two;
  const std::uint32_t count = GENERATE(2U, 120U);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 1; number <= count; ++number) numbers.push_back(number);
  run_race({.prepare =
                [&](World& world) {
                  upload_id = world.begin("key");
                  for (const auto number : numbers) REQUIRE(world.stage("key", upload_id, number, "part"));
                },
            .operate = [&](World& world) { one = world.commit("key", upload_id, numbers); },
            .interrupt = [&](World& world) { return into(world.start_commit("key", upload_id, {1}), two); },
            .check =
                [&](World& world) {
                  REQUIRE(one->has_value());
                  REQUIRE(two->has_value());
                  CHECK((*one)->revision == (*two)->revision);
                  CHECK(world.get("key") == "part");
                }},
           /*stride=*/37);
}

TEST_CASE("a part staged during a commit is in the object or refused, and never lost half") {
  std::string upload_id;
  std::optional<Result<ObjectInfo>> commit;
  std::optional<Result<PartInfo>> part;
  const std::uint32_t count = GENERATE(2U, 120U);
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t number = 1; number <= count; ++number) numbers.push_back(number);
  run_race({.prepare =
                [&](World& world) {
                  upload_id = world.begin("key");
                  for (const auto number : numbers) REQUIRE(world.stage("key", upload_id, number, "part"));
                },
            .operate = [&](World& world) { commit = world.commit("key", upload_id, numbers); },
            .interrupt = [&](World& world) { return into(world.start_stage("key", upload_id, 2, "late"), part); },
            .check =
                [&](World& world) {
                  REQUIRE(commit->has_value());
                  const auto text = world.get("key").value();
                  CHECK(text.substr(4, 4) == (*part ? "late" : "part"));
                  world.reclaim();
                  CHECK(world.extents.extent_count() == count);
                }},
           /*stride=*/37);
}

TEST_CASE("a staging that a commit or abandonment comes into is refused or in time") {
  std::string upload_id;
  std::optional<Result<ObjectInfo>> commit;
  std::optional<Result<PartInfo>> part;
  run_race({.prepare =
                [&](World& world) {
                  upload_id = world.begin("key");
                  REQUIRE(world.stage("key", upload_id, 1, "part"));
                },
            .operate = [&](World& world) { part = world.stage("key", upload_id, 1, "late"); },
            .interrupt = [&](World& world) { return into(world.start_commit("key", upload_id, {1}), commit); },
            .check =
                [&](World& world) {
                  REQUIRE(commit->has_value());
                  CHECK(part->error().code == ErrorCode::no_such_upload);
                  CHECK(world.get("key") == "part");
                }});
}

TEST_CASE("a get during a replacement gives the old or the new, whole") {
  std::optional<Result<ObjectInfo>> put;
  std::string read;
  const auto old_text = GENERATE_COPY(std::string("meow"), kLong);
  const auto new_text = GENERATE_COPY(std::string("woof"), kOther);
  run_race({.prepare = [&](World& world) { REQUIRE(world.put("key", old_text)); },
            .operate = [&](World& world) { read = world.get("key").value(); },
            .interrupt = [&](World& world) -> Awaitable<> {
              co_await into(world.start_put("key", new_text), put);
              (void)co_await world.reclaimer.run_once();
              (void)co_await world.reclaimer.run_once();
            },
            .check = [&](World&) { CHECK((read == old_text || read == new_text)); }});
}

TEST_CASE("a get of parts during a replacement gives the old or the new, whole") {
  std::optional<Result<ObjectInfo>> put;
  std::string read;
  run_race({.prepare = [&](World& world) { world.put_parts("key", 5); },
            .operate = [&](World& world) { read = world.get("key").value(); },
            .interrupt = [&](World& world) -> Awaitable<> {
              co_await into(world.start_put("key", kOther), put);
              for (int round = 0; round < 5; ++round) (void)co_await world.reclaimer.run_once();
            },
            .check = [&](World&) { CHECK((read == test::parts_text(5) || read == kOther)); }});
}

TEST_CASE("a reclaimer that another process's comes into takes nothing twice") {
  run_race({.prepare =
                [](World& world) {
                  REQUIRE(world.put("key", kLong));
                  REQUIRE(world.copy("key", "copy"));
                  world.put_parts("from", 3);
                  REQUIRE(world.copy("from", "parts"));
                  const auto upload_id = world.begin("upload");
                  REQUIRE(world.stage("upload", upload_id, 1, kLong));
                  REQUIRE(world.abandon("upload", upload_id));
                  REQUIRE(world.remove("key"));
                  REQUIRE(world.remove("from"));
                },
            .operate = [](World& world) { (void)run(world.reclaimer.run_once()); },
            .interrupt = [](World& world) { return reclaim_elsewhere(world); },
            .check =
                [](World& world) {
                  world.reclaim();
                  CHECK(world.get("copy") == kLong);
                  CHECK(world.get("parts") == test::parts_text(3));
                }});
}

TEST_CASE("many puts, copies and removals of few keys at once end in a sound store") {
  World world(/*extent_length_max=*/128);
  std::vector<std::function<Awaitable<>()>> tasks;
  std::vector<std::unique_ptr<std::optional<Result<ObjectInfo>>>> results;
  for (int i = 0; i < 20; ++i) {
    auto* result = results.emplace_back(std::make_unique<std::optional<Result<ObjectInfo>>>()).get();
    const auto key = "key" + std::to_string(i % 3);
    tasks.emplace_back([&world, key, result] { return into(world.start_put(key, kLong), *result); });
    auto* copied = results.emplace_back(std::make_unique<std::optional<Result<ObjectInfo>>>()).get();
    tasks.emplace_back([&world, key, copied] { return into(world.start_copy("key0", key), *copied); });
  }
  world.faulty.faults.yield();

  test::run_together(std::move(tasks));

  world.faulty.faults.start();
  for (const auto& result : results) {
    REQUIRE(*result);
    // A copy may have come before the first put of its source.
    if (!**result) CHECK((*result)->error().code == ErrorCode::no_such_object);
  }
  CHECK(world.get("key0") == kLong);
  CHECK(world.leftovers() == "");
}

TEST_CASE("of two puts in a versioned bucket both stay, whichever comes first") {
  std::optional<Result<ObjectInfo>> one;
  std::optional<Result<ObjectInfo>> two;
  run_race({.prepare =
                [](World& world) {
                  REQUIRE(world.put("key", "null"));
                  world.set_versioning(Versioning::enabled);
                },
            .operate = [&](World& world) { one = world.put("key", kLong); },
            .interrupt = [&](World& world) { return into(world.start_put("key", kOther), two); },
            .check =
                [&](World& world) {
                  REQUIRE(one->has_value());
                  REQUIRE(two->has_value());
                  const auto versions = world.versions();
                  REQUIRE(versions.size() == 3);
                  CHECK(versions[0].info.version() == (*one)->version());
                  CHECK(versions[1].info.version() == (*two)->version());
                  CHECK(versions[2].info.version() == VersionId::null);
                }});
}

TEST_CASE("a version that is removed while another is put leaves the other current") {
  std::optional<Result<Removal>> removal;
  std::optional<Result<ObjectInfo>> put;
  VersionId last{};
  run_race({.prepare =
                [&](World& world) {
                  world.set_versioning(Versioning::enabled);
                  REQUIRE(world.put("key", "one"));
                  last = world.put("key", kLong)->version();
                },
            .operate = [&](World& world) { removal = world.remove_version("key", last); },
            .interrupt = [&](World& world) { return into(world.start_put("key", kOther), put); },
            .check =
                [&](World& world) {
                  REQUIRE(removal->has_value());
                  REQUIRE(put->has_value());
                  CHECK(world.get("key") == kOther);
                  CHECK(world.versions().size() == 2);
                }});
}

TEST_CASE("two removals of the two last versions leave nothing") {
  std::optional<Result<Removal>> one;
  std::optional<Result<Removal>> two;
  VersionId first{};
  VersionId last{};
  run_race(
      {.prepare =
           [&](World& world) {
             world.set_versioning(Versioning::enabled);
             first = world.put("key", "one")->version();
             last = world.put("key", kLong)->version();
           },
       .operate = [&](World& world) { one = world.remove_version("key", last); },
       .interrupt =
           [&](World& world) { return into(world.start_removal({.key = "key", .which = {.version = first}}), two); },
       .check =
           [&](World& world) {
             CHECK(one->has_value());
             CHECK(two->has_value());
             CHECK(world.versions().empty());
             CHECK(world.row_count("v") == 0);
           }});
}

TEST_CASE("a version is read whole, though it is put aside meanwhile") {
  std::optional<Result<std::string>> read;
  std::optional<Result<ObjectInfo>> put;
  run_race({.prepare =
                [&](World& world) {
                  world.set_versioning(Versioning::enabled);
                  REQUIRE(world.put("key", kLong));
                },
            .operate =
                [&](World& world) {
                  OpenOptions options;
                  options.which.version = world.versions().back().info.version();
                  read = world.get("key", options);
                },
            .interrupt = [&](World& world) { return into(world.start_put("key", kOther), put); },
            .check = [&](World&) { CHECK(*read == kLong); }});
}

TEST_CASE("no version is ever in a bucket that is gone, when a removal of it comes into one of an object") {
  std::optional<Result<Removal>> removal;
  std::optional<Result<>> gone;
  run_race({.prepare = [](World& world) { world.set_versioning(Versioning::enabled); },
            .operate = [&](World& world) { removal = run(world.start_removal({.key = "key"})); },
            .interrupt = [&](World& world) { return into(world.start_remove_bucket("photos"), gone); },
            .check = [&](World&) { CHECK(removal->has_value() != gone->has_value()); }});
}

TEST_CASE("a snapshot is of what was there before or after a put, whole") {
  std::optional<Result<ObjectInfo>> snapshot;
  std::optional<Result<ObjectInfo>> put;
  run_race({.prepare = [](World& world) { REQUIRE(world.put("key", kLong)); },
            .operate = [&](World& world) { snapshot = run(world.start_snapshot("key")); },
            .interrupt = [&](World& world) { return into(world.start_put("key", kOther), put); },
            .check =
                [&](World& world) {
                  REQUIRE(snapshot->has_value());
                  REQUIRE(put->has_value());
                  OpenOptions options;
                  options.which.snapshot = (*snapshot)->snapshot;
                  const bool is_of_put = (*snapshot)->revision == (*put)->revision;
                  CHECK(world.get("key", options) == (is_of_put ? kOther : kLong));
                  CHECK(world.get("key") == kOther);
                }});
}

TEST_CASE("versioning that is turned on during a removal loses nothing put behind it") {
  std::optional<Result<>> removal;
  std::optional<Result<ObjectInfo>> put;
  const auto turn_on_and_put = [&](World& world) -> Awaitable<> {
    const Buckets::Edit edit = [](BucketSettings& settings) -> Result<> {
      settings.versioning = Versioning::enabled;
      return done;
    };
    const std::string bucket = "photos";
    (void)co_await world.buckets.change(world.context, bucket, edit);
    co_await into(world.start_put("key", kOther), put);
  };
  run_race({.prepare = [](World& world) { REQUIRE(world.put("key", kLong)); },
            .operate = [&](World& world) { removal = world.remove("key"); },
            .interrupt = turn_on_and_put,
            .check =
                [&](World& world) {
                  REQUIRE(removal->has_value());
                  REQUIRE(put->has_value());
                  OpenOptions options;
                  options.which.version = (*put)->version();
                  CHECK(world.get("key", options) == kOther);
                }});
}

namespace {

constexpr std::uint64_t kPage = Pages::kPageSize;
constexpr std::uint64_t kRegion = 4 << 20;
const ObjectName kDisk{"photos", "disk"};

std::string pages(std::size_t count, char letter) { return std::string(count * kPage, letter); }

Task<PageAnswer> start_write(World& world, std::uint64_t offset, std::string bytes) {
  test::StringSource source(std::move(bytes), 1000);
  DigestSource body(source);
  co_return co_await world.pages.put(world.context, kDisk, {}, offset, body);
}

Task<ObjectInfo> start_clear(World& world, ByteRange range) {
  co_return co_await world.pages.clear(world.context, kDisk, {}, range);
}

std::string read_pages(World& world, std::uint64_t first, std::size_t count, const std::string& key = "disk") {
  OpenOptions options;
  options.range = RangeRequest{first * kPage, (first + count) * kPage - 1};
  return world.get(key, options).value_or("nothing");
}

// As run_race(), with extents that hold many pages.
void race_on_pages(const Race& race, std::uint64_t stride = 1) {
  for (std::uint64_t n = 1;; n += stride) {
    World world;
    if (!is_run_before(n, race, world)) break;
  }
}

void make_disk(World& world) {
  REQUIRE(run(world.pages.create(world.context, kDisk, {}, 2 * kRegion, 0)));
  REQUIRE(run(start_write(world, 0, pages(2, 'a'))));
  REQUIRE(run(start_write(world, kRegion, pages(2, 'b'))));
}

// A region that names so many extents that the next write puts it in order.
void make_crowded_disk(World& world) {
  REQUIRE(run(world.pages.create(world.context, kDisk, {}, kRegion, 0)));
  for (std::uint64_t i = 0; i < 129; ++i) REQUIRE(run(start_write(world, i * kPage, pages(2, 'a'))));
}

}  // namespace

TEST_CASE("a page write that comes into the putting in order of its region is not lost") {
  std::optional<Result<PageAnswer>> one;
  std::optional<Result<PageAnswer>> two;
  race_on_pages({.prepare = make_crowded_disk,
                 .operate = [&](World& world) { one = run(start_write(world, kPage, pages(1, 'm'))); },
                 .interrupt = [&](World& world) { return into(start_write(world, 5 * kPage, pages(1, 'o')), two); },
                 .check =
                     [&](World& world) {
                       REQUIRE(one->has_value());
                       REQUIRE(two->has_value());
                       CHECK(read_pages(world, 0, 7) ==
                             pages(1, 'a') + pages(1, 'm') + pages(3, 'a') + pages(1, 'o') + pages(1, 'a'));
                     }},
                /*stride=*/37);
}

TEST_CASE("pages that are cleared while their region is put in order stay cleared") {
  std::optional<Result<ObjectInfo>> cleared;
  race_on_pages({.prepare = make_crowded_disk,
                 .operate = [&](World& world) { REQUIRE(run(start_write(world, kPage, pages(1, 'm')))); },
                 .interrupt = [&](World& world) { return into(start_clear(world, {5 * kPage, 100 * kPage}), cleared); },
                 .check =
                     [&](World& world) {
                       REQUIRE(cleared->has_value());
                       CHECK(read_pages(world, 0, 6) == pages(1, 'a') + pages(1, 'm') + pages(3, 'a') + pages(1, '\0'));
                     }},
                /*stride=*/37);
}

TEST_CASE("of a page write and a put over the object, the object that is left is whole") {
  std::optional<Result<PageAnswer>> written;
  std::optional<Result<ObjectInfo>> put;
  race_on_pages({.prepare = make_disk,
                 .operate = [&](World& world) { written = run(start_write(world, kPage, pages(1, 'm'))); },
                 .interrupt = [&](World& world) { return into(world.start_put("disk", kOther), put); },
                 .check =
                     [&](World& world) {
                       REQUIRE(put->has_value());
                       if (!*written) CHECK(written->error().code == ErrorCode::kind_mismatch);
                       CHECK(world.get("disk") == kOther);
                     }});
}

TEST_CASE("a copy and a snapshot of pages are of one moment, whatever is written meanwhile") {
  std::optional<Result<ObjectInfo>> cleared;
  const auto clear = [&](World& world) { return into(start_clear(world, {0, 2 * kRegion}), cleared); };
  const auto whole = [](const std::string& first, const std::string& second) {
    return (first == pages(2, 'a') && second == pages(2, 'b')) || (first == pages(2, '\0') && second == pages(2, '\0'));
  };
  std::optional<Result<ObjectInfo>> made;
  const auto check_copy = [&](World& world) {
    REQUIRE(made->has_value());
    REQUIRE(cleared->has_value());
    CHECK(whole(read_pages(world, 0, 2, "copy"), read_pages(world, kRegion / kPage, 2, "copy")));
    CHECK(read_pages(world, 0, 2) == pages(2, '\0'));
  };
  race_on_pages({.prepare = make_disk,
                 .operate = [&](World& world) { made = world.copy("disk", "copy"); },
                 .interrupt = clear,
                 .check = check_copy});
  race_on_pages({.prepare = make_disk,
                 .operate =
                     [&](World& world) {
                       CopyOptions options;
                       options.as_block = true;
                       made = world.copy("disk", "copy", options);
                     },
                 .interrupt = clear,
                 .check = check_copy},
                /*stride=*/7);
  race_on_pages({.prepare = make_disk,
                 .operate = [&](World& world) { made = run(world.start_snapshot("disk")); },
                 .interrupt = clear,
                 .check =
                     [&](World& world) {
                       REQUIRE(made->has_value());
                       OpenOptions options;
                       options.which.snapshot = (*made)->snapshot;
                       const auto text = world.get("disk", options).value();
                       CHECK(whole(text.substr(0, 2 * kPage), text.substr(kRegion, 2 * kPage)));
                     }});
}

TEST_CASE("a read of pages ends whole or with an error, though they are removed and cleared away elsewhere") {
  std::optional<Result<std::string>> read;
  const std::string all =
      pages(2, 'a') + std::string(kRegion - 2 * kPage, '\0') + pages(2, 'b') + std::string(kRegion - 2 * kPage, '\0');
  const auto remove = [](World& world) -> Awaitable<> {
    (void)co_await world.start_remove("disk");
    co_await reclaim_elsewhere(world);
  };
  for (std::uint64_t n = 1;; ++n) {
    World world;
    make_disk(world);
    world.faulty.faults.interrupt_at(n, [&] { return remove(world); });
    read = world.get("disk");
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    if (!struck) break;
    INFO("before call " << n);
    if (*read) CHECK((**read == all));
    CHECK(world.leftovers() == "");
  }
}

namespace {

// A world whose bucket has object lock, with an earlier version of a key and a current one.
void prepare_lock(World& world, std::vector<VersionId>& versions) {
  REQUIRE(run(world.buckets.change(world.context, "photos", [](BucketSettings& settings) -> Result<> {
    settings.versioning = Versioning::enabled;
    settings.object_lock.enabled = true;
    return done;
  })));
  versions = {world.put("key", "meow")->version(), world.put("key", kLong)->version()};
}

Task<ObjectInfo> start_hold(World& world, Which which) {
  const ObjectName name{"photos", "key"};
  const ProtectionChange change{.which = which, .legal_hold = LegalHold::on};
  co_return co_await world.objects.protect(world.context, name, change);
}

// One of both has come first, and the other has seen it.
void check_one_order(const Result<ObjectInfo>& held, const Result<Removal>& removal) {
  REQUIRE(held.has_value() != removal.has_value());
  if (held) CHECK(removal.error().code == ErrorCode::held);
  if (removal) CHECK(held.error().code == ErrorCode::no_such_version);
}

}  // namespace

TEST_CASE("a hold that comes into the removal of a version is before it, or after it") {
  std::vector<VersionId> versions;
  std::optional<Result<ObjectInfo>> held;
  std::optional<Result<Removal>> removal;
  const auto meant = GENERATE(0U, 1U);
  run_race({.prepare = [&](World& world) { prepare_lock(world, versions); },
            .operate = [&](World& world) { removal = world.remove_version("key", versions.at(meant)); },
            .interrupt = [&](World& world) { return into(start_hold(world, {.version = versions.at(meant)}), held); },
            .check = [&](World&) { check_one_order(*held, *removal); }});
}

TEST_CASE("the removal of a version that comes into a hold is before it, or after it") {
  std::vector<VersionId> versions;
  std::optional<Result<ObjectInfo>> held;
  std::optional<Result<Removal>> removal;
  const auto meant = GENERATE(0U, 1U);
  run_race({.prepare = [&](World& world) { prepare_lock(world, versions); },
            .operate = [&](World& world) { held = run(start_hold(world, {.version = versions.at(meant)})); },
            .interrupt =
                [&](World& world) {
                  RemoveRequest request{.key = "key", .which = {.version = versions.at(meant)}};
                  return into(world.start_removal(std::move(request)), removal);
                },
            .check = [&](World&) { check_one_order(*held, *removal); }});
}

TEST_CASE("a hold that comes into an append is before it, or is of what was appended") {
  std::vector<VersionId> versions;
  std::optional<Result<ObjectInfo>> held;
  std::optional<Result<AppendAnswer>> appended;
  const auto text = GENERATE_COPY(std::string("meow"), kLong);
  run_race({.prepare =
                [&](World& world) {
                  prepare_lock(world, versions);
                  REQUIRE(world.create_append("key"));
                },
            .operate = [&](World& world) { appended = world.append("key", text); },
            .interrupt = [&](World& world) { return into(start_hold(world, {}), held); },
            .check =
                [&](World& world) {
                  REQUIRE(held->has_value());
                  if (!*appended) CHECK(appended->error().code == ErrorCode::held);
                  CHECK(world.get("key") == (*appended ? text : ""));
                  CHECK((*held)->size == (*appended ? text.size() : 0));
                }});
}

}  // namespace sluice::object

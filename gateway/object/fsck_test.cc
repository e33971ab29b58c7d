#include "gateway/object/fsck.h"

#include <catch2/catch.hpp>

#include "gateway/object/catalog.h"
#include "gateway/object/live_extents.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const std::string kLong(1000, 'l');

void put_row(World& world, const std::string& key, const std::string& value) {
  const auto transaction = world.index.begin();
  transaction->put(key, value);
  REQUIRE(run(transaction->commit()));
}

void erase_row(World& world, const std::string& key) {
  const auto transaction = world.index.begin();
  transaction->erase(key);
  REQUIRE(run(transaction->commit()));
}

// The first row whose key begins so.
std::pair<std::string, std::string> row(World& world, const std::string& letters) {
  const auto rows = world.index.rows();
  const auto found = rows.lower_bound(letters);
  REQUIRE(found != rows.end());
  return *found;
}

void fill(World& world) {
  REQUIRE(world.put("inline", "meow"));
  REQUIRE(world.put("extent", kLong));
  world.put_parts("parts", 3);
  REQUIRE(world.stage("upload", world.begin("upload"), 1, "part"));
  world.reclaim();
}

}  // namespace

TEST_CASE("a sound store has no faults, and is counted") {
  World world;
  fill(world);

  const auto [report, found] = world.check();

  CHECK(found.empty());
  CHECK(report.faults == 0);
  CHECK(report.buckets == 1);
  CHECK(report.objects == 3);
  CHECK(report.uploads == 1);
  CHECK(report.parts == 1);
  CHECK(report.extents == 5);
  CHECK(report.orphan_rows == 0);
  CHECK(report.orphan_bytes == 0);
  CHECK(report.garbage_rows == 0);
  CHECK(report.bytes_checked == 4 + 1000 + 21 + 4);
}

TEST_CASE("garbage is no fault, and its bytes are no orphans") {
  World world;
  fill(world);
  REQUIRE(world.remove("extent"));
  REQUIRE(world.remove("parts"));

  const auto [report, found] = world.check();

  CHECK(found.empty());
  CHECK(report.garbage_rows == 2);
  CHECK(report.orphan_rows == 0);
  CHECK(report.orphan_bytes == 0);
}

TEST_CASE("bytes that do not match their checksum are told with the object's name") {
  World world;
  fill(world);
  world.extents.corrupt_all();

  const auto [report, found] = world.check();

  CHECK(report.faults == 5);
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].starts_with("photos/extent"));
}

TEST_CASE("an inline body that is missing or changed is a fault") {
  World world;
  fill(world);
  const auto key = row(world, "d").first;

  put_row(world, key, "woof");
  CHECK(world.check().second == std::vector<std::string>{"photos/inline: its bytes do not match their checksum"});
  erase_row(world, key);
  CHECK(world.check().second == std::vector<std::string>{"photos/inline: its bytes are missing"});
}

TEST_CASE("a row that cannot be read is a fault, and then nothing is given back") {
  World world;
  fill(world);
  put_row(world, object_key({"photos", "extent"}), "not a row");

  const auto [report, found] = world.check(/*repair=*/true);

  CHECK(report.faults == 1);
  CHECK(report.orphan_rows == 1);
  world.reclaim();
  CHECK(world.extents.extent_count() == 5);
}

TEST_CASE("a manifest row that is missing is a fault") {
  World world;
  fill(world);
  erase_row(world, row(world, "m").first);

  const auto [report, found] = world.check();

  REQUIRE(report.faults >= 1);
  CHECK(found[0].starts_with("photos/parts: row 0 of its parts is missing"));
}

TEST_CASE("pages without the first row of their map, or beyond the end of their object, are a fault") {
  World world;
  const ObjectName name{"photos", "disk"};
  REQUIRE(run(world.pages.create(world.context, name, {}, 1024, 0)));
  test::StringSource source(std::string(1024, 'x'));
  DigestSource body(source);
  REQUIRE(run(world.pages.put(world.context, name, {}, 0, body)));
  REQUIRE(world.check().second.empty());

  auto record = decode_row<ObjectRecord>("", row(world, "o").second).value();
  record.info.size = 512;
  put_row(world, object_key(name), record.encode());
  erase_row(world, row(world, "m").first);
  const auto [report, found] = world.check();

  REQUIRE(found.size() == 2);
  CHECK(found[0] == "photos/disk: the first row of its pages is missing");
  CHECK(found[1] == "photos/disk: has pages beyond its end");
}

TEST_CASE("a wrong reference count is a fault, and repaired") {
  World world;
  REQUIRE(world.put("key", kLong));
  REQUIRE(world.copy("key", "copy"));
  const auto [key, value] = row(world, "x");
  auto record = ExtentRecord::decode(value).value();
  CHECK(record.references == 2);
  record.references = 1;
  put_row(world, key, record.encode());

  CHECK(world.check(/*repair=*/true).first.faults == 1);

  CHECK(world.check().first.faults == 0);
  REQUIRE(world.remove("key"));
  CHECK(world.leftovers() == "");
  CHECK(world.get("copy") == kLong);
}

TEST_CASE("an extent without a row is a fault") {
  World world;
  REQUIRE(world.put("key", kLong));
  erase_row(world, row(world, "x").first);

  CHECK(world.check().first.faults == 1);
}

TEST_CASE("an object in no bucket is a fault") {
  World world;
  REQUIRE(world.put("key", "meow"));
  erase_row(world, bucket_key("photos"));

  CHECK(world.check().second == std::vector<std::string>{"photos/key: its bucket does not exist"});
}

TEST_CASE("orphans are told, and given back when asked") {
  World world;
  REQUIRE(world.put("inline", "meow"));
  REQUIRE(world.put("extent", kLong));
  world.put_parts("parts", 3);
  const auto upload_id = world.begin("upload");
  REQUIRE(world.stage("upload", upload_id, 1, "part"));
  world.reclaim();
  for (const auto* key : {"inline", "extent", "parts"}) erase_row(world, object_key({"photos", key}));
  erase_row(world, upload_key({"photos", "upload"}, upload_id));
  REQUIRE(run(run(world.extents.create(3)).value()->seal()));

  const auto [report, found] = world.check(/*repair=*/true);

  CHECK(report.faults == 0);
  CHECK(report.orphan_rows == 1 + 1 + 1 + 5);  // Inline body, part, manifest row, extents.
  CHECK(world.leftovers() == "");
  CHECK(world.index.rows().size() == 1);
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("bytes that no row names are orphans") {
  World world;
  REQUIRE(world.put("key", kLong));
  const auto writer = run(world.extents.create(3)).value();
  REQUIRE(run(writer->write(Chunk::of("abc"))));
  REQUIRE(run(writer->seal()));

  CHECK(world.check().first.orphan_bytes == 3);
  CHECK(world.extents.extent_count() == 2);
  CHECK(world.check(/*repair=*/true).first.orphan_bytes == 3);
  CHECK(world.extents.extent_count() == 1);
}

TEST_CASE("a backend that does not answer ends the check") {
  World world;
  fill(world);
  for (std::uint64_t n = 1;; ++n) {
    world.faulty.faults.fail_at(n);
    const auto report = run(fsck(world.faulty.backend(), {}, {}, {}));
    if (!world.faulty.faults.struck()) break;
    INFO("call " << n);
    CHECK(report.error().code == ErrorCode::unavailable);
  }
}

TEST_CASE("live extents are those with a reference and those that wait, in order") {
  World world(/*extent_length_max=*/10);
  REQUIRE(world.put("a", std::string(15'000, 'a')));
  REQUIRE(world.put("b", std::string(5'000, 'b')));
  REQUIRE(world.put("c", std::string(12'000, 'c')));
  REQUIRE(world.remove("b"));

  const auto live = live_extents(world.index);
  std::uint64_t before = 0;
  std::size_t count = 0;
  for (auto extent = run(live->next()).value(); extent; extent = run(live->next()).value()) {
    CHECK(static_cast<std::uint64_t>(extent->id) > before);
    before = static_cast<std::uint64_t>(extent->id);
    ++count;
  }

  CHECK(count == world.extents.extent_count());
}

}  // namespace sluice::object

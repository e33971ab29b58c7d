#include "gateway/object/objects.h"

#include <catch2/catch.hpp>
#include <set>

#include "gateway/core/encoding.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const std::string kLong(1000, 'l');

OpenOptions ranged(std::optional<std::uint64_t> first, std::optional<std::uint64_t> last) {
  OpenOptions options;
  options.range = RangeRequest{first, last};
  return options;
}

OpenOptions numbered(std::uint32_t number) {
  OpenOptions options;
  options.part_number = number;
  return options;
}

PutOptions if_none_match_any() {
  PutOptions options;
  options.conditions.if_none_match = TagCondition{.any = true, .tags = {}};
  return options;
}

Conditions if_match(std::string tag) {
  Conditions conditions;
  conditions.if_match = TagCondition{.any = false, .tags = {std::move(tag)}};
  return conditions;
}

std::string digits(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text.push_back(static_cast<char>('0' + i % 10));
  return text;
}

Result<Selection> stat(World& world, const std::string& key, const OpenOptions& options = {}) {
  return run(world.objects.stat(world.context, {"photos", key}, options));
}

std::vector<Result<Removal>> remove_all(World& world, const std::vector<RemoveRequest>& requests) {
  return run(world.objects.remove(world.context, "photos", requests)).value();
}

}  // namespace

TEST_CASE("an object is read as it was put, inline, in extents or empty") {
  World world(/*extent_length_max=*/128);
  REQUIRE(world.put("inline", "meow"));
  REQUIRE(world.put("extents", kLong));
  REQUIRE(world.put("empty", ""));

  CHECK(world.get("inline") == "meow");
  CHECK(world.get("extents") == kLong);
  CHECK(world.get("empty") == "");
  CHECK(world.extents.extent_count() == 8);
  CHECK(world.row_count("d") == 1);
  CHECK(world.leftovers() == "");
}

TEST_CASE("bodies about the limit for inline ones are read as they were put") {
  World world(/*extent_length_max=*/100, /*inline_size_max=*/64);
  for (const std::size_t size : {63U, 64U, 65U, 99U, 100U, 101U, 200U, 201U}) {
    const auto text = digits(size);
    REQUIRE(world.put("key", text));
    CHECK(world.get("key") == text);
  }
  CHECK(world.leftovers() == "");
}

TEST_CASE("a body of unknown length is put the same") {
  class Silent : public BodySource {
   public:
    explicit Silent(std::string text) : text_(std::move(text)) {}
    Task<Chunk> read() override { return text_.read(); }

   private:
    test::StringSource text_;
  };
  World world(/*extent_length_max=*/128);
  Silent source(kLong);
  DigestSource body(source);

  REQUIRE(run(world.objects.put(world.context, {"photos", "key"}, {}, body)));

  CHECK(world.get("key") == kLong);
}

TEST_CASE("what a put says of an object is told by a read") {
  World world;
  PutOptions options;
  options.owner = "alice";
  options.headers.type = "text/plain";
  options.metadata = {{"Colour", "red"}};
  options.checksum = DigestAlgorithm::sha256;

  const auto put = world.put("key", "meow", options);
  const auto selection = stat(world, "key");

  REQUIRE(put);
  REQUIRE(selection);
  const auto& info = selection->info;
  CHECK(info.size == 4);
  CHECK(info.content_tag() == "4a4be40c96ac6314e91d93f38043a634");
  CHECK(info.owner == "alice");
  CHECK(info.headers.type == "text/plain");
  CHECK(info.metadata == options.metadata);
  CHECK(info.modified == world.clock.now());
  CHECK(info.checksum == Checksum{digest_of(DigestAlgorithm::sha256, "meow"), ChecksumType::full_object});
  CHECK(info.revision == put->revision);
  CHECK_FALSE(selection->partial);
}

TEST_CASE("a put without a checksum asked stores crc64nvme") {
  World world;

  const auto info = world.put("key", "meow");

  REQUIRE(info);
  CHECK(info->checksum == Checksum{digest_of(DigestAlgorithm::crc64nvme, "meow"), ChecksumType::full_object});
}

TEST_CASE("every put has a revision of its own") {
  World world;
  std::set<std::uint64_t> revisions;
  for (int i = 0; i < 50; ++i) revisions.insert(world.put("key", "same").value().revision);
  CHECK(revisions.size() == 50);
}

TEST_CASE("a small get costs two reads of the index and no transaction") {
  World world;
  REQUIRE(world.put("key", "meow"));
  world.faulty.faults.start();

  CHECK(world.get("key") == "meow");

  CHECK(world.faulty.faults.calls() == 2);
}

TEST_CASE("a small put costs one look ahead and one transaction of two reads and a commit") {
  World world;
  world.faulty.faults.start();

  REQUIRE(world.put("key", "meow"));

  CHECK(world.faulty.faults.calls() == 4);
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("what is not there is said to be missing, and why") {
  World world;
  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
  CHECK(stat(world, "key").error().code == ErrorCode::no_such_object);
  CHECK(stat(world, std::string(1025, 'k')).error().code == ErrorCode::key_too_long);
  const auto elsewhere = run(world.objects.stat(world.context, {"books", "key"}, {}));
  CHECK(elsewhere.error().code == ErrorCode::no_such_bucket);
}

TEST_CASE("a bucket's name does not reach into another bucket") {
  World world;
  REQUIRE(world.put("b", "meow"));
  REQUIRE(world.put(std::string("b\0c", 3), "meow"));

  const auto result = run(world.objects.stat(world.context, {std::string("photos\0b", 8), "c"}, {}));

  CHECK(result.error().code == ErrorCode::no_such_bucket);
}

TEST_CASE("a replaced object leaves nothing behind") {
  World world;
  for (const auto& text : {kLong, std::string("inline"), std::string(), kLong + kLong, kLong}) {
    REQUIRE(world.put("key", text));
    CHECK(world.get("key") == text);
    world.reclaim();
  }
  CHECK(world.extents.extent_count() == 1);
  CHECK(world.row_count("d") == 0);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a range is read across extents") {
  World world(/*extent_length_max=*/10);
  const auto text = digits(95);
  REQUIRE(world.put("key", text));

  CHECK(world.get("key", ranged(0, 0)) == "0");
  CHECK(world.get("key", ranged(8, 31)) == text.substr(8, 24));
  CHECK(world.get("key", ranged(90, 1000)) == text.substr(90));
  CHECK(world.get("key", ranged(10, {})) == text.substr(10));
  CHECK(world.get("key", ranged({}, 7)) == text.substr(88));
  CHECK(world.get("key", ranged({}, 1000)) == text);
}

TEST_CASE("a range of an inline object is cut out of it") {
  World world;
  REQUIRE(world.put("key", "0123456789"));
  CHECK(world.get("key", ranged(2, 4)) == "234");
  CHECK(stat(world, "key", ranged(2, 4))->range == ByteRange{2, 3});
  CHECK(stat(world, "key", ranged(2, 4))->partial);
}

TEST_CASE("a range outside the object is refused with the object's size") {
  World world;
  REQUIRE(world.put("key", "0123456789"));
  REQUIRE(world.put("empty", ""));

  CHECK(world.get("key", ranged(10, {})).error().code == ErrorCode::range_not_satisfiable);
  CHECK(world.get("key", ranged(10, {})).error().detail == "10");
  CHECK(world.get("key", ranged({}, 0)).error().code == ErrorCode::range_not_satisfiable);
  CHECK(world.get("empty", ranged(0, {})).error().code == ErrorCode::range_not_satisfiable);
  CHECK(world.get("empty", ranged({}, 5)).error().code == ErrorCode::range_not_satisfiable);
}

TEST_CASE("an object put whole is its own first part") {
  World world;
  REQUIRE(world.put("key", "meow"));

  const auto selection = stat(world, "key", numbered(1));

  REQUIRE(selection);
  CHECK(selection->partial);
  REQUIRE(selection->part);
  CHECK(selection->part->size == 4);
  CHECK(world.get("key", numbered(1)) == "meow");
  CHECK(world.get("key", numbered(2)).error().code == ErrorCode::invalid_part_number);
  CHECK(run(world.objects.parts(world.context, {"photos", "key"}, 0, 10))->parts.empty());
}

TEST_CASE("a read whose conditions fail moves no bytes") {
  World world;
  const auto tag = world.put("key", kLong).value().content_tag();
  OpenOptions options;
  options.conditions.if_none_match = TagCondition{.any = false, .tags = {tag}};

  CHECK(world.get("key", options).error().code == ErrorCode::not_modified);
}

TEST_CASE("a put whose conditions fail is refused before its body is read") {
  World world;
  REQUIRE(world.put("key", "old"));
  test::StringSource source(kLong);
  DigestSource body(source);

  const auto refused = run(world.objects.put(world.context, {"photos", "key"}, if_none_match_any(), body));

  CHECK(refused.error().code == ErrorCode::precondition_failed);
  CHECK(source.remaining() == kLong.size());
  CHECK(world.get("key") == "old");
}

TEST_CASE("a put into a bucket that is not there is refused before its body is read") {
  World world;
  test::StringSource source(kLong);
  DigestSource body(source);

  const auto refused = run(world.objects.put(world.context, {"books", "key"}, {}, body));

  CHECK(refused.error().code == ErrorCode::no_such_bucket);
  CHECK(source.remaining() == kLong.size());
}

TEST_CASE("a put with a wrong digest leaves the old object and no extent behind") {
  World world(/*extent_length_max=*/128);
  REQUIRE(world.put("key", "old"));
  test::StringSource source(kLong);
  DigestSource body(source);
  body.expect(digest_of(DigestAlgorithm::md5, "something else"));

  const auto refused = run(world.objects.put(world.context, {"photos", "key"}, {}, body));

  CHECK(refused.error().code == ErrorCode::digest_mismatch);
  CHECK(world.get("key") == "old");
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("metadata that does not fit a row is refused") {
  World world;
  PutOptions options;
  options.metadata = {{"large", std::string(100'000, 'm')}};

  CHECK(world.put("key", "meow", options).error().code == ErrorCode::metadata_too_large);
  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
}

TEST_CASE("a removed object is gone, and its bytes after it") {
  World world;
  REQUIRE(world.put("inline", "meow"));
  REQUIRE(world.put("extent", kLong));

  CHECK(world.remove("inline"));
  CHECK(world.remove("extent"));
  CHECK(world.remove("extent"));

  CHECK(world.get("extent").error().code == ErrorCode::no_such_object);
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
  CHECK(world.index.rows().size() == 1);
}

TEST_CASE("a removal is bound to its condition") {
  World world;
  const auto tag = world.put("key", "meow").value().content_tag();

  CHECK(world.remove("key", if_match("other")).error().code == ErrorCode::precondition_failed);
  CHECK(world.remove("missing", if_match("other")).error().code == ErrorCode::no_such_object);
  CHECK(world.get("key") == "meow");
  CHECK(world.remove("key", if_match(tag)));
  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
}

TEST_CASE("a thousand names are removed, each with an answer of its own") {
  World world;
  std::vector<RemoveRequest> requests;
  for (int i = 0; i < 1000; ++i) {
    const auto key = "key" + std::to_string(i);
    if (i % 3 == 0) REQUIRE(world.put(key, i % 2 == 0 ? "meow" : kLong));
    requests.push_back({key, {}});
  }
  requests[300].conditions = if_match("other");
  requests[301].conditions = if_match("other");
  requests[5].key = "key3";

  const auto results = remove_all(world, requests);

  REQUIRE(results.size() == 1000);
  CHECK(results[0]);
  CHECK(results[1]);
  CHECK(results[5]);
  CHECK(results[300].error().code == ErrorCode::precondition_failed);
  CHECK(results[301].error().code == ErrorCode::no_such_object);
  CHECK(world.row_count("o") == 1);
  CHECK(world.get("key300") == "meow");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a name given twice is removed once") {
  World world;
  REQUIRE(world.put("key", kLong));
  REQUIRE(world.copy("key", "copy"));

  const auto results = remove_all(world, {{"key", {}}, {"", {}}, {"key", {}}});

  CHECK(results[0]);
  CHECK(results[1].error().code == ErrorCode::invalid_argument);
  CHECK(results[2]);
  CHECK(world.get("copy") == kLong);
  CHECK(world.leftovers() == "");
}

TEST_CASE("removing from a bucket that is not there fails as a whole") {
  World world;
  const auto results = run(world.objects.remove(world.context, "books", {{"key", {}}}));
  CHECK(results.error().code == ErrorCode::no_such_bucket);
}

TEST_CASE("an object that was opened is read to its end though it is replaced and reclaimed") {
  World world(/*extent_length_max=*/100);
  REQUIRE(world.put("key", kLong));
  auto opened = run(world.objects.open(world.context, {"photos", "key"}, {}));
  REQUIRE(opened);

  REQUIRE(world.put("key", "new"));
  world.reclaim();

  CHECK(run(read_all(*opened->body, 1 << 20)) == kLong);
  opened = {};
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("an inline body that does not match its checksum is corrupt") {
  World world;
  REQUIRE(world.put("key", "meow"));
  const auto rows = world.index.rows();
  const auto row = rows.lower_bound("d");
  const auto transaction = world.index.begin();
  transaction->put(row->first, "woof");
  REQUIRE(run(transaction->commit()));

  CHECK(world.get("key").error().code == ErrorCode::corrupt);
}

TEST_CASE("an inline body whose row is gone is corrupt, not retried for ever") {
  World world;
  REQUIRE(world.put("key", "meow"));
  const auto transaction = world.index.begin();
  transaction->erase(world.index.rows().lower_bound("d")->first);
  REQUIRE(run(transaction->commit()));

  CHECK(world.get("key").error().code == ErrorCode::corrupt);
}

TEST_CASE("an extent that does not match its checksum is corrupt") {
  World world;
  REQUIRE(world.put("key", kLong));
  world.extents.corrupt_all();
  CHECK(world.get("key").error().code == ErrorCode::corrupt);
}

}  // namespace sluice::object

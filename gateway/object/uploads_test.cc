#include "gateway/object/uploads.h"

#include <catch2/catch.hpp>

#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::parts_text;
using test::run;
using test::World;

const ObjectName kName{"photos", "key"};

CommitOptions claiming(std::vector<PartClaim> claims) {
  CommitOptions options;
  options.parts = std::move(claims);
  options.part_size_min = 0;
  return options;
}

Result<ObjectInfo> commit(World& world, const std::string& upload_id, const CommitOptions& options) {
  return run(world.uploads.commit(world.context, kName, upload_id, options));
}

Result<std::string> get_part(World& world, std::uint32_t number) {
  OpenOptions options;
  options.part_number = number;
  return world.get("key", options);
}

Result<std::string> get_range(World& world, std::uint64_t first, std::uint64_t last) {
  OpenOptions options;
  options.range = RangeRequest{first, last};
  return world.get("key", options);
}

Result<PartInfo> stage_copy(World& world, const std::string& upload_id, std::uint32_t number, const std::string& from,
                            std::optional<ByteRange> range = {}, const Conditions& conditions = {}) {
  return run(world.uploads.stage_copy(world.context, kName, upload_id, number, {"photos", from}, conditions, range));
}

Conditions if_none_match(TagCondition tags) {
  Conditions conditions;
  conditions.if_none_match = std::move(tags);
  return conditions;
}

std::vector<std::string> names(const UploadPage& page) {
  std::vector<std::string> all;
  for (const auto& item : page.items) all.push_back(item.name);
  return all;
}

Result<UploadPage> list(World& world, const Uploads::ListOptions& options) {
  return run(world.uploads.list(world.context, "photos", options));
}

std::string md5s(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const auto part : parts) all += digest_of(DigestAlgorithm::md5, part).bytes;
  return all;
}

}  // namespace

TEST_CASE("parts become an object in the order of their numbers") {
  World world;
  UploadOptions options;
  options.owner = "alice";
  options.headers.type = "text/plain";
  options.metadata = {{"Colour", "red"}};
  const auto upload_id = world.begin("key", options);
  REQUIRE(world.stage("key", upload_id, 7, "world"));
  REQUIRE(world.stage("key", upload_id, 2, "hello "));

  const auto info = world.commit("key", upload_id, {2, 7});

  REQUIRE(info);
  CHECK(world.get("key") == "hello world");
  CHECK(info->size == 11);
  CHECK(info->part_count == 2);
  CHECK(info->md5 == digest_of(DigestAlgorithm::md5, md5s({"hello ", "world"})).bytes);
  CHECK(info->owner == "alice");
  CHECK(info->headers.type == "text/plain");
  CHECK(info->metadata == options.metadata);
  CHECK(info->checksum == Checksum{digest_of(DigestAlgorithm::crc64nvme, "hello world"), ChecksumType::full_object});
  CHECK(get_part(world, 2) == "hello ");
  CHECK(get_part(world, 7) == "world");
  CHECK(get_part(world, 1).error().code == ErrorCode::invalid_part_number);
  CHECK(get_part(world, 8).error().code == ErrorCode::invalid_part_number);
  CHECK(get_range(world, 4, 7) == "o wo");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a commit of many parts is made in steps") {
  World world;
  world.put_parts("key", 700);

  CHECK(world.row_count("m") > 1);
  CHECK(world.get("key") == parts_text(700));
  CHECK(get_part(world, 1) == "part 1;");
  CHECK(get_part(world, 450) == "part 450;");
  CHECK(get_part(world, 700) == "part 700;");
  CHECK(get_range(world, 3000, 5000) == parts_text(700).substr(3000, 2001));
  CHECK(world.leftovers() == "");
  CHECK(world.row_count("p") == 0);
  REQUIRE(world.remove("key"));
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("the parts of an object are told, page by page") {
  World world;
  world.put_parts("key", 700);

  const auto first = run(world.objects.parts(world.context, kName, 0, 400));
  const auto second = run(world.objects.parts(world.context, kName, 400, 400));
  const auto beyond = run(world.objects.parts(world.context, kName, 700, 400));

  REQUIRE(first);
  CHECK(first->truncated);
  CHECK(first->parts.size() == 400);
  CHECK(first->parts.back().number == 400);
  REQUIRE(second);
  CHECK_FALSE(second->truncated);
  CHECK(second->parts.size() == 300);
  CHECK(second->parts.front().number == 401);
  CHECK(beyond->parts.empty());
}

TEST_CASE("a part staged again replaces the one before") {
  World world;
  const auto upload_id = world.begin("key");
  REQUIRE(world.stage("key", upload_id, 1, std::string(100, 'a')));
  REQUIRE(world.stage("key", upload_id, 1, std::string(100, 'b')));
  world.reclaim();
  CHECK(world.extents.extent_count() == 1);

  REQUIRE(world.commit("key", upload_id, {1}));

  CHECK(world.get("key") == std::string(100, 'b'));
  CHECK(world.leftovers() == "");
}

TEST_CASE("parts that a commit does not claim are given back") {
  World world;
  const auto upload_id = world.begin("key");
  for (const auto number : {1U, 2U, 3U}) REQUIRE(world.stage("key", upload_id, number, "part"));

  REQUIRE(world.commit("key", upload_id, {1, 3}));

  CHECK(world.get("key") == "partpart");
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 2);
}

TEST_CASE("an empty part is a part") {
  World world;
  const auto upload_id = world.begin("key");
  REQUIRE(world.stage("key", upload_id, 1, ""));

  const auto info = world.commit("key", upload_id, {1});

  REQUIRE(info);
  CHECK(info->size == 0);
  CHECK(info->part_count == 1);
  CHECK(world.get("key") == "");
  CHECK(get_part(world, 1) == "");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a part longer than an extent is read as it was staged") {
  World world(/*extent_length_max=*/10);
  const auto upload_id = world.begin("key");
  REQUIRE(world.stage("key", upload_id, 1, std::string(95, 'a')));
  REQUIRE(world.stage("key", upload_id, 2, std::string(15, 'b')));

  REQUIRE(world.commit("key", upload_id, {1, 2}));

  CHECK(world.get("key") == std::string(95, 'a') + std::string(15, 'b'));
  CHECK(get_range(world, 93, 97) == "aabbb");
}

TEST_CASE("a commit is refused for parts that are missing, others than meant, or out of order") {
  World world;
  const auto upload_id = world.begin("key");
  const auto part = world.stage("key", upload_id, 1, "one").value();
  REQUIRE(world.stage("key", upload_id, 2, "two"));

  CHECK(commit(world, upload_id, claiming({{3, "", {}}})).error().code == ErrorCode::invalid_part);
  CHECK(commit(world, upload_id, claiming({{1, std::string(32, '0'), {}}})).error().code == ErrorCode::invalid_part);
  CHECK(commit(world, upload_id, claiming({{1, "", digest_of(DigestAlgorithm::crc64nvme, "two")}})).error().code ==
        ErrorCode::invalid_part);
  CHECK(commit(world, upload_id, claiming({{2, "", {}}, {1, "", {}}})).error().code == ErrorCode::invalid_part_order);
  CHECK(commit(world, upload_id, claiming({{1, "", {}}, {1, "", {}}})).error().code == ErrorCode::invalid_part_order);
  CHECK(commit(world, upload_id, claiming({{4'000'000'000, "", {}}})).error().code == ErrorCode::invalid_part);
  CHECK(commit(world, upload_id, claiming({})).error().code == ErrorCode::invalid_request);
  CHECK(world.get("key").error().code == ErrorCode::no_such_object);
  CHECK(commit(world, upload_id, claiming({{1, part.content_tag(), part.checksum}, {2, "", {}}})));
}

TEST_CASE("every part but the last has a minimum") {
  World world;
  const auto upload_id = world.begin("key");
  REQUIRE(world.stage("key", upload_id, 1, "short"));
  REQUIRE(world.stage("key", upload_id, 2, "shorter"));
  auto options = claiming({{1, "", {}}, {2, "", {}}});
  options.part_size_min = 6;

  const auto refused = commit(world, upload_id, options);

  CHECK(refused.error().code == ErrorCode::entity_too_small);
  CHECK(refused.error().detail == "1 5 6");
  options.part_size_min = 5;
  CHECK(commit(world, upload_id, options));
}

TEST_CASE("a commit that says what the object must come to is held to it") {
  World world;
  const auto upload_id = world.begin("key");
  REQUIRE(world.stage("key", upload_id, 1, "hello"));
  auto options = claiming({{1, "", {}}});

  options.size = 6;
  CHECK(commit(world, upload_id, options).error().code == ErrorCode::invalid_request);
  options.size = 5;
  options.checksum = Checksum{digest_of(DigestAlgorithm::crc64nvme, "other"), ChecksumType::full_object};
  CHECK(commit(world, upload_id, options).error().code == ErrorCode::digest_mismatch);
  options.checksum = Checksum{digest_of(DigestAlgorithm::crc64nvme, "hello"), ChecksumType::full_object};
  CHECK(commit(world, upload_id, options));
}

TEST_CASE("a composite checksum is that of the parts' checksums") {
  World world;
  UploadOptions options;
  options.checksum = DigestAlgorithm::sha256;
  const auto upload_id = world.begin("key", options);
  const auto one = world.stage("key", upload_id, 1, "one").value();
  const auto two = world.stage("key", upload_id, 2, "two").value();

  const auto info = world.commit("key", upload_id, {1, 2});

  CHECK(one.checksum == digest_of(DigestAlgorithm::sha256, "one"));
  REQUIRE(info);
  const auto expected = digest_of(DigestAlgorithm::sha256, one.checksum->bytes + two.checksum->bytes);
  CHECK(info->checksum == Checksum{expected, ChecksumType::composite});
}

TEST_CASE("a full checksum is combined from the parts' checksums") {
  World world;
  UploadOptions options;
  options.checksum = DigestAlgorithm::crc32;
  options.checksum_type = ChecksumType::full_object;
  const auto upload_id = world.begin("key", options);
  REQUIRE(world.stage("key", upload_id, 1, "one"));
  REQUIRE(world.stage("key", upload_id, 2, "two"));

  const auto info = world.commit("key", upload_id, {1, 2});

  REQUIRE(info);
  CHECK(info->checksum == Checksum{digest_of(DigestAlgorithm::crc32, "onetwo"), ChecksumType::full_object});
}

TEST_CASE("a part with a checksum of its own kind still adds to the whole object's") {
  World world;
  const auto upload_id = world.begin("key");
  test::StringSource source("one");
  DigestSource body(source);
  const auto part = run(world.uploads.stage(world.context, kName, upload_id, 1, DigestAlgorithm::sha1, body));
  REQUIRE(part);
  CHECK(part->checksum == digest_of(DigestAlgorithm::sha1, "one"));

  const auto info = world.commit("key", upload_id, {1});

  REQUIRE(info);
  CHECK(info->checksum == Checksum{digest_of(DigestAlgorithm::crc64nvme, "one"), ChecksumType::full_object});
}

TEST_CASE("a commit may be repeated as long as the object is the one it made") {
  World world;
  const auto upload_id = world.begin("key");
  REQUIRE(world.stage("key", upload_id, 1, "one"));
  const auto first = world.commit("key", upload_id, {1});

  const auto again = world.commit("key", upload_id, {1}, if_none_match({.any = true, .tags = {}}));

  REQUIRE(again);
  CHECK(again->revision == first->revision);
  REQUIRE(world.put("key", "other"));
  CHECK(world.commit("key", upload_id, {1}).error().code == ErrorCode::no_such_upload);
  CHECK(world.get("key") == "other");
}

TEST_CASE("a commit whose condition fails leaves the upload as it was") {
  World world;
  REQUIRE(world.put("key", "old"));
  const auto upload_id = world.begin("key");
  REQUIRE(world.stage("key", upload_id, 1, "new"));

  const auto refused = world.commit("key", upload_id, {1}, if_none_match({.any = true, .tags = {}}));

  CHECK(refused.error().code == ErrorCode::precondition_failed);
  CHECK(world.get("key") == "old");
  CHECK(world.commit("key", upload_id, {1}));
  CHECK(world.get("key") == "new");
  CHECK(world.leftovers() == "");
}

TEST_CASE("an abandoned upload is gone, and its parts after it") {
  World world;
  const auto upload_id = world.begin("key");
  for (std::uint32_t number = 1; number <= 120; ++number) REQUIRE(world.stage("key", upload_id, number, "part"));

  REQUIRE(world.abandon("key", upload_id));

  CHECK(world.abandon("key", upload_id).error().code == ErrorCode::no_such_upload);
  CHECK(world.stage("key", upload_id, 1, "late").error().code == ErrorCode::no_such_upload);
  CHECK(world.commit("key", upload_id, {1}).error().code == ErrorCode::no_such_upload);
  CHECK(run(world.uploads.parts(world.context, kName, upload_id, 0, 10)).error().code == ErrorCode::no_such_upload);
  CHECK(run(world.uploads.stat(world.context, kName, upload_id)).error().code == ErrorCode::no_such_upload);
  CHECK(world.leftovers() == "");
  CHECK(world.extents.extent_count() == 0);
}

TEST_CASE("an id that nobody gave is no upload") {
  World world;
  CHECK(world.abandon("key", "x").error().code == ErrorCode::no_such_upload);
  CHECK(world.abandon("key", std::string(32, 'A')).error().code == ErrorCode::no_such_upload);
  CHECK(world.commit("key", "", {1}).error().code == ErrorCode::no_such_upload);
  const auto elsewhere = run(world.uploads.stat(world.context, {"books", "key"}, std::string(32, 'a')));
  CHECK(elsewhere.error().code == ErrorCode::no_such_bucket);
}

TEST_CASE("part numbers are 1 to 10000") {
  World world;
  const auto upload_id = world.begin("key");
  CHECK(world.stage("key", upload_id, 0, "x").error().code == ErrorCode::invalid_argument);
  CHECK(world.stage("key", upload_id, 10001, "x").error().code == ErrorCode::invalid_argument);
  CHECK(world.stage("key", upload_id, 10000, "x"));
  CHECK(world.commit("key", upload_id, {10000}));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a staged part with a wrong digest is not a part") {
  World world;
  const auto upload_id = world.begin("key");
  test::StringSource source("one");
  DigestSource body(source);
  body.expect(digest_of(DigestAlgorithm::md5, "other"));

  const auto refused = run(world.uploads.stage(world.context, kName, upload_id, 1, {}, body));

  CHECK(refused.error().code == ErrorCode::digest_mismatch);
  CHECK(world.commit("key", upload_id, {1}).error().code == ErrorCode::invalid_part);
  CHECK(world.leftovers() == "");
}

TEST_CASE("staged parts are told, page by page") {
  World world;
  const auto upload_id = world.begin("key");
  for (const auto number : {1U, 5U, 300U}) REQUIRE(world.stage("key", upload_id, number, "part"));

  const auto first = run(world.uploads.parts(world.context, kName, upload_id, 0, 2));
  const auto second = run(world.uploads.parts(world.context, kName, upload_id, 5, 2));

  REQUIRE(first);
  CHECK(first->truncated);
  REQUIRE(first->parts.size() == 2);
  CHECK(first->parts[1].number == 5);
  CHECK(first->upload.id == upload_id);
  REQUIRE(second);
  CHECK_FALSE(second->truncated);
  REQUIRE(second->parts.size() == 1);
  CHECK(second->parts[0].number == 300);
}

TEST_CASE("a part copied from an object shares its extents") {
  World world(/*extent_length_max=*/10);
  const std::string text = "0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ0123456789";
  REQUIRE(world.put("from", text));
  const auto upload_id = world.begin("key");

  const auto part = stage_copy(world, upload_id, 1, "from", ByteRange{5, 30});
  REQUIRE(stage_copy(world, upload_id, 2, "from"));

  REQUIRE(part);
  CHECK(part->md5 == digest_of(DigestAlgorithm::md5, text.substr(5, 30)).bytes);
  CHECK(part->checksum == digest_of(DigestAlgorithm::crc64nvme, text.substr(5, 30)));
  CHECK(world.extents.extent_count() == 7);
  const auto info = world.commit("key", upload_id, {1, 2});
  REQUIRE(info);
  CHECK(info->checksum->digest == digest_of(DigestAlgorithm::crc64nvme, text.substr(5, 30) + text));
  REQUIRE(world.remove("from"));
  CHECK(world.leftovers() == "");
  CHECK(world.get("key") == text.substr(5, 30) + text);
}

TEST_CASE("a part copied from an object of parts shares its extents") {
  World world;
  world.put_parts("from", 700);
  const auto upload_id = world.begin("key");

  REQUIRE(stage_copy(world, upload_id, 1, "from", ByteRange{3000, 1000}));
  REQUIRE(world.commit("key", upload_id, {1}));
  REQUIRE(world.remove("from"));

  CHECK(world.leftovers() == "");
  CHECK(world.get("key") == parts_text(700).substr(3000, 1000));
}

TEST_CASE("a part copied from an inline or empty object has bytes of its own") {
  World world;
  REQUIRE(world.put("inline", "0123456789"));
  REQUIRE(world.put("empty", ""));
  const auto upload_id = world.begin("key");

  REQUIRE(stage_copy(world, upload_id, 1, "inline", ByteRange{2, 3}));
  REQUIRE(stage_copy(world, upload_id, 2, "empty"));
  REQUIRE(stage_copy(world, upload_id, 3, "inline"));
  REQUIRE(world.remove("inline"));
  REQUIRE(world.commit("key", upload_id, {1, 2, 3}));

  CHECK(world.get("key") == "2340123456789");
  CHECK(world.leftovers() == "");
}

TEST_CASE("a part is copied only from within its source, and under its conditions") {
  World world;
  const auto tag = world.put("from", "0123456789").value().content_tag();
  const auto upload_id = world.begin("key");

  const auto code = [&](std::optional<ByteRange> range, const Conditions& conditions = {}) {
    return stage_copy(world, upload_id, 1, "from", range, conditions).error().code;
  };

  CHECK(code(ByteRange{5, 6}) == ErrorCode::range_not_satisfiable);
  CHECK(code(ByteRange{10, 1}) == ErrorCode::range_not_satisfiable);
  CHECK(code(ByteRange{5, UINT64_MAX}) == ErrorCode::range_not_satisfiable);
  CHECK(code({}, if_none_match({.any = false, .tags = {tag}})) == ErrorCode::precondition_failed);
  CHECK(stage_copy(world, upload_id, 1, "missing").error().code == ErrorCode::no_such_object);
}

TEST_CASE("uploads are listed by key, then by begin") {
  World world;
  const auto first = world.begin("b");
  world.clock.set(world.clock.now() + std::chrono::seconds(1));
  const auto second = world.begin("b");
  world.begin("a/1");

  const auto page = list(world, {});

  REQUIRE(page);
  CHECK(names(*page) == std::vector<std::string>{"a/1", "b", "b"});
  CHECK(page->items[1].upload.id == first);
  CHECK(page->items[2].upload.id == second);
  CHECK_FALSE(page->truncated);
}

TEST_CASE("a list of uploads goes on where it ended") {
  World world;
  world.begin("a");
  world.begin("b");
  world.clock.set(world.clock.now() + std::chrono::seconds(1));
  world.begin("b");
  world.begin("c");

  const auto first = list(world, {.prefix = {}, .delimiter = {}, .key_after = {}, .upload_id_after = {}, .limit = 2});
  REQUIRE(first);
  const auto second = list(world, {.prefix = {},
                                   .delimiter = {},
                                   .key_after = first->next_key,
                                   .upload_id_after = first->next_upload_id,
                                   .limit = 2});
  const auto after_key = list(world, {.prefix = {}, .delimiter = {}, .key_after = "b", .upload_id_after = {}});

  CHECK(first->truncated);
  CHECK(names(*first) == std::vector<std::string>{"a", "b"});
  REQUIRE(second);
  CHECK(names(*second) == std::vector<std::string>{"b", "c"});
  CHECK_FALSE(second->truncated);
  CHECK(names(*after_key) == std::vector<std::string>{"c"});
}

TEST_CASE("uploads are folded by a delimiter") {
  World world;
  for (const auto* key : {"a/1", "a/2", "b", "c/1/x", "c/2"}) world.begin(key);

  const auto all = list(world, {.prefix = {}, .delimiter = "/", .key_after = {}, .upload_id_after = {}});
  const auto below = list(world, {.prefix = "c/", .delimiter = "/", .key_after = {}, .upload_id_after = {}});
  const auto page = list(world, {.prefix = {}, .delimiter = "/", .key_after = {}, .upload_id_after = {}, .limit = 1});
  const auto rest = list(world, {.prefix = {}, .delimiter = "/", .key_after = page->next_key, .upload_id_after = {}});

  CHECK(names(*all) == std::vector<std::string>{"a/", "b", "c/"});
  CHECK(names(*below) == std::vector<std::string>{"c/1/", "c/2"});
  CHECK(names(*page) == std::vector<std::string>{"a/"});
  CHECK(page->truncated);
  CHECK(names(*rest) == std::vector<std::string>{"b", "c/"});
  CHECK(
      list(world, {.prefix = {}, .delimiter = {}, .key_after = {}, .upload_id_after = {}, .limit = 0})->items.empty());
}

}  // namespace sluice::object

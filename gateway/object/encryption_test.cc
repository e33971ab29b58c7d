#include "gateway/object/encryption.h"

#include <catch2/catch.hpp>

#include "gateway/core/encoding.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

namespace sluice::object {
namespace {

using test::run;
using test::World;

const std::string kSecret = "a secret of some length";
const std::string kInline = kSecret;

/// Longer than an extent; each part of it can be told from the others.
std::string long_text() {
  std::string text;
  for (int i = 0; i < 40; ++i) text += kSecret + " " + std::to_string(i) + ";";
  return text;
}

SecretKey key_of(char fill) { return *SecretKey::of(std::string(SecretKey::kSize, fill)); }

EncryptionRequest by_customer(char fill) {
  EncryptionRequest request;
  request.customer_key = key_of(fill);
  return request;
}

EncryptionRequest managed() {
  EncryptionRequest request;
  request.choice = EncryptionChoice{};
  return request;
}

PutOptions put_as(EncryptionRequest request) {
  PutOptions options;
  options.encryption = std::move(request);
  return options;
}

OpenOptions with_key(char fill, std::optional<RangeRequest> range = {}) {
  OpenOptions options;
  options.range = range;
  options.customer_key = key_of(fill);
  return options;
}

CopyOptions copy_as(EncryptionRequest request, std::optional<SecretKey> source = {}) {
  CopyOptions options;
  options.encryption = std::move(request);
  options.source_customer_key = source;
  return options;
}

bool stored_in_the_clear(const World& world) {
  if (world.extents.holds(kSecret)) return true;
  for (const auto& [key, value] : world.index.rows()) {
    if (value.find(kSecret) != value.npos) return true;
  }
  return false;
}

Result<ObjectInfo> info(World& world, const std::string& key, OpenOptions options = {}) {
  const ObjectName name{"photos", key};
  auto selection = run(world.objects.stat(world.context, name, options));
  if (!selection) return std::unexpected(selection.error());
  return std::move(selection->info);
}

/// An object of three parts.
std::string put_parts(World& world, const std::string& key, EncryptionRequest request) {
  const auto customer_key = request.customer_key;
  UploadOptions options;
  options.encryption = std::move(request);
  const auto upload_id = world.begin(key, options);
  std::string all;
  for (std::uint32_t number = 1; number <= 3; ++number) {
    const auto text = long_text() + std::to_string(number);
    REQUIRE(world.stage(key, upload_id, number, text, customer_key));
    all += text;
  }
  REQUIRE(world.commit(key, upload_id, {1, 2, 3}));
  return all;
}

ErrorCode code_of(const auto& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

}  // namespace

TEST_CASE("an encrypted object reads as it was written and is not stored in the clear") {
  for (const std::string& text : {std::string(), kInline, long_text()}) {
    World world(/*extent_length_max=*/128);
    REQUIRE(world.put("customer", text, put_as(by_customer('k'))));
    REQUIRE(world.put("managed", text, put_as(managed())));

    CHECK(world.get("customer", with_key('k')) == text);
    CHECK(world.get("managed") == text);
    CHECK_FALSE(stored_in_the_clear(world));
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("the same content is stored differently each time") {
  World world;
  REQUIRE(world.put("a", kInline, put_as(by_customer('k'))));
  REQUIRE(world.put("b", kInline, put_as(by_customer('k'))));

  const auto rows = world.index.rows();
  std::vector<std::string> bodies;
  for (const auto& [key, value] : rows) {
    if (key.starts_with("d")) bodies.push_back(value);
  }
  REQUIRE(bodies.size() == 2);
  CHECK(bodies[0] != bodies[1]);
}

TEST_CASE("ranges of encrypted objects, and of their parts, are right") {
  World world(/*extent_length_max=*/128);
  const auto whole = long_text();
  REQUIRE(world.put("whole", whole, put_as(by_customer('k'))));
  const auto parts = put_parts(world, "parts", by_customer('k'));

  const auto check = [&](const std::string& key, const std::string& text, std::uint64_t first, std::uint64_t last) {
    INFO(key << " " << first << "-" << last);
    CHECK(world.get(key, with_key('k', RangeRequest{first, last})) == text.substr(first, last - first + 1));
  };
  for (const auto first : {0, 1, 15, 16, 17, 127, 128, 129, 500}) {
    for (const auto length : {1, 16, 130, 400}) {
      check("whole", whole, static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(first + length - 1));
    }
  }
  const auto part_size = long_text().size() + 1;
  check("parts", parts, 0, parts.size() - 1);
  check("parts", parts, part_size - 1, part_size);
  check("parts", parts, part_size, 2 * part_size - 1);
  check("parts", parts, 5, parts.size() - 6);
  OpenOptions second = with_key('k');
  second.part_number = 2;
  CHECK(world.get("parts", second) == parts.substr(part_size, part_size));
}

TEST_CASE("an object under a customer's key is told of to who has that key alone") {
  World world;
  REQUIRE(world.put("locked", kInline, put_as(by_customer('k'))));
  REQUIRE(world.put("plain", "plain"));
  REQUIRE(world.put("managed", kInline, put_as(managed())));

  CHECK(code_of(world.get("locked")) == ErrorCode::customer_key_missing);
  CHECK(code_of(world.get("locked", with_key('x'))) == ErrorCode::customer_key_mismatch);
  CHECK(code_of(world.get("plain", with_key('k'))) == ErrorCode::customer_key_unexpected);
  CHECK(code_of(world.get("managed", with_key('k'))) == ErrorCode::customer_key_unexpected);
  CHECK(code_of(info(world, "locked")) == ErrorCode::customer_key_missing);
  CHECK(code_of(info(world, "locked", with_key('x'))) == ErrorCode::customer_key_mismatch);
  CHECK(code_of(info(world, "plain", with_key('k'))) == ErrorCode::customer_key_unexpected);
  CHECK(info(world, "locked", with_key('k'))->size == kInline.size());
  OpenOptions waived;
  waived.key_waived = true;
  CHECK(info(world, "locked", waived));
}

TEST_CASE("the tag of an object is its MD5 unless a customer has the key") {
  World world;
  const auto md5 = to_hex(digest_of(DigestAlgorithm::md5, kInline).bytes);

  CHECK(world.put("managed", kInline, put_as(managed()))->content_tag() == md5);
  const auto first = world.put("a", kInline, put_as(by_customer('k')))->content_tag();
  const auto second = world.put("b", kInline, put_as(by_customer('k')))->content_tag();
  CHECK(first != md5);
  CHECK(first != second);
}

TEST_CASE("the checksum of an encrypted object is that of what was written") {
  World world;
  PutOptions options = put_as(by_customer('k'));
  options.checksum = DigestAlgorithm::sha256;

  const auto made = world.put("a", kInline, options);

  CHECK(made->checksum->digest == digest_of(DigestAlgorithm::sha256, kInline));
}

TEST_CASE("a changed byte of an encrypted object is found") {
  World world(/*extent_length_max=*/128);
  REQUIRE(world.put("a", long_text(), put_as(managed())));

  world.extents.corrupt_all();

  CHECK(code_of(world.get("a")) == ErrorCode::corrupt);
  CHECK(world.check().first.faults != 0);
}

TEST_CASE("without a master key nothing is encrypted under one, and nothing else is stored instead") {
  World world;
  Objects keyless(world.faulty.backend(), world.reclaimer, world.clock);
  REQUIRE(world.put("managed", kInline, put_as(managed())));
  test::StringSource source(kInline);
  DigestSource body(source);
  const ObjectName name{"photos", "a"};

  CHECK(code_of(run(keyless.put(world.context, name, put_as(managed()), body))) == ErrorCode::no_master_key);
  CHECK(code_of(world.get("a")) == ErrorCode::no_such_object);
  const ObjectName managed_name{"photos", "managed"};
  CHECK(code_of(run(keyless.open(world.context, managed_name, {}))) == ErrorCode::no_master_key);
  CHECK(run(keyless.stat(world.context, managed_name, {})));
}

TEST_CASE("objects remember their master key, and new ones get the current one") {
  World world;
  REQUIRE(world.put("old", kInline, put_as(managed())));
  KeyRing rotated;
  rotated.add("second", SecretKey::random());
  rotated.add("first", *world.keys.find("first"));
  Objects objects(world.faulty.backend(), world.reclaimer, world.clock, rotated);
  const ObjectName old{"photos", "old"};

  CHECK(run(objects.open(world.context, old, {}))->content.text() == kInline);
  const auto copied = run(objects.copy(world.context, old, old, copy_as({})));
  REQUIRE(copied);
  CHECK(copied->encryption->master == "second");
  CHECK(run(objects.open(world.context, old, {}))->content.text() == kInline);
  CHECK(code_of(world.get("old")) == ErrorCode::no_master_key);
}

TEST_CASE("a master key may be named, and must be there") {
  World world;
  world.keys.add("other", SecretKey::random());
  EncryptionRequest other;
  other.choice = EncryptionChoice{EncryptionMode::named, "other"};
  EncryptionRequest absent;
  absent.choice = EncryptionChoice{EncryptionMode::named, "absent"};

  CHECK(world.put("a", kInline, put_as(other))->encryption->master == "other");
  CHECK(world.get("a") == kInline);
  CHECK(code_of(world.put("b", kInline, put_as(absent))) == ErrorCode::no_such_master_key);
}

TEST_CASE("a bucket's setting encrypts what says nothing of it") {
  World world(/*extent_length_max=*/128);
  REQUIRE(run(world.buckets.change(world.context, "photos", [](BucketSettings& settings) {
    settings.encryption = to_setting({});
    return Result<>();
  })));
  REQUIRE(world.put("a", kInline));
  REQUIRE(world.put("b", kInline, put_as(by_customer('k'))));
  const auto parts = put_parts(world, "parts", {});
  REQUIRE(world.copy("a", "copy"));

  CHECK(info(world, "a")->encryption->mode == EncryptionMode::managed);
  CHECK(info(world, "b", with_key('k'))->encryption->mode == EncryptionMode::customer);
  CHECK(info(world, "copy")->encryption->mode == EncryptionMode::managed);
  CHECK(world.get("parts") == parts);
  CHECK_FALSE(stored_in_the_clear(world));
}

TEST_CASE("an upload takes its key with every part, and none other") {
  World world(/*extent_length_max=*/128);
  UploadOptions options;
  options.encryption = by_customer('k');
  const auto upload_id = world.begin("a", options);

  CHECK(code_of(world.stage("a", upload_id, 1, kInline)) == ErrorCode::customer_key_missing);
  CHECK(code_of(world.stage("a", upload_id, 1, kInline, key_of('x'))) == ErrorCode::customer_key_mismatch);
  const auto part = world.stage("a", upload_id, 1, kInline, key_of('k'));
  REQUIRE(part);
  CHECK(part->encryption->mode == EncryptionMode::customer);
  CHECK(part->content_tag() != to_hex(digest_of(DigestAlgorithm::md5, kInline).bytes));

  CommitOptions commit;
  commit.parts = {{1, part->content_tag(), {}}};
  commit.customer_key = key_of('x');
  const ObjectName name{"photos", "a"};
  CHECK(code_of(run(world.uploads.commit(world.context, name, upload_id, commit))) == ErrorCode::customer_key_mismatch);
  commit.customer_key = key_of('k');
  CHECK(run(world.uploads.commit(world.context, name, upload_id, commit)));
  CHECK(world.get("a", with_key('k')) == kInline);
  CHECK_FALSE(stored_in_the_clear(world));
  CHECK(world.leftovers() == "");
}

TEST_CASE("the end of an upload with a checksum needs its key") {
  World world;
  UploadOptions options;
  options.encryption = by_customer('k');
  options.checksum = DigestAlgorithm::crc32;
  const auto with_checksum = world.begin("a", options);
  options.checksum.reset();
  const auto without = world.begin("b", options);
  REQUIRE(world.stage("a", with_checksum, 1, kInline, key_of('k')));
  REQUIRE(world.stage("b", without, 1, kInline, key_of('k')));

  CHECK(code_of(world.commit("a", with_checksum, {1})) == ErrorCode::customer_key_missing);
  CHECK(world.commit("b", without, {1}));
}

TEST_CASE("an upload that is not encrypted takes no key") {
  World world;
  const auto upload_id = world.begin("a");

  CHECK(code_of(world.stage("a", upload_id, 1, kInline, key_of('k'))) == ErrorCode::customer_key_unexpected);
}

TEST_CASE("a copy is encrypted as it asks, whatever its source is") {
  World world(/*extent_length_max=*/128);
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"empty", ""}, {"inline", kInline}, {"long", long_text()}};
  const struct {
    EncryptionRequest request;
    std::optional<SecretKey> key;
  } kinds[] = {{{}, {}}, {managed(), {}}, {by_customer('k'), key_of('k')}, {by_customer('l'), key_of('l')}};

  for (const auto& [name, text] : texts) {
    for (const auto& from : kinds) {
      REQUIRE(world.put("from", text, put_as(from.request)));
      for (const auto& to : kinds) {
        INFO(name);
        REQUIRE(world.copy("from", "to", copy_as(to.request, from.key)));
        OpenOptions options;
        options.customer_key = to.key;
        CHECK(world.get("to", options) == text);
        CHECK(info(world, "to", options)->checksum->digest == digest_of(DigestAlgorithm::crc64nvme, text));
      }
    }
  }
  CHECK(world.leftovers() == "");
}

TEST_CASE("a copy of parts is encrypted part by part") {
  World world(/*extent_length_max=*/128);
  const auto text = put_parts(world, "plain", {});
  const auto plain_tag = info(world, "plain")->content_tag();

  REQUIRE(world.copy("plain", "locked", copy_as(by_customer('k'))));
  REQUIRE(world.remove("plain"));
  CHECK(world.leftovers() == "");
  CHECK_FALSE(stored_in_the_clear(world));
  CHECK(world.get("locked", with_key('k')) == text);
  CHECK(info(world, "locked", with_key('k'))->part_count == 3);
  CHECK(info(world, "locked", with_key('k'))->content_tag() != plain_tag);

  REQUIRE(world.copy("locked", "locked", copy_as(managed(), key_of('k'))));
  CHECK(world.get("locked") == text);
  CHECK(info(world, "locked")->content_tag() == plain_tag);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a copy shares extents where the keys stay in the same hands, and only there") {
  World world(/*extent_length_max=*/1 << 20);
  REQUIRE(world.put("managed", long_text(), put_as(managed())));
  REQUIRE(world.put("locked", long_text(), put_as(by_customer('k'))));
  REQUIRE(world.extents.extent_count() == 2);

  REQUIRE(world.copy("managed", "a", copy_as({})));
  REQUIRE(world.copy("managed", "b", copy_as(managed())));
  REQUIRE(world.copy("locked", "c", copy_as(by_customer('k'), key_of('k'))));
  CHECK(world.extents.extent_count() == 2);
  CHECK(world.get("a") == long_text());
  CHECK(world.get("c", with_key('k')) == long_text());

  REQUIRE(world.copy("locked", "d", copy_as(by_customer('l'), key_of('k'))));
  REQUIRE(world.copy("locked", "e", copy_as({}, key_of('k'))));
  CHECK(world.extents.extent_count() == 4);
  CHECK(info(world, "e")->encryption == std::nullopt);
  CHECK(code_of(world.copy("locked", "f", copy_as(by_customer('k')))) == ErrorCode::customer_key_missing);
  CHECK(code_of(world.copy("locked", "f", copy_as(by_customer('k'), key_of('x')))) == ErrorCode::customer_key_mismatch);
}

TEST_CASE("a part copied from or to an encrypted object is stored anew") {
  World world(/*extent_length_max=*/128);
  REQUIRE(world.put("locked", long_text(), put_as(by_customer('k'))));
  REQUIRE(world.put("plain", long_text()));
  UploadOptions options;
  options.encryption = by_customer('l');
  const auto upload_id = world.begin("to", options);
  const ObjectName to{"photos", "to"};
  const auto copy = [&](std::uint32_t number, const std::string& from, CopyKeys keys) {
    const ObjectName source{"photos", from};
    return run(world.uploads.stage_copy(world.context, to, upload_id, number, source, {}, ByteRange{7, 300}, {}, keys));
  };

  CHECK(code_of(copy(1, "locked", {key_of('k'), {}})) == ErrorCode::customer_key_missing);
  CHECK(code_of(copy(1, "locked", {{}, key_of('l')})) == ErrorCode::customer_key_missing);
  REQUIRE(copy(1, "locked", {key_of('k'), key_of('l')}));
  REQUIRE(copy(2, "plain", {{}, key_of('l')}));
  REQUIRE(world.commit("to", upload_id, {1, 2}));

  REQUIRE(world.remove("plain"));
  world.reclaim();
  CHECK(world.get("to", with_key('l')) == long_text().substr(7, 300) + long_text().substr(7, 300));
  CHECK_FALSE(stored_in_the_clear(world));
  CHECK(world.leftovers() == "");
}

}  // namespace sluice::object

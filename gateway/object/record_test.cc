#include "gateway/object/record.h"

#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "gateway/core/encoding.h"
#include "gateway/object/codec.h"
#include "gateway/object/manifest.h"
#include "gateway/object/outline.h"

namespace sluice::object {
namespace {

const std::string kId(kIdSize, 'i');

Lease lease() {
  const UtcTime time(std::chrono::milliseconds(1'767'225'600'250));
  return {.id = "lease", .duration = std::chrono::seconds(15), .ends = time, .breaks = time};
}

ObjectInfo info() {
  ObjectInfo info;
  info.size = 300;
  info.md5 = std::string(16, '\xAB');
  info.part_count = 2;
  info.revision = 0xFEDCBA9876543210;
  info.modified = UtcTime(std::chrono::milliseconds(1'767'225'600'250));
  info.created = info.modified - std::chrono::hours(1);
  info.owner = "alice";
  info.tags = {{"team", "blue"}, {"empty", ""}};
  info.acl = "acl";
  info.versioned = true;
  info.soft_deleted = true;
  info.headers = {"text/plain", "no-store", "inline", "gzip", "en", "Thu, 01 Jan 2026 00:00:00 GMT", "/elsewhere"};
  info.metadata = {{"Colour", "red"}, {"empty", ""}, {"Colour", std::string("a\0b", 3)}};
  info.checksum = Checksum{{DigestAlgorithm::crc32c, "\x01\x02\x03\x04"}, ChecksumType::composite};
  info.lease = lease();
  info.changed = 90;
  info.protection = {.retention = {.mode = RetentionMode::governance, .until = info.modified + std::chrono::hours(9)},
                     .legal_hold = LegalHold::off};
  return info;
}

Slice slice(std::uint64_t id, std::uint64_t length) {
  return {{ExtentId{id}, length + 10, 0xDEADBEEF}, {.offset = 10, .length = length}};
}

ObjectRecord object(Content content) {
  return {.info = info(), .content = std::move(content), .upload_id = std::string(32, 'a')};
}

BucketSettings settings() {
  BucketSettings settings;
  settings.versioning = Versioning::suspended;
  settings.tags = {{"team", "blue"}, {"empty", ""}};
  settings.metadata = {{"Colour", "red"}};
  settings.acl = "acl";
  settings.policy = "policy";
  settings.cors = "cors";
  settings.lifecycle = "lifecycle";
  settings.object_lock = {.enabled = true, .mode = RetentionMode::compliance, .days = 3, .years = 0};
  settings.encryption = "encryption";
  settings.ownership = "ownership";
  settings.public_access_block = "block";
  settings.public_access = PublicAccess::bucket;
  settings.access_policies = {{"read", "now", "then", "r"}, {"", "", "", ""}};
  return settings;
}

BucketRecord bucket() {
  return {.id = kId,
          .owner = "alice",
          .created = info().modified,
          .removal = kId,
          .modified = info().modified + std::chrono::hours(1),
          .revision = 77,
          .settings = settings(),
          .lease = lease()};
}

PartRecord part(std::uint32_t number) {
  PartRecord part;
  part.info.number = number;
  part.info.size = 300;
  part.info.md5 = std::string(16, '\x01');
  part.info.modified = UtcTime(std::chrono::milliseconds(7));
  part.info.checksum = Digest{DigestAlgorithm::sha256, std::string(32, 's')};
  part.crc64nvme = Digest{DigestAlgorithm::crc64nvme, std::string(8, 'c')};
  part.slices = {slice(1, 100), slice(UINT64_MAX, 200)};
  return part;
}

void check_same(const ObjectInfo& left, const ObjectInfo& right) {
  CHECK(left.size == right.size);
  CHECK(left.md5 == right.md5);
  CHECK(left.part_count == right.part_count);
  CHECK(left.revision == right.revision);
  CHECK(left.modified == right.modified);
  CHECK(left.owner == right.owner);
  CHECK(left.headers == right.headers);
  CHECK(left.metadata == right.metadata);
  CHECK(left.checksum == right.checksum);
  CHECK(left.lease == right.lease);
  CHECK(left.changed == right.changed);
  CHECK(left.created == right.created);
  CHECK(left.tags == right.tags);
  CHECK(left.acl == right.acl);
  CHECK(left.versioned == right.versioned);
  CHECK(left.soft_deleted == right.soft_deleted);
  CHECK(left.protection == right.protection);
}

Seal seal(char fill) {
  return {.seed = std::string(kSeedSize, fill), .tag = std::string(16, 't'), .place = std::string(kPlaceSize, 'p')};
}

// 30 bytes in a row, 100 in slices, 170 in a tail.
Appended appended(bool encrypted) {
  Appended content{.packed = {kId, {{30, 4}}}, .slices = {slice(1, 60), slice(2, 40)}, .tail = {}};
  content.tail.push_back({InlineContent{kId, 7}, 170, encrypted ? std::optional(seal('t')) : std::nullopt});
  if (encrypted) content.pieces = {{70, seal('a')}, {30, seal('b')}};
  return content;
}

ObjectRecord encrypted(Content content) {
  auto record = object(std::move(content));
  record.info.encryption = Encryption{.mode = EncryptionMode::customer,
                                      .master = {},
                                      .salt = std::string(kSaltSize, 's'),
                                      .wrapped = std::string(48, 'w')};
  return record;
}

ManifestRecord sealed_pages() {
  ManifestRecord row{{part(1), part(2)}};
  row.sealed = {{.id = ExtentId{1}, .seed = std::string(kSeedSize, 'x'), .pieces = {{{0, 512}, std::string(16, 'a')}}},
                {.id = ExtentId{9},
                 .seed = std::string(kSeedSize, 'y'),
                 .pieces = {{{512, 1024}, std::string(16, 'b')}, {{4096, 512}, std::string(16, 'c')}}}};
  return row;
}

void check_round_trip(const Content& content) {
  const auto record = object(content);

  const auto decoded = ObjectRecord::decode(record.encode());

  REQUIRE(decoded);
  check_same(decoded->info, record.info);
  CHECK(decoded->content == record.content);
  CHECK(decoded->upload_id == record.upload_id);
}

UploadRecord upload() {
  UploadRecord record;
  record.bucket_id = kId;
  record.owner = "alice";
  record.headers = info().headers;
  record.metadata = info().metadata;
  record.tags = info().tags;
  record.acl = "acl";
  record.begun = info().modified;
  record.checksum = DigestAlgorithm::sha1;
  record.checksum_type = ChecksumType::full_object;
  record.commit = kId;
  record.protection = info().protection;
  return record;
}

// Every kind of row there is, encoded.
std::vector<std::string> samples() {
  UploadGarbage garbage;
  garbage.claim(9999);
  return {
      bucket().encode(),
      object(InlineContent{kId, 5}).encode(),
      object(std::vector{slice(1, 100), slice(2, 200)}).encode(),
      object(Manifest{kId, {{100, 4}, {300, 9}}}).encode(),
      upload().encode(),
      part(3).encode(),
      ManifestRecord{{part(1), part(2)}}.encode(),
      object(appended(false)).encode(),
      encrypted(appended(true)).encode(),
      encrypted(PageMap{kId}).encode(),
      sealed_pages().encode(),
      ExtentRecord{1, 2, 3}.encode(),
      ManifestGarbage{true, "builder", info().modified}.encode(),
      garbage.encode(),
      BucketGarbage{"photos"}.encode(),
  };
}

// Decoding ends, one way or the other; sanitizers watch how.
void decode_as_everything(std::string_view row) {
  (void)BucketRecord::decode(row);
  (void)ObjectRecord::decode(row);
  (void)ObjectOutline::read(row);
  (void)UploadRecord::decode(row);
  (void)PartRecord::decode(row);
  (void)ManifestRecord::decode(row);
  (void)ExtentRecord::decode(row);
  (void)ManifestGarbage::decode(row);
  (void)UploadGarbage::decode(row);
  (void)BucketGarbage::decode(row);
}

}  // namespace

TEST_CASE("an object row round-trips, whatever its content is") {
  check_round_trip(InlineContent{kId, 0xFFFFFFFF});
  check_round_trip(std::vector{slice(1, 100), slice(2, 200)});
  check_round_trip(Manifest{kId, {{100, 4}, {300, 9}}});
}

TEST_CASE("what is written in place round-trips, encrypted or not") {
  check_round_trip(appended(false));
  check_round_trip(PageMap{kId});
  const auto decoded = ObjectRecord::decode(encrypted(appended(true)).encode());
  REQUIRE(decoded);
  CHECK(decoded->content == Content(appended(true)));

  const auto row = ManifestRecord::decode(sealed_pages().encode());
  REQUIRE(row);
  CHECK(row->sealed == sealed_pages().sealed);
  CHECK(ManifestRecord{{part(1)}}.encode().size() < 300);
}

TEST_CASE("an append object of which a seal is missing, or is too many, is corrupt") {
  const auto refused = [](const std::function<void(Appended&)>& change, bool is_encrypted = true) {
    auto content = appended(is_encrypted);
    change(content);
    return !ObjectRecord::decode((is_encrypted ? encrypted(content) : object(content)).encode());
  };

  CHECK_FALSE(refused([](Appended&) {}));
  CHECK_FALSE(refused([](Appended&) {}, false));
  CHECK(refused([](Appended& content) { content.pieces.pop_back(); }));
  CHECK(refused([](Appended& content) { content.tail[0].seal.reset(); }));
  CHECK(refused([](Appended& content) { content.pieces.push_back({1, seal('c')}); }));
  CHECK(refused([](Appended& content) { content.pieces = {{100, seal('c')}}; }, false));
  CHECK(refused([](Appended& content) { content.tail[0].seal = seal('t'); }, false));
}

TEST_CASE("what an object follows round-trips") {
  auto record = object(PageMap{kId});
  record.info.following = Following{
      .bucket = "photos", .key = "disk", .created = record.info.created, .source = 1ULL << 60, .snapshot = 1ULL << 61};

  const auto decoded = ObjectRecord::decode(record.encode());

  REQUIRE(decoded);
  CHECK(decoded->info.following == record.info.following);
}

TEST_CASE("an object row without bytes round-trips") {
  ObjectRecord record;
  record.info.md5 = std::string(16, 'm');

  const auto decoded = ObjectRecord::decode(record.encode());

  REQUIRE(decoded);
  CHECK(decoded->content == Content{});
  CHECK_FALSE(decoded->info.checksum);
}

TEST_CASE("the outline of an object row says what the row says") {
  auto record = object(InlineContent{kId, 1});
  record.info.block_count = 3;
  const auto row = record.encode();
  ObjectRecord marker;
  marker.info.md5 = std::string(16, 'm');
  marker.info.delete_marker = true;
  const auto marker_row = marker.encode();

  const auto outline = ObjectOutline::read(row);
  const auto marker_outline = ObjectOutline::read(marker_row);

  REQUIRE(outline);
  CHECK(outline->size == record.info.size);
  CHECK(outline->modified == record.info.modified);
  CHECK(outline->owner == record.info.owner);
  CHECK(outline->soft_deleted);
  CHECK_FALSE(outline->delete_marker);
  REQUIRE(outline->checksum);
  CHECK(outline->checksum->algorithm == record.info.checksum->digest.algorithm);
  CHECK(outline->checksum->type == record.info.checksum->type);
  std::string tag;
  outline->append_content_tag(tag);
  CHECK(tag == record.info.content_tag());
  REQUIRE(marker_outline);
  CHECK(marker_outline->delete_marker);
  CHECK_FALSE(marker_outline->soft_deleted);
  CHECK_FALSE(marker_outline->checksum);
  CHECK(ObjectOutline::read("").error().code == ErrorCode::corrupt);
  CHECK(ObjectOutline::read(ExtentRecord{1, 2, 3}.encode()).error().code == ErrorCode::corrupt);
}

TEST_CASE("what a head knows of its key round-trips, and what a snapshot is") {
  ObjectRecord head;
  head.info.md5 = std::string(16, 'm');
  head.null_revision = 7;
  head.snapshot_count = 2;
  head.newest_snapshot = UINT64_MAX;
  auto snapshot = head;
  snapshot.info.snapshot = 9;

  const auto decoded = ObjectRecord::decode(head.encode());
  const auto decoded_snapshot = ObjectRecord::decode(snapshot.encode());

  REQUIRE(decoded);
  CHECK(decoded->null_revision == 7);
  CHECK(decoded->snapshot_count == 2);
  CHECK(decoded->newest_snapshot == UINT64_MAX);
  CHECK(decoded->info.snapshot == 0);
  CHECK(decoded->info.created == head.info.modified);
  REQUIRE(decoded_snapshot);
  CHECK(decoded_snapshot->info.snapshot == 9);
}

TEST_CASE("a tier and what is soft deleted round-trip") {
  ObjectRecord record;
  record.info = info();
  record.info.size = 0;
  record.info.tiering = {.tier = Tier::archive,
                         .changed = record.info.modified,
                         .awaited = Tier::cool,
                         .due = record.info.modified + std::chrono::hours(2),
                         .urgent = true};
  record.info.soft_deleted = true;
  record.info.deleted = record.info.modified;
  record.info.kept_until = record.info.modified + std::chrono::days(7);
  record.deleted_count = 3;
  record.deleted_current = 5;

  const auto decoded = ObjectRecord::decode(record.encode());

  REQUIRE(decoded);
  CHECK(decoded->info.tiering == record.info.tiering);
  CHECK(decoded->info.soft_deleted);
  CHECK(decoded->info.deleted == record.info.deleted);
  CHECK(decoded->info.kept_until == record.info.kept_until);
  CHECK(decoded->deleted_count == 3);
  CHECK(decoded->deleted_current == 5);
  CHECK(AccountRecord::decode(AccountRecord{{.service = "text"}}.encode())->settings.service == "text");
  CHECK_FALSE(AccountRecord::decode("\2"));
}

TEST_CASE("a delete marker has no bytes") {
  ObjectRecord marker;
  marker.info.md5 = std::string(16, 'm');
  marker.info.delete_marker = true;
  auto impossible = object(InlineContent{kId, 1});
  impossible.info.delete_marker = true;

  CHECK(ObjectRecord::decode(marker.encode())->info.delete_marker);
  CHECK(ObjectRecord::decode(impossible.encode()).error().code == ErrorCode::corrupt);
}

TEST_CASE("bucket, upload and extent rows round-trip") {
  const auto made = BucketRecord::decode(bucket().encode());
  const auto begun = UploadRecord::decode(upload().encode());
  const auto extent = ExtentRecord::decode(ExtentRecord{UINT64_MAX, UINT32_MAX, 3}.encode());

  REQUIRE(made);
  CHECK(made->id == kId);
  CHECK(made->owner == "alice");
  CHECK(made->created == info().modified);
  CHECK(made->modified == bucket().modified);
  CHECK(made->revision == 77);
  CHECK(made->removal == kId);
  CHECK(made->settings == settings());
  REQUIRE(begun);
  CHECK(begun->encode() == upload().encode());
  CHECK(begun->tags == info().tags);
  CHECK(begun->acl == "acl");
  CHECK(begun->checksum == DigestAlgorithm::sha1);
  CHECK(begun->checksum_type == ChecksumType::full_object);
  REQUIRE(extent);
  CHECK(extent->length == UINT64_MAX);
  CHECK(extent->crc32c == UINT32_MAX);
  CHECK(extent->references == 3);
}

TEST_CASE("part and manifest rows round-trip") {
  const auto decoded = ManifestRecord::decode(ManifestRecord{{part(1), part(10000)}}.encode());

  REQUIRE(decoded);
  REQUIRE(decoded->parts.size() == 2);
  CHECK(decoded->parts[1].info.number == 10000);
  CHECK(decoded->parts[1].info.checksum == part(1).info.checksum);
  CHECK(decoded->parts[1].crc64nvme == part(1).crc64nvme);
  CHECK(decoded->parts[1].slices == part(1).slices);
}

TEST_CASE("a claim is remembered, number by number") {
  UploadGarbage garbage;
  garbage.claim(1);
  garbage.claim(10000);

  const auto decoded = UploadGarbage::decode(garbage.encode());

  REQUIRE(decoded);
  CHECK(decoded->is_claimed(1));
  CHECK(decoded->is_claimed(10000));
  CHECK_FALSE(decoded->is_claimed(2));
  CHECK_FALSE(decoded->is_claimed(20000));
}

TEST_CASE("a field that is not known is read over") {
  auto row = ExtentRecord{1, 2, 3}.encode();
  row += Encoder().bytes(99, "of a later time").number(100, 7).take();

  const auto decoded = ExtentRecord::decode(row);

  REQUIRE(decoded);
  CHECK(decoded->references == 3);
}

TEST_CASE("a row of another format version is corrupt") {
  auto row = ExtentRecord{1, 2, 3}.encode();
  row[0] = 2;

  CHECK(ExtentRecord::decode(row).error().code == ErrorCode::corrupt);
  CHECK(ExtentRecord::decode("").error().code == ErrorCode::corrupt);
}

TEST_CASE("content that does not come to the object's size is corrupt") {
  auto record = object(std::vector{slice(1, 100), slice(2, 199)});

  CHECK(ObjectRecord::decode(record.encode()).error().code == ErrorCode::corrupt);
}

TEST_CASE("a slice beyond its extent is corrupt") {
  auto record = object(std::vector{slice(1, 300)});
  std::get<std::vector<Slice>>(record.content)[0].range.offset = 11;

  CHECK(ObjectRecord::decode(record.encode()).error().code == ErrorCode::corrupt);
}

TEST_CASE("a row cut short at any byte is corrupt or sound, never a crash") {
  for (const auto& row : samples()) {
    for (std::size_t length = 0; length < row.size(); ++length) decode_as_everything(std::string(row, 0, length));
  }
}

TEST_CASE("rows with bytes changed at random are corrupt or sound, never a crash") {
  std::mt19937 random(17);
  for (const auto& row : samples()) {
    for (int i = 0; i < 3000; ++i) {
      auto changed = row;
      for (auto changes = random() % 3 + 1; changes > 0; --changes) {
        changed[random() % changed.size()] = static_cast<char>(random());
      }
      decode_as_everything(changed);
    }
  }
}

TEST_CASE("bytes at random are corrupt or sound, never a crash") {
  std::mt19937 random(18);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    if (!bytes.empty()) bytes[0] = 1;
    decode_as_everything(bytes);
  }
}

TEST_CASE("a varint of more than 64 bits is refused") {
  std::uint64_t value = 0;
  std::string largest;
  append_varint(largest, UINT64_MAX);
  std::string_view in = largest;
  CHECK(take_varint(in, value));
  CHECK(value == UINT64_MAX);

  std::string larger(10, '\xFF');
  larger.back() = 2;
  in = larger;
  CHECK_FALSE(take_varint(in, value));
}

TEST_CASE("parts are packed into rows that their manifest finds by offset and number") {
  std::vector<PartRecord> parts;
  for (std::uint32_t number = 1; number <= 500; ++number) parts.push_back(part(2 * number));

  const auto packed = pack(kId, parts);

  const auto& manifest = packed.manifest;
  REQUIRE(packed.rows.size() > 2);
  REQUIRE(manifest.rows.size() == packed.rows.size());
  CHECK(manifest.rows.back().end == 500 * 300);
  CHECK(manifest.rows.back().last_number == 1000);
  for (const auto& row : packed.rows) CHECK(row.value.size() <= 64 * 1024);
  CHECK(row_of_offset(manifest, 0) == 0);
  CHECK(row_of_offset(manifest, manifest.rows[0].end - 1) == 0);
  CHECK(row_of_offset(manifest, manifest.rows[0].end) == 1);
  CHECK(row_of_offset(manifest, 500 * 300) == manifest.rows.size());
  CHECK(row_of_number(manifest, manifest.rows[0].last_number) == 0);
  CHECK(row_of_number(manifest, manifest.rows[0].last_number + 1) == 1);
  CHECK(row_of_number(manifest, 1001) == manifest.rows.size());
}

}  // namespace sluice::object

#include "gateway/object/catalog.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "gateway/object/ids.h"

namespace sluice::object {
namespace {

const std::string kFirst(kUploadIdSize, '0');
const std::string kLast(kUploadIdSize, 'f');

// In byte order, with what is hard about keys.
const std::vector<std::string> kKeys = {"a",
                                        std::string("a\0", 2),
                                        std::string("a\0\0", 3),
                                        std::string("a\0\xC3\xBF", 4),
                                        "a\x01",
                                        "a b",
                                        "a-b",
                                        "a/b",
                                        "a0",
                                        "b"};

}  // namespace

TEST_CASE("rows of objects sort as their keys do") {
  for (std::size_t i = 1; i < kKeys.size(); ++i) {
    CHECK(object_key({"photos", kKeys[i - 1]}) < object_key({"photos", kKeys[i]}));
  }
}

TEST_CASE("rows of uploads sort by key, then by id") {
  for (std::size_t i = 1; i < kKeys.size(); ++i) {
    const ObjectName before{"photos", kKeys[i - 1]};
    const ObjectName after{"photos", kKeys[i]};
    CHECK(upload_key(before, kFirst) < upload_key(before, kLast));
    CHECK(upload_key(before, kLast) < uploads_end(before));
    CHECK(uploads_end(before) < upload_key(after, kFirst));
  }
}

TEST_CASE("a prefix of keys is a prefix of upload rows, and of no others") {
  for (const auto& key : kKeys) {
    for (const auto& prefix : kKeys) {
      const bool has = upload_key({"photos", key}, kFirst).starts_with(uploads_prefix("photos", prefix));
      CHECK(has == key.starts_with(prefix));
    }
  }
}

TEST_CASE("the name of an upload is read back from its row's key") {
  for (const auto& key : kKeys) {
    const auto name = upload_of_key(upload_key({"photos", key}, kFirst));
    REQUIRE(name);
    CHECK(name->object == ObjectName{"photos", key});
    CHECK(name->upload_id == kFirst);
  }
  CHECK_FALSE(upload_of_key("uphotos"));
  CHECK_FALSE(upload_of_key(std::string("uphotos\0key\0short", 17)));
}

TEST_CASE("rows of versions sort by key, then the newest first") {
  const auto older = new_revision(UtcTime{});
  for (std::size_t i = 1; i < kKeys.size(); ++i) {
    const ObjectName before{"photos", kKeys[i - 1]};
    const ObjectName after{"photos", kKeys[i]};
    CHECK(version_key(before, older + 1) < version_key(before, older));
    CHECK(version_key(before, older) < version_key(after, older + 1));
    CHECK(versions_of(before).begin < version_key(before, older + 1));
    CHECK(version_key(before, older) < versions_of(before).end);
    CHECK(versions_of(before).end <= versions_of(after).begin);
  }
}

TEST_CASE("the name of a version is read back from its row's key") {
  const auto revision = new_revision(UtcTime{});
  for (const auto& key : kKeys) {
    const auto name = version_of_key(version_key({"photos", key}, revision));
    REQUIRE(name);
    CHECK(name->object == ObjectName{"photos", key});
    CHECK(name->revision == revision);
  }
  CHECK_FALSE(version_of_key("vphotos"));
  CHECK_FALSE(version_of_key(std::string("vphotos\0key\0short", 17)));
}

TEST_CASE("what is kept for a while sorts by when it may go, and is read back from its row's key") {
  const UtcTime early(std::chrono::milliseconds(1'767'225'600'000));
  const UtcTime late = early + std::chrono::milliseconds(1);
  const std::uint64_t revision = 0x8D000000000000FF;
  const auto key = retained_key(early, {"photos", std::string("a\0b", 3)}, revision);

  CHECK(key < retained_key(late, {"photos", "a"}, revision));
  const auto name = retained_of_key(key);
  REQUIRE(name);
  CHECK(name->until == early);
  CHECK(name->state.object == ObjectName{"photos", std::string("a\0b", 3)});
  CHECK(name->state.revision == revision);
  CHECK_FALSE(retained_of_key("gs"));
  CHECK_FALSE(retained_of_key(key.substr(0, key.size() - 1)));
}

TEST_CASE("the longest key of a row fits an index") {
  const ObjectName longest{std::string(63, 'b'), std::string(kKeySizeMax, '\0')};
  CHECK(object_key(longest).size() <= Index::kKeySizeMax);
  CHECK(upload_key(longest, kFirst).size() <= Index::kKeySizeMax);
  CHECK(version_key(longest, 1).size() <= Index::kKeySizeMax);
  CHECK(retained_key({}, longest, 1).size() <= Index::kKeySizeMax);
}

TEST_CASE("rows of extents and parts sort by number") {
  CHECK(extent_key(ExtentId{255}) < extent_key(ExtentId{256}));
  CHECK(extent_of_key(extent_key(ExtentId{1ULL << 63})) == ExtentId{1ULL << 63});
  CHECK(extent_of_key(extent_garbage_key(ExtentId{77})) == ExtentId{77});
  CHECK(part_key(kFirst, 255) < part_key(kFirst, 256));
}

TEST_CASE("the successor of a prefix is behind all that begin with it") {
  CHECK(successor("a") == "b");
  CHECK(successor("a\xFF") == "b");
  CHECK(successor("a\xFE\xFF\xFF") == "a\xFF");
}

TEST_CASE("upload ids sort by the time they begin, revisions always rise") {
  const UtcTime now(std::chrono::milliseconds(1'767'225'600'250));
  CHECK(new_upload_id(now) < new_upload_id(now + std::chrono::milliseconds(1)));
  CHECK(new_upload_id(now) != new_upload_id(now));
  CHECK(new_upload_id(now).size() == kUploadIdSize);

  const auto current = new_revision(now + std::chrono::hours(1));
  CHECK(new_revision(now, current) == current + 1);
  CHECK(new_revision(UtcTime{}) >= 1ULL << 56);
}

}  // namespace sluice::object

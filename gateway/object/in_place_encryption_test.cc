#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "gateway/object/catalog.h"
#include "gateway/object/encryption.h"
#include "gateway/object/page_cipher.h"
#include "gateway/object/page_map.h"
#include "tests/support/object_world.h"
#include "tests/support/run_task.h"

// Append and page objects that are encrypted: everything they do, and what is found where somebody changed the index.

namespace sluice::object {
namespace {

using test::run;
using test::World;

const ObjectName kLog{"photos", "log"};
const ObjectName kDisk{"photos", "disk"};
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kPage = Pages::kPageSize;
const std::string kSecret = "a secret of some length;";

SecretKey key_of(char fill) { return *SecretKey::of(std::string(SecretKey::kSize, fill)); }

ErrorCode code(const auto& result) { return result ? ErrorCode::internal : result.error().code; }

PutOptions by_customer(char fill) {
  PutOptions options;
  options.encryption.customer_key = key_of(fill);
  return options;
}

OpenOptions opened_with(char fill) {
  OpenOptions options;
  options.customer_key = key_of(fill);
  return options;
}

AppendOptions append_with(char fill) {
  AppendOptions options;
  options.customer_key = key_of(fill);
  return options;
}

PageOptions pages_with(char fill) {
  PageOptions options;
  options.customer_key = key_of(fill);
  return options;
}

OpenOptions range(std::uint64_t first, std::uint64_t length) {
  OpenOptions options;
  options.range = RangeRequest{first, first + length - 1};
  return options;
}

/// A world whose bucket encrypts what says nothing of it.
struct Encrypting : World {
  explicit Encrypting(std::uint64_t extent_length_max = kMiB, std::size_t inline_size_max = 64)
      : World(extent_length_max, inline_size_max) {
    REQUIRE(run(buckets.change(context, "photos", [](BucketSettings& settings) {
      settings.encryption = to_setting({});
      return Result<>();
    })));
  }

  bool stores(const std::string& text) const {
    if (extents.holds(text)) return true;
    return std::ranges::any_of(index.rows(), [&](const auto& row) { return row.second.find(text) != text.npos; });
  }

  Result<ObjectInfo> make_disk(std::uint64_t size, const PutOptions& options = {}) {
    return run(pages.create(context, kDisk, options, size, 0));
  }

  Result<PageAnswer> write(std::uint64_t offset, const std::string& text, const PageOptions& options = {}) {
    const auto put = [&]() -> Task<PageAnswer> {
      test::StringSource source(text, 100'000);
      DigestSource body(source);
      co_return co_await pages.put(context, kDisk, options, offset, body);
    };
    return run(put());
  }

  Result<ObjectInfo> clear(ByteRange range, const PageOptions& options = {}) {
    return run(pages.clear(context, kDisk, options, range));
  }

  /// Changes the row of a record, whatever it means.
  template <class Record>
  void edit(const std::string& key, const std::function<void(Record&)>& change) {
    const auto transaction = index.begin();
    Catalog rows(*transaction);
    auto record = run(rows.get<Record>(key)).value().value();
    change(record);
    rows.put(key, record);
    REQUIRE(run(transaction->commit()));
  }

  void edit_log(const std::function<void(Appended&)>& change) {
    edit<ObjectRecord>(object_key(kLog), [&](ObjectRecord& record) { change(std::get<Appended>(record.content)); });
  }

  std::string map_id() {
    const auto record = ObjectRecord::decode(index.rows().at(object_key(kDisk)));
    return std::get<PageMap>(record.value().content).id;
  }
};

std::string pages(std::size_t count, char letter) { return std::string(count * kPage, letter); }

std::string secret_pages(std::size_t count) {
  std::string text;
  while (text.size() < count * kPage) text += kSecret;
  text.resize(count * kPage);
  return text;
}

/// Appends of all sizes: such as gather, such as flush what gathered, and such as take many extents.
std::string append_many(Encrypting& world, const AppendOptions& options, std::size_t count) {
  std::mt19937 random(11);
  std::string all;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    const std::size_t size = i % 13 == 12 ? random() % 900 + 1 : random() % 30 + 1;
    while (text.size() < size) text += kSecret + std::to_string(i);
    text.resize(size);
    REQUIRE(world.append("log", text, options));
    all += text;
  }
  return all;
}

}  // namespace

TEST_CASE("an encrypted append object reads as what was appended, in any range, and is not stored in the clear") {
  Encrypting world(/*extent_length_max=*/128, /*inline_size_max=*/32);
  for (const bool customers : {false, true}) {
    REQUIRE(world.create_append("log", customers ? by_customer('k') : PutOptions{}));
    const auto all = append_many(world, customers ? append_with('k') : AppendOptions{}, 400);
    const auto read = [&](OpenOptions options) {
      if (customers) options.customer_key = key_of('k');
      return world.get("log", options);
    };

    CHECK((read({}) == all));
    std::mt19937 random(5);
    for (int i = 0; i < 100; ++i) {
      const auto first = random() % all.size();
      const auto length = std::min<std::size_t>(all.size() - first, random() % 700 + 1);
      REQUIRE((read(range(first, length)) == all.substr(first, length)));
    }
    const auto record = ObjectRecord::decode(world.index.rows().at(object_key(kLog))).value();
    CHECK_FALSE(std::get<Appended>(record.content).packed.rows.empty());
    CHECK(record.info.checksum->digest == digest_of(DigestAlgorithm::crc64nvme, all));
    CHECK_FALSE(world.stores(kSecret));
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("the same append is stored differently each time, at whatever place") {
  Encrypting world;
  for (const char* key : {"a", "b"}) {
    REQUIRE(world.create_append(key));
    REQUIRE(world.append(key, kSecret));
    REQUIRE(world.append(key, kSecret));
  }

  std::vector<std::string> bodies;
  for (const auto& [key, value] : world.index.rows()) {
    if (key.starts_with("d")) bodies.push_back(value);
  }
  REQUIRE(bodies.size() == 4);
  std::ranges::sort(bodies);
  CHECK(std::ranges::adjacent_find(bodies) == bodies.end());
}

TEST_CASE("an append object under a customer's key is read and written with that key alone") {
  Encrypting world;
  REQUIRE(world.create_append("log", by_customer('k')));
  REQUIRE(world.append("log", "first", append_with('k')));

  CHECK(code(world.append("log", "more")) == ErrorCode::customer_key_missing);
  CHECK(code(world.append("log", "more", append_with('x'))) == ErrorCode::customer_key_mismatch);
  CHECK(code(world.get("log")) == ErrorCode::customer_key_missing);
  CHECK(code(world.get("log", opened_with('x'))) == ErrorCode::customer_key_mismatch);
  REQUIRE(world.create_append("managed"));
  CHECK(code(world.append("managed", "more", append_with('k'))) == ErrorCode::customer_key_unexpected);

  CHECK(world.get("log", opened_with('k')) == "first");
  CHECK(run(world.appends.seal(world.context, kLog, {}, {})));
  CHECK(world.leftovers() == "");
}

TEST_CASE("pieces of an append object that were exchanged are found, in ranges too") {
  const std::string kLong(100, 'l');
  for (const bool small : {false, true}) {
    Encrypting world;
    REQUIRE(world.create_append("log"));
    const auto text = small ? std::string("tail") : kLong;
    for (int i = 0; i < 3; ++i) REQUIRE(world.append("log", text));
    REQUIRE(world.get("log") == text + text + text);

    world.edit_log([&](Appended& content) {
      if (small) return std::swap(content.tail[0], content.tail[2]);
      std::swap(content.slices[0], content.slices[2]);
      std::swap(content.pieces[0], content.pieces[2]);
    });

    CHECK(code(world.get("log")) == ErrorCode::corrupt);
    CHECK(code(world.get("log", range(1, 2))) == ErrorCode::corrupt);
    CHECK(world.get("log", range(text.size(), 3)) == text.substr(0, 3));
  }
}

TEST_CASE("pieces that went to a row of their own are bound to their places as well") {
  Encrypting world;
  REQUIRE(world.create_append("log"));
  for (int i = 0; i < 65; ++i) REQUIRE(world.append("log", std::string(100, 'l')));
  const auto record = ObjectRecord::decode(world.index.rows().at(object_key(kLog))).value();
  const auto& packed = std::get<Appended>(record.content).packed;
  REQUIRE(packed.rows.size() == 1);
  REQUIRE(world.get("log") == std::string(6500, 'l'));

  world.edit<ManifestRecord>(manifest_key(packed.id, 0), [](ManifestRecord& row) {
    std::swap(row.parts[3].slices, row.parts[4].slices);
    std::swap(row.parts[3].seal, row.parts[4].seal);
  });

  CHECK(code(world.get("log", range(310, 5))) == ErrorCode::corrupt);
  CHECK(world.get("log", range(0, 300)) == std::string(300, 'l'));
}

TEST_CASE("what was encrypted for an object is not appended to another that took its place") {
  for (const bool encrypted : {true, false}) {
    for (std::uint64_t n = 1;; ++n) {
      Encrypting world;
      REQUIRE(world.create_append("log"));
      const auto replace = [&]() -> Awaitable<> {
        if (encrypted) {
          (void)co_await world.appends.create(world.context, kLog, {});
        } else {
          (void)co_await world.start_put("log", "a block object");
        }
      };
      world.faulty.faults.interrupt_at(n, replace);
      const auto appended = world.append("log", kSecret);
      const bool struck = world.faulty.faults.struck();
      world.faulty.faults.start();
      INFO("call " << n);
      if (!struck) break;
      const auto left = world.get("log");
      REQUIRE(left);
      if (appended) {
        CHECK((left == kSecret || left == "a block object" || left == ""));
      } else {
        CHECK((code(appended) == ErrorCode::unavailable || code(appended) == ErrorCode::kind_mismatch));
        CHECK(left == (encrypted ? "" : "a block object"));
      }
      CHECK(world.leftovers() == "");
    }
  }
}

TEST_CASE("copies and snapshots of encrypted append objects share their extents and go their own way") {
  Encrypting world(/*extent_length_max=*/128, /*inline_size_max=*/32);
  REQUIRE(world.create_append("log"));
  const auto all = append_many(world, {}, 120);
  const auto extents = world.extents.extent_count();

  REQUIRE(world.copy("log", "copy"));
  const auto taken = run(world.start_snapshot("log")).value();

  CHECK(world.extents.extent_count() == extents);
  REQUIRE(world.append("copy", "of the copy"));
  REQUIRE(world.append("log", "of the log"));
  CHECK((world.get("copy") == all + "of the copy"));
  CHECK((world.get("log") == all + "of the log"));
  OpenOptions snapshot;
  snapshot.which.snapshot = taken.snapshot;
  CHECK((world.get("log", snapshot) == all));
  REQUIRE(world.remove("copy"));
  CHECK((world.get("log") == all + "of the log"));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a copy of an append object that is encrypted otherwise stays one") {
  Encrypting world(/*extent_length_max=*/128, /*inline_size_max=*/32);
  for (const std::size_t count : {1UZ, 100UZ}) {
    REQUIRE(world.create_append("log", by_customer('k')));
    const auto all = append_many(world, append_with('k'), count);
    CopyOptions options;
    options.source_customer_key = key_of('k');
    options.encryption.customer_key = key_of('l');

    REQUIRE(world.copy("log", "copy", options));
    REQUIRE(world.append("copy", "more", append_with('l')));

    CHECK((world.get("copy", opened_with('l')) == all + "more"));
    CHECK_FALSE(world.stores(kSecret));
    CHECK(world.leftovers() == "");
  }
}

TEST_CASE("an append to an encrypted object that fails at any call leaves it as it was") {
  for (const std::size_t size : {3UZ, 300UZ}) {
    for (std::uint64_t n = 1;; ++n) {
      Encrypting world(/*extent_length_max=*/128, /*inline_size_max=*/16);
      REQUIRE(world.create_append("log"));
      std::string text;
      for (int i = 0; i < 17; ++i) {
        REQUIRE(world.append("log", "abc"));
        text += "abc";
      }
      world.faulty.faults.fail_at(n);
      const std::string more(size, 'm');
      const bool appended = world.append("log", more).has_value();
      const bool struck = world.faulty.faults.struck();
      world.faulty.faults.start();
      INFO("call " << n);
      CHECK(appended != struck);
      CHECK(world.get("log") == (appended ? text + more : text));
      CHECK(world.leftovers() == "");
      if (!struck) break;
    }
  }
}

TEST_CASE("any writes and clears of an encrypted page object read back as they would in memory") {
  Encrypting world(/*extent_length_max=*/300 * 1024);
  constexpr std::uint64_t kSize = 9 * kMiB;
  std::string expected(kSize, '\0');
  REQUIRE(world.make_disk(kSize, by_customer('k')));
  const auto key = pages_with('k');
  std::mt19937 random(7);
  for (int i = 0; i < 150; ++i) {
    const auto offset = random() % (kSize / kPage) * kPage;
    const auto most = std::min<std::uint64_t>((kSize - offset) / kPage, i % 10 == 0 ? 4000 : 40);
    const auto length = (random() % most + 1) * kPage;
    if (i % 5 == 4) {
      REQUIRE(world.clear({offset, length}, key));
      expected.replace(offset, length, length, '\0');
    } else {
      const auto letter = static_cast<char>('a' + i % 26);
      REQUIRE(world.write(offset, std::string(length, letter), key));
      expected.replace(offset, length, length, letter);
    }
  }

  CHECK((world.get("disk", opened_with('k')) == expected));
  for (int i = 0; i < 60; ++i) {
    const auto offset = random() % kSize;
    auto options = range(offset, std::min<std::uint64_t>(kSize - offset, random() % (5 * kMiB) + 1));
    options.customer_key = key_of('k');
    const auto length = *options.range->last - offset + 1;
    REQUIRE((world.get("disk", options) == expected.substr(offset, length)));
  }
  CHECK(world.leftovers() == "");
}

TEST_CASE("encrypted pages are not stored in the clear, nor twice alike") {
  Encrypting world;
  REQUIRE(world.make_disk(4 * kMiB));
  REQUIRE(world.write(0, secret_pages(3)));
  CHECK(world.get("disk", range(0, 3 * kPage)) == secret_pages(3));
  CHECK_FALSE(world.stores(kSecret));
  const auto seals = [&] {
    const auto row = ManifestRecord::decode(world.index.rows().at(region_key(world.map_id(), 0))).value();
    return row.sealed;
  };
  const auto first = seals();

  REQUIRE(world.write(0, secret_pages(3)));

  const auto second = seals();
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(first[0].seed != second[0].seed);
  CHECK(first[0].pieces[0].tag != second[0].pieces[0].tag);
  CHECK(world.leftovers() == "");
}

TEST_CASE("a page object under a customer's key is read and written with that key alone") {
  Encrypting world;
  REQUIRE(world.make_disk(4 * kPage, by_customer('k')));
  REQUIRE(world.write(0, pages(2, 'a'), pages_with('k')));

  CHECK(code(world.write(0, pages(1, 'b'))) == ErrorCode::customer_key_missing);
  CHECK(code(world.write(0, pages(1, 'b'), pages_with('x'))) == ErrorCode::customer_key_mismatch);
  CHECK(code(world.clear({0, kPage})) == ErrorCode::customer_key_missing);
  CHECK(code(run(world.pages.resize(world.context, kDisk, {}, kPage))) == ErrorCode::customer_key_missing);
  CHECK(code(run(world.pages.resize(world.context, kDisk, pages_with('x'), kPage))) ==
        ErrorCode::customer_key_mismatch);
  CHECK(code(world.get("disk")) == ErrorCode::customer_key_missing);

  CHECK(world.get("disk", opened_with('k')) == pages(2, 'a') + pages(2, '\0'));
  const PageQuery all{.range = {0, Pages::kSizeMax}, .limit = 10};
  CHECK(run(world.pages.ranges(world.context, kDisk, all)).value().ranges.size() == 1);
  CHECK(run(world.pages.set_sequence(world.context, kDisk, {}, SequenceAct::increment, 0)));
  REQUIRE(run(world.pages.resize(world.context, kDisk, pages_with('k'), kPage)));
  REQUIRE(run(world.pages.resize(world.context, kDisk, pages_with('k'), 3 * kPage)));
  CHECK(world.get("disk", opened_with('k')) == pages(1, 'a') + pages(2, '\0'));
  CHECK(world.leftovers() == "");
}

TEST_CASE("pages that were exchanged, or put at another place, are found whatever range is read") {
  Encrypting world;
  REQUIRE(world.make_disk(8 * kMiB));
  REQUIRE(world.write(0, pages(1, 'a')));
  REQUIRE(world.write(2 * kPage, pages(1, 'b')));
  REQUIRE(world.write(4 * kMiB, pages(1, 'c')));
  const auto key = region_key(world.map_id(), 0);
  const auto good = world.index.rows().at(key);
  const auto change = [&](const std::function<void(ManifestRecord&)>& edit) {
    world.edit<ManifestRecord>(key, edit);
    const auto read = world.get("disk", range(3, 1));
    world.edit<ManifestRecord>(key, [&](ManifestRecord& row) { row = ManifestRecord::decode(good).value(); });
    return code(read);
  };

  CHECK(change([](ManifestRecord& row) { std::swap(row.parts[0].slices, row.parts[1].slices); }) == ErrorCode::corrupt);
  CHECK(change([](ManifestRecord& row) { std::swap(row.sealed[0].seed, row.sealed[1].seed); }) == ErrorCode::corrupt);
  CHECK(change([](ManifestRecord& row) { row.sealed.clear(); }) == ErrorCode::corrupt);
  const auto change_tag = [](ManifestRecord& row) {
    const auto id = row.parts[0].slices[0].extent.id;
    std::ranges::find(row.sealed, id, &SealedExtent::id)->pieces[0].tag[0] ^= 1;
  };
  CHECK(change(change_tag) == ErrorCode::corrupt);
  // Of another region, at the same place in it.
  const auto other = ManifestRecord::decode(world.index.rows().at(region_key(world.map_id(), 1))).value();
  CHECK(change([&](ManifestRecord& row) { row = other; }) == ErrorCode::corrupt);
  CHECK(world.get("disk", range(3, 1)) == "a");
}

TEST_CASE("fsck finds encrypted pages that have no seal") {
  Encrypting world;
  REQUIRE(world.make_disk(4 * kMiB));
  REQUIRE(world.write(0, pages(1, 'a')));
  CHECK(world.leftovers() == "");

  world.edit<ManifestRecord>(region_key(world.map_id(), 0), [](ManifestRecord& row) { row.sealed.clear(); });

  CHECK(world.check().first.faults == 1);
}

TEST_CASE("an encrypted region that is written over and over stays within its bounds") {
  Encrypting world;
  REQUIRE(world.make_disk(4 * kMiB));
  std::string expected(4 * kMiB, '\0');
  for (std::size_t i = 0; i < 700; ++i) {
    const auto at = i * 37 % 8000 * kPage;
    const auto letter = static_cast<char>('a' + i % 26);
    REQUIRE(world.write(at, pages(1, letter)));
    expected.replace(at, kPage, pages(1, letter));
  }
  world.reclaim();

  CHECK(world.extents.extent_count() <= 200);
  CHECK((world.get("disk") == expected));
  const PageQuery all{.range = {0, Pages::kSizeMax}, .limit = 10'000};
  std::uint64_t written = 0;
  for (const auto& run : run(world.pages.ranges(world.context, kDisk, all)).value().ranges) written += run.bytes.length;
  CHECK(written == 700 * kPage);
  for (int i = 0; i < 40; ++i) REQUIRE(world.write(static_cast<std::uint64_t>(i) * kPage, std::string(kMiB, 'b')));
  world.reclaim();
  CHECK(world.extents.extent_count() <= 40);
  CHECK(world.leftovers() == "");
}

TEST_CASE("an encrypted region of more runs than fit its row becomes one run, and its row is never too large") {
  Encrypting world(/*extent_length_max=*/4 * kMiB);
  REQUIRE(world.make_disk(4 * kMiB));
  std::string expected(4 * kMiB, 'a');
  REQUIRE(world.write(0, expected));
  std::size_t largest = 0;
  for (std::uint64_t i = 0; i < 1010; ++i) {
    REQUIRE(world.clear({4 * i * kPage, kPage}));
    expected.replace(4 * i * kPage, kPage, pages(1, '\0'));
    largest = std::max(largest, world.index.rows().at(region_key(world.map_id(), 0)).size());
  }

  CHECK(largest < Index::kValueSizeMax);
  CHECK((world.get("disk") == expected));
  CHECK(world.leftovers() == "");
}

TEST_CASE("copies and snapshots of encrypted page objects share their extents and go their own way") {
  Encrypting world;
  REQUIRE(world.make_disk(8 * kMiB));
  REQUIRE(world.write(4 * kMiB - kPage, secret_pages(2)));
  const auto extents = world.extents.extent_count();

  REQUIRE(world.copy("disk", "copy"));
  const auto taken = run(world.start_snapshot("disk")).value();
  CHECK(world.extents.extent_count() == extents);
  REQUIRE(world.write(4 * kMiB - kPage, pages(1, 'n')));

  const auto there = range(4 * kMiB - kPage, 2 * kPage);
  auto snapshot = there;
  snapshot.which.snapshot = taken.snapshot;
  CHECK(world.get("copy", there) == secret_pages(2));
  CHECK(world.get("disk", snapshot) == secret_pages(2));
  CHECK(world.get("disk", there) == pages(1, 'n') + secret_pages(2).substr(kPage));
  CHECK(world.leftovers() == "");
}

TEST_CASE("a write of encrypted pages that fails at any call leaves them as they were") {
  for (std::uint64_t n = 1;; ++n) {
    Encrypting world(/*extent_length_max=*/2 * kPage);
    REQUIRE(world.make_disk(8 * kMiB));
    REQUIRE(world.write(4 * kMiB - kPage, pages(3, 'a')));
    world.faulty.faults.fail_at(n);
    const bool written = world.write(4 * kMiB - kPage, pages(3, 'b')).has_value();
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    REQUIRE(written != struck);
    CHECK(world.get("disk", range(4 * kMiB - kPage, 3 * kPage)) == pages(3, written ? 'b' : 'a'));
    CHECK(world.leftovers() == "");
    if (!struck) break;
  }
}

TEST_CASE("a write into an encrypted region that must be put in order first fails whole, or not at all") {
  for (std::uint64_t n = 1;; n += n < 40 ? 7 : 31) {
    Encrypting world;
    REQUIRE(world.make_disk(4 * kMiB));
    std::string expected(131 * kPage, '\0');
    for (std::uint64_t i = 0; i < 130; ++i) {
      const auto letter = static_cast<char>('a' + i % 26);
      REQUIRE(world.write(i * kPage, pages(2, letter)));
      expected.replace(i * kPage, 2 * kPage, pages(2, letter));
    }
    world.faulty.faults.fail_at(n);
    const bool written = world.write(3 * kPage, pages(1, 'n')).has_value();
    const bool struck = world.faulty.faults.struck();
    world.faulty.faults.start();
    INFO("call " << n);
    REQUIRE(written != struck);
    if (written) expected.replace(3 * kPage, kPage, pages(1, 'n'));
    CHECK((world.get("disk", range(0, expected.size())) == expected));
    CHECK(world.leftovers() == "");
    if (!struck) break;
  }
}

}  // namespace sluice::object

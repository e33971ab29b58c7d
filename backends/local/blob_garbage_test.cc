#include "backends/local/blob_garbage.h"

#include <catch2/catch.hpp>

#include "backends/local/row_families.h"
#include "tests/support/temporary_directory.h"

namespace sluice::local {
namespace {

/// Bodies in blob files, which are rewritten when told.
class Bodies {
 public:
  Bodies()
      : rows_(directory_.path(), {.directory = directory_.path(), .write_buffer_size = 8 << 20, .kept_apart = 'd'},
              true, nullptr, log_),
        garbage_(rows_.database(), {rows_.others(), rows_.apart()}, log_) {}

  void put(int first, int count) {
    const std::string body(16'000, 'x');
    for (int n = first; n < first + count; ++n) {
      REQUIRE(rows_.database().Put({}, rows_.apart(), "d" + std::to_string(100'000 + n), body).ok());
    }
  }
  /// All rows go to tables, and what has been overwritten out of them.
  void compact() {
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    REQUIRE(rows_.database().CompactRange(all, rows_.apart(), nullptr, nullptr).ok());
  }
  std::uint64_t figure(const std::string& name) {
    std::uint64_t value = 0;
    REQUIRE(rows_.database().GetIntProperty(rows_.apart(), name, &value));
    return value;
  }
  std::uint64_t size() { return figure(rocksdb::DB::Properties::kLiveBlobFileSize); }
  std::uint64_t garbage() { return figure(rocksdb::DB::Properties::kLiveBlobFileGarbageSize); }
  void look() { garbage_.look_at_once(); }
  bool is_collected() { return rows_.database().GetOptions(rows_.apart()).enable_blob_garbage_collection; }

 private:
  test::TemporaryDirectory directory_;
  NullLog log_;
  RowFamilies rows_;
  BlobGarbage garbage_;
};

TEST_CASE("blob files are rewritten while enough in them is garbage, and not otherwise") {
  Bodies bodies;
  bodies.put(0, 8000);
  bodies.compact();
  bodies.look();
  CHECK_FALSE(bodies.is_collected());

  // Every second body is overwritten.
  for (int n = 0; n < 8000; n += 2) bodies.put(n, 1);
  bodies.compact();
  REQUIRE(bodies.garbage() * 4 >= bodies.size());
  bodies.look();
  CHECK(bodies.is_collected());

  const auto before = bodies.size();
  for (int round = 0; round < 8 && bodies.is_collected(); ++round) {
    bodies.put(9000 + round, 1);
    bodies.compact();
    bodies.look();
  }
  CHECK_FALSE(bodies.is_collected());
  CHECK(bodies.size() < before * 4 / 5);
}

}  // namespace
}  // namespace sluice::local

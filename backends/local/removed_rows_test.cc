#include "backends/local/removed_rows.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "backends/local/row_families.h"
#include "tests/support/temporary_directory.h"

namespace sluice::local {
namespace {

constexpr int kRows = 2 * static_cast<int>(RemovedRows::kSteppedOverMax);
constexpr auto kPatience = std::chrono::minutes(2);

std::string key_of(int n) { return "o" + std::to_string(1'000'000 + n); }

/// Rows in tables of the last level, and their removals but for the last one's in a new one.
void fill_and_remove(RowFamilies& rows) {
  auto* const family = rows.others();
  rocksdb::WriteBatch added;
  rocksdb::WriteBatch removed;
  for (int n = 0; n < kRows; ++n) {
    REQUIRE(added.Put(family, key_of(n), "value").ok());
    if (n + 1 < kRows) REQUIRE(removed.Delete(family, key_of(n)).ok());
  }
  for (auto* batch : {&added, &removed}) {
    REQUIRE(rows.database().Write({}, batch).ok());
    REQUIRE(rows.database().Flush({}, family).ok());
    if (batch == &added) REQUIRE(rows.database().CompactRange({}, family, nullptr, nullptr).ok());
  }
}

/// How many removed rows a read of all rows steps over.
std::uint64_t read(RowFamilies& rows) {
  const auto before = RemovedRows::stepped_over();
  const std::unique_ptr<rocksdb::Iterator> row(rows.database().NewIterator({}, rows.others()));
  row->Seek(key_of(0));
  REQUIRE(row->Valid());
  CHECK(row->key() == key_of(kRows - 1));
  return RemovedRows::stepped_over() - before;
}

TEST_CASE("rows that were removed are gone once reads have told of them") {
  const test::TemporaryDirectory directory;
  const LocalOptions options{.directory = directory.path(), .kept_apart = 'd', .index_threads = 1};
  NullLog log;
  RowFamilies rows(options.directory, options, true, nullptr, log);
  RemovedRows removed(rows.database(), log, std::chrono::milliseconds(100));
  fill_and_remove(rows);
  REQUIRE(read(rows) == kRows - 1);

  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (auto count = read(rows); count != 0; count = read(rows)) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    removed.tell(*rows.others(), key_of(0), "", count);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

TEST_CASE("a few removed rows are no reason to compact") {
  const test::TemporaryDirectory directory;
  const LocalOptions options{.directory = directory.path(), .kept_apart = 'd', .index_threads = 1};
  NullLog log;
  RowFamilies rows(options.directory, options, true, nullptr, log);
  RemovedRows removed(rows.database(), log);
  fill_and_remove(rows);
  removed.tell(*rows.others(), "", "", RemovedRows::kSteppedOverMax - 1);
  std::uint64_t due = 1;
  REQUIRE(rows.database().GetIntProperty(rows.others(), rocksdb::DB::Properties::kCompactionPending, &due));
  CHECK(due == 0);
}

}  // namespace
}  // namespace sluice::local

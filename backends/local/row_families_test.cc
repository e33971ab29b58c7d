#include "backends/local/row_families.h"

#include <catch2/catch.hpp>

#include "backends/local/rocks_options.h"
#include "gateway/core/log.h"
#include "tests/support/temporary_directory.h"

namespace sluice::local {
namespace {

using test::TemporaryDirectory;

LocalOptions options_of(const TemporaryDirectory& directory) {
  return {.directory = directory.path(), .write_buffer_size = 1 << 20, .kept_apart = 'd'};
}

std::unique_ptr<RowFamilies> open(const TemporaryDirectory& directory) {
  NullLog log;
  return std::make_unique<RowFamilies>(directory.path(), options_of(directory), true, nullptr, log);
}

std::string value_in(RowFamilies& rows, rocksdb::ColumnFamilyHandle* family, const std::string& key) {
  std::string value;
  const auto status = rows.database().Get({}, family, key, &value);
  return status.ok() ? value : status.ToString();
}

/// The parts that a range falls into, as letters of the families and ends.
std::string parts(const RowFamilies& rows, std::string begin, const std::string& end) {
  std::string found;
  for (;;) {
    const auto part = rows.first_part(begin, end);
    found += (part.family == rows.apart() ? "apart<" : "others<") + part.end + " ";
    if (part.is_last) return found;
    begin = part.end;
  }
}

TEST_CASE("a range falls into the parts of its families") {
  const TemporaryDirectory directory;
  const auto rows = open(directory);

  CHECK(parts(*rows, "a", "c") == "others<c ");
  CHECK(parts(*rows, "a", "d") == "others<d ");
  CHECK(parts(*rows, "a", "d1") == "others<d apart<d1 ");
  CHECK(parts(*rows, "a", "e") == "others<d apart<e ");
  CHECK(parts(*rows, "a", "f") == "others<d apart<e others<f ");
  CHECK(parts(*rows, "d", "d1") == "apart<d1 ");
  CHECK(parts(*rows, "d1", "") == "apart<e others< ");
  CHECK(parts(*rows, "e", "") == "others< ");
  CHECK(parts(*rows, "", "") == "others<d apart<e others< ");
}

TEST_CASE("rows that an earlier version kept in one table are moved, also after a crash on the way") {
  const TemporaryDirectory directory;
  auto options = rocks_options(options_of(directory));
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::Open(options, directory.path().string(), &opened).ok());
  const std::unique_ptr<rocksdb::DB> old(opened);
  const std::string body(8000, 'x');
  for (int n = 1000; n < 3000; ++n) REQUIRE(old->Put({}, "d" + std::to_string(n), body).ok());
  for (const char* key : {"c", "e", "o1"}) REQUIRE(old->Put({}, key, key).ok());
  REQUIRE(old->Close().ok());

  auto rows = open(directory);
  // As a crash between two writes of the move leaves it.
  REQUIRE(rows->database().Put({}, rows->others(), "d2500", body).ok());
  REQUIRE(rows->database().Delete({}, rows->apart(), "d2500").ok());
  rows.reset();
  rows = open(directory);

  for (int n = 1000; n < 3000; ++n) {
    const std::string key = "d" + std::to_string(n);
    REQUIRE(value_in(*rows, rows->apart(), key) == body);
    REQUIRE(value_in(*rows, rows->others(), key) == "NotFound: ");
  }
  for (const char* key : {"c", "e", "o1"}) CHECK(value_in(*rows, rows->others(), key) == key);
}

TEST_CASE("a database that is not there is not made unless that is wanted") {
  const TemporaryDirectory directory;
  NullLog log;

  CHECK_THROWS_AS(RowFamilies(directory.path() / "none", options_of(directory), false, nullptr, log),
                  std::runtime_error);
}

}  // namespace
}  // namespace sluice::local

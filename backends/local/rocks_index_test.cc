#include "backends/local/rocks_index.h"

#include <catch2/catch.hpp>

#include "backends/local/row_families.h"
#include "tests/support/run_task.h"
#include "tests/support/temporary_directory.h"

namespace sluice::local {
namespace {

using test::run;

constexpr int kTables = 60;  ///< RocksDB opens sixteen of a family when it starts.

/// A table for each of `kTables` rows, in both families.
void make_tables(const LocalOptions& options) {
  NullLog log;
  RowFamilies rows(options.directory, options, true, nullptr, log);
  for (auto* family : {rows.others(), rows.apart()}) {
    REQUIRE(rows.database().SetOptions(family, {{"disable_auto_compactions", "true"}}).ok());
  }
  for (int n = 0; n < kTables; ++n) {
    for (const std::string kind : {"d", "o"}) {
      const std::string key = kind + std::to_string(n);
      REQUIRE(rows.database().Put({}, rows.of(key), key, "value of " + key).ok());
      REQUIRE(rows.database().Flush({}, rows.of(key)).ok());
    }
  }
}

TEST_CASE("rows in tables that have not been opened yet are found after a start") {
  const test::TemporaryDirectory directory;
  const LocalOptions options{.directory = directory.path(), .kept_apart = 'd', .index_threads = 1};
  make_tables(options);
  NullLog log;
  std::atomic<bool> uncertain = false;
  RocksIndex index(directory.path(), options, false, uncertain, log);

  for (int n = 0; n < kTables; ++n) {
    for (const std::string kind : {"d", "o"}) {
      const std::string key = kind + std::to_string(n);
      const auto found = run(index.get(key));
      REQUIRE(found);
      CHECK(*found == "value of " + key);
    }
  }
}

TEST_CASE("a scan and a walk go through both families in the order of keys") {
  const test::TemporaryDirectory directory;
  const LocalOptions options{.directory = directory.path(), .kept_apart = 'd', .index_threads = 1};
  NullLog log;
  std::atomic<bool> uncertain = false;
  RocksIndex index(directory.path(), options, true, uncertain, log);
  const std::vector<std::string> keys = {"a", "c9", "d", "d1", "d2", "e", "f"};
  {
    auto transaction = index.begin();
    for (const auto& key : keys) transaction->put(key, key);
    REQUIRE(run(transaction->commit()));
  }

  /// Sees keys; from one that ends in 1 on, it wants the next to be "e".
  struct Seer : RowVisitor {
    Walk see(std::string_view key, std::string_view) override {
      seen.emplace_back(key);
      return key.ends_with('1') ? Walk::skip : Walk::on;
    }
    std::string_view skip_to() const override { return "e"; }
    std::vector<std::string> seen;
  };
  for (const std::size_t limit : {std::size_t{2}, std::size_t{4}, std::size_t{100}}) {
    const auto found = run(index.begin()->scan({"", ""}, limit));
    REQUIRE(found);
    REQUIRE(found->size() == std::min(limit, keys.size()));
    for (std::size_t n = 0; n < found->size(); ++n) CHECK((*found)[n].key == keys[n]);
  }
  for (const std::size_t expected : {std::size_t{1}, std::size_t{1000}}) {
    const auto seer = std::make_shared<Seer>();
    REQUIRE(run(index.begin()->walk({"b", ""}, seer, expected)));
    CHECK(seer->seen == std::vector<std::string>{"c9", "d", "d1", "e", "f"});
  }
}

}  // namespace
}  // namespace sluice::local

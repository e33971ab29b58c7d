#include "backends/local/local_extents.h"

#include <catch2/catch.hpp>
#include <stdexcept>

#include "tests/contract/local_store.h"
#include "tests/contract/stored_bytes.h"
#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

/// A data directory whose index is elsewhere, which can be closed and opened again.
class Extents {
 public:
  Extents() : options_(small_options(directory_.path(), 2 << 20)) {}

  /// Closed first, if it was open.
  local::LocalExtents& open() {
    close();
    extents_ = std::make_unique<local::LocalExtents>(options_, pool_, uncertain_, log_);
    return *extents_;
  }
  void close() { extents_.reset(); }
  std::atomic<bool>& uncertain() { return uncertain_; }
  void open_with_index_inside() { local::LocalBackend(options_, pool_, log_); }

  ExtentStore& store() { return extents_->extents(); }

 private:
  TemporaryDirectory directory_;
  local::LocalOptions options_;
  NullLog log_;
  BufferPool pool_{64 * BufferPool::kChunkSize};
  std::atomic<bool> uncertain_ = false;
  std::unique_ptr<local::LocalExtents> extents_;
};

TEST_CASE("a data directory without its index has an id for life") {
  Extents directory;
  const auto id = directory.open().id();
  CHECK(id.size() == 32);
  SECTION("also if its making was broken off") { CHECK(directory.open().is_new()); }
  SECTION("and is new until its index is there") {
    directory.open().finish();
    CHECK_FALSE(directory.open().is_new());
  }
  CHECK(directory.open().id() == id);
}

TEST_CASE("a data directory is never opened with an index in another place than its own") {
  Extents directory;
  SECTION("its index is elsewhere") {
    directory.open().finish();
    directory.close();
    CHECK_THROWS_AS(directory.open_with_index_inside(), std::runtime_error);
  }
  SECTION("its index is inside") {
    directory.open_with_index_inside();
    CHECK_THROWS_AS(directory.open(), std::runtime_error);
  }
}

TEST_CASE("a data directory without its index is clean only if nothing was left in doubt") {
  Extents directory;
  directory.open().finish();
  CHECK_FALSE(directory.open().was_unclean());
  SECTION("a commit is in doubt at the end") {
    directory.uncertain() = true;
    directory.close();
    directory.uncertain() = false;
    CHECK(directory.open().was_unclean());
  }
  SECTION("something was not given back because one was in doubt") {
    const auto extent = run(store_bytes(directory.store(), pattern(4096), std::nullopt));
    REQUIRE(extent);
    directory.uncertain() = true;
    REQUIRE(run(directory.store().release(*extent)));
    directory.uncertain() = false;
    CHECK(directory.open().was_unclean());
  }
  SECTION("none was") {
    const auto extent = run(store_bytes(directory.store(), pattern(4096), std::nullopt));
    REQUIRE(extent);
    REQUIRE(run(directory.store().release(*extent)));
    CHECK_FALSE(directory.open().was_unclean());
  }
}

}  // namespace
}  // namespace sluice::test

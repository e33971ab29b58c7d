#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "backends/local/extent_layout.h"
#include "tests/contract/local_store.h"
#include "tests/contract/stored_bytes.h"
#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

Extent put(LocalStore& store, std::size_t size, std::uint64_t seed = 1) {
  const auto extent = run(store_bytes(store.store(), pattern(size, seed), size));
  REQUIRE(extent);
  return *extent;
}

Result<std::string> read(LocalStore& store, const Extent& extent, ByteRange range) {
  return run(load_bytes(store.store(), extent, range));
}

std::uint64_t allocated(const std::filesystem::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * 512 : 0;
}

std::size_t segment_count(const LocalStore& store) {
  const std::filesystem::directory_iterator files(store.directory() / "data" / "segments");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST_CASE("a bit flipped in the data is found by who reads that block, and by nobody else") {
  LocalStore store;
  const Extent extent = put(store, 100'000);
  store.flip_bit(extent.id, 40'000);

  const auto touched = read(store, extent, {33'000, 100});
  const auto elsewhere = read(store, extent, {0, 32'768});

  CHECK(touched.error().code == ErrorCode::corrupt);
  CHECK(touched.error().detail.find("segment 1 at 4096") != std::string::npos);
  CHECK(elsewhere == pattern(100'000).substr(0, 32'768));
}

TEST_CASE("a bit flipped in the footer makes the extent corrupt") {
  LocalStore store;
  const Extent extent = put(store, 100'000);
  store.flip_bit(extent.id, local::footer_offset(extent.length) + 5);

  CHECK(read(store, extent, {0, 100}).error().code == ErrorCode::corrupt);
}

TEST_CASE("a bit flipped in the trailer makes the extent corrupt") {
  LocalStore store;
  const Extent extent = put(store, 100'000);
  store.flip_bit(extent.id, local::stored_size(extent.length) - 20);

  CHECK(read(store, extent, {0, 100}).error().code == ErrorCode::corrupt);
}

TEST_CASE("a cut off segment is corrupt, and so is a missing one") {
  LocalStore store;
  const Extent extent = put(store, 100'000);
  std::filesystem::resize_file(store.segment_path(extent.id), 50'000);
  CHECK(read(store, extent, {0, 100}).error().code == ErrorCode::corrupt);

  const Extent nowhere{local::id_of({.segment = 77, .offset = 4096}), 10, 1};
  CHECK(read(store, nowhere, {0, 10}).error().code == ErrorCode::corrupt);
}

TEST_CASE("a release with a wrong length gives nothing back") {
  LocalStore store;
  const Extent extent = put(store, 5'000), neighbour = put(store, 5'000, 2);
  Extent wrong = extent;
  wrong.length = 20'000;

  CHECK(run(store.store().release(wrong)));

  CHECK(read(store, extent, {0, 5'000}) == pattern(5'000));
  CHECK(read(store, neighbour, {0, 5'000}) == pattern(5'000, 2));
}

TEST_CASE("released space goes back to the file system, and an emptied segment with it") {
  LocalStore store(1 << 20);
  const Extent first = put(store, 900'000), second = put(store, 900'000), third = put(store, 100);
  const auto path = store.segment_path(first.id);
  REQUIRE(store.segment_path(third.id) != path);

  REQUIRE(run(store.store().release(first)));
  CHECK(allocated(path) < 1'000'000);
  REQUIRE(run(store.store().release(second)));

  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(read(store, third, {0, 100}) == pattern(100));
}

TEST_CASE("addresses are not used again, even if all segments are empty at a restart") {
  LocalStore store(1 << 20);
  std::uint64_t last = 0;
  for (int round = 0; round < 4; ++round) {
    const Extent extent = put(store, 300'000);
    CHECK(static_cast<std::uint64_t>(extent.id) > last);
    last = static_cast<std::uint64_t>(extent.id);
    REQUIRE(run(store.store().release(extent)));
    store.restart();
  }
  CHECK(segment_count(store) == 1);
}

TEST_CASE("an extent of unknown length takes only what it needs") {
  LocalStore store(64 << 20);
  const auto small = run(store_bytes(store.store(), pattern(1'000), std::nullopt));
  const auto large = run(store_bytes(store.store(), pattern(1'000'000), std::nullopt));
  const auto next = put(store, 10);
  REQUIRE((small && large));

  const auto behind = [](const Extent& extent) {
    return local::place_of(extent.id).offset + local::stored_size(extent.length);
  };
  CHECK(local::place_of(large->id).offset == behind(*small));
  CHECK(local::place_of(next.id).offset == behind(*large));
}

TEST_CASE("a directory is clean only after it was closed") {
  LocalStore store;
  CHECK_FALSE(store.local().was_unclean());
  put(store, 100);
  store.restart();
  CHECK_FALSE(store.local().was_unclean());

  const TemporaryDirectory copy;
  std::filesystem::copy(store.directory(), copy.path(), std::filesystem::copy_options::recursive);
  NullLog log;
  BufferPool pool(1 << 20);
  const local::LocalBackend crashed(small_options(copy.path(), 1 << 20), pool, log);
  CHECK(crashed.was_unclean());
}

std::string refusal(const std::filesystem::path& directory) {
  NullLog log;
  BufferPool pool(1 << 20);
  try {
    const local::LocalBackend backend(small_options(directory, 1 << 20), pool, log);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a directory is used by one process at a time") {
  const LocalStore store;

  CHECK(refusal(store.directory()).find("in use") != std::string::npos);
}

TEST_CASE("a directory of something else is not touched") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "data");
  std::ofstream(directory.path() / "data" / "letter.txt") << "dear";

  CHECK(refusal(directory.path()).find("not a Sluice data directory") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(directory.path() / "data" / "index"));
}

TEST_CASE("a later format is refused") {
  LocalStore store;
  store.close();
  std::ofstream(store.directory() / "data" / "sluice-format") << "sluice local format 3\n";

  CHECK(refusal(store.directory()).find("does not know") != std::string::npos);
}

TEST_CASE("a lost index is refused, not made anew") {
  LocalStore store;
  put(store, 100);
  store.close();
  std::filesystem::remove_all(store.directory() / "data" / "index");

  CHECK(refusal(store.directory()).find("index") != std::string::npos);
}

TEST_CASE("a directory whose making was cut short is made again") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() / "data");
  std::ofstream(directory.path() / "data" / "sluice-unfinished") << "sluice local format 1\n";

  CHECK(refusal(directory.path()).empty());
  CHECK(std::filesystem::exists(directory.path() / "data" / "sluice-format"));
}

TEST_CASE("writers hold no more than their share of a small pool, and all end") {
  const TemporaryDirectory directory;
  NullLog log;
  BufferPool pool(4 * BufferPool::kChunkSize);
  local::LocalBackend backend(small_options(directory.path(), 8 << 20), pool, log);
  ExtentStore& store = backend.backend().extents;
  std::vector<std::unique_ptr<ExtentWriter>> writers;
  for (int n = 0; n < 20; ++n) writers.push_back(*run(store.create(600'000)));

  // The caller holds a chunk of the pool while it writes, as a socket does.
  const std::string bytes = pattern(600'000);
  for (std::size_t at = 0; at < bytes.size(); at += 100'000) {
    for (const auto& writer : writers) {
      const auto one = [&]() -> Task<> {
        CO_TRY(Chunk chunk, co_await pool.acquire());
        std::ranges::copy(std::as_bytes(std::span(bytes)).subspan(at, 100'000), chunk.writable().begin());
        co_return co_await writer->write(chunk.slice(0, 100'000));
      };
      REQUIRE(run(one()));
    }
    CHECK(pool.used_chunks() <= pool.capacity_chunks() / 2);
  }
  std::size_t right = 0;
  for (const auto& writer : writers) {
    const auto extent = run(writer->seal());
    REQUIRE(extent);
    if (run(load_bytes(store, *extent, {0, extent->length})) == bytes) ++right;
  }
  CHECK(right == writers.size());
}

/// A copy of an open store's directory: what a crash would leave. Its log of commits.
std::filesystem::path crash_copy(const LocalStore& store, const TemporaryDirectory& copy) {
  std::filesystem::copy(store.directory(), copy.path(), std::filesystem::copy_options::recursive);
  std::filesystem::path log;
  for (const auto& file : std::filesystem::directory_iterator(copy.path() / "data" / "index")) {
    if (file.path().extension() == ".log") log = file.path();
  }
  return log;
}

void commit(Index& index, const std::string& key) {
  const auto one = [&]() -> Task<> {
    const auto transaction = index.begin();
    transaction->put(key, pattern(3000));
    co_return co_await transaction->commit();
  };
  REQUIRE(run(one()));
}

TEST_CASE("a torn end of the log costs nothing that was acknowledged before it") {
  LocalStore store;
  for (const char* key : {"a", "b", "c"}) commit(store.backend().index, key);
  const TemporaryDirectory copy;
  const auto log_file = crash_copy(store, copy);
  std::filesystem::resize_file(log_file, std::filesystem::file_size(log_file) - 100);

  NullLog log;
  BufferPool pool(1 << 20);
  local::LocalBackend backend(small_options(copy.path(), 1 << 20), pool, log);
  CHECK(run(backend.backend().index.get("b")) == pattern(3000));
  CHECK(run(backend.backend().index.get("c")) == std::nullopt);
}

TEST_CASE("damage within the log is refused, not skipped over") {
  LocalStore store;
  for (const char* key : {"a", "b", "c"}) commit(store.backend().index, key);
  const TemporaryDirectory copy;
  {
    std::fstream file(crash_copy(store, copy), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4000);
    file.put('!');
  }

  CHECK(refusal(copy.path()).find("Corruption") != std::string::npos);
}

Awaitable<> use_everything(Backend backend, std::uint64_t n) {
  for (;;) {
    const auto transaction = backend.index.begin();
    const auto row = co_await transaction->scan({}, 1000);
    (void)co_await transaction->get(std::to_string(n));
    transaction->put(std::to_string(n), pattern(2000));
    const auto committed = co_await transaction->commit();
    const auto extent = co_await store_bytes(backend.extents, pattern(400'000, n), std::nullopt, 70'000);
    if (!row || !committed || !extent) co_return;
    (void)co_await load_bytes(backend.extents, *extent, {0, extent->length});
    (void)co_await backend.extents.release(*extent);
  }
}

TEST_CASE("an io_context may be destroyed at any moment, with everything in flight") {
  LocalStore store;
  for (int steps = 1; steps < 200; steps += 7) {
    boost::asio::io_context io(1);
    for (std::uint64_t n = 0; n < 4; ++n)
      boost::asio::co_spawn(io, use_everything(store.backend(), n), boost::asio::detached);
    for (int step = 0; step < steps; ++step) io.run_one();
  }

  const Extent extent = put(store, 100'000);
  CHECK(read(store, extent, {0, 100'000}) == pattern(100'000));
  store.restart();
  CHECK_FALSE(store.local().was_unclean());
}

TEST_CASE("a write that the device refuses is an error, and nothing of it is kept") {
  LocalStore store(64 << 20);
  put(store, 100);
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &usual) == 0);
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 2 << 20, .rlim_max = usual.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);

  const auto refused = run(store_bytes(store.store(), pattern(5'000'000), 5'000'000));

  REQUIRE(::setrlimit(RLIMIT_FSIZE, &usual) == 0);
  std::signal(SIGXFSZ, before);
  CHECK(refused.error().code == ErrorCode::out_of_space);
  const Extent next = put(store, 5'000'000);
  CHECK(read(store, next, {0, 5'000'000}) == pattern(5'000'000));
  const auto path = store.segment_path(next.id);
  REQUIRE(run(store.store().release(next)));
  store.restart();
  CHECK(allocated(path) < 100'000);
}

TEST_CASE("a full device is refused before anything is written") {
  const TemporaryDirectory directory;
  NullLog log;
  BufferPool pool(1 << 20);
  auto options = small_options(directory.path(), 1 << 20);
  options.reserve_size = 1ULL << 60;
  local::LocalBackend backend(options, pool, log);

  CHECK(run(backend.backend().extents.create(100)).error().code == ErrorCode::out_of_space);
  const auto commit = [&]() -> Task<> {
    const auto transaction = backend.backend().index.begin();
    transaction->put("a", "1");
    co_return co_await transaction->commit();
  };
  CHECK(run(commit()).error().code == ErrorCode::out_of_space);
}

}  // namespace
}  // namespace sluice::test

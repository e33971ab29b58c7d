#include "backends/local/committer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <semaphore>

#include "tests/support/run_task.h"

namespace sluice::local {
namespace {

namespace asio = boost::asio;

/// A device that counts its writes, fails when told, and can be held up.
struct Device {
  std::atomic<int> writes = 0;
  std::atomic<int> rows = 0;
  std::atomic<bool> failing = false;
  std::counting_semaphore<> may_write{0};

  WriteDurably write() {
    return [this](rocksdb::WriteBatch& batch) -> Result<> {
      may_write.acquire();
      ++writes;
      if (failing) return fail(ErrorCode::unavailable, "device");
      rows += static_cast<int>(batch.Count());
      return done;
    };
  }
};

Result<> admit_all(std::size_t) { return done; }
rocksdb::ColumnFamilyHandle* in_one(std::string_view) { return nullptr; }

Commit commit_of(std::string key) {
  Commit commit;
  commit.writes.push_back({std::move(key), "value"});
  return commit;
}

Task<> submit(Committer& committer, Commit commit) {
  co_return co_await answered<Result<>>(
      [&](Answer<Result<>> answer) { committer.submit(std::move(commit), std::move(answer)); });
}

TEST_CASE("commits that arrive during a write go into the next one together") {
  Device device;
  std::atomic<bool> uncertain = false;
  Committer committer(device.write(), admit_all, in_one, uncertain);
  asio::io_context io(1);
  int committed = 0;
  const auto one = [&](int n) -> Awaitable<> {
    if (co_await submit(committer, commit_of(std::to_string(n)))) ++committed;
  };
  for (int n = 0; n < 50; ++n) asio::co_spawn(io, one(n), asio::detached);
  io.poll();
  device.may_write.release(50);

  io.run();

  CHECK(committed == 50);
  CHECK(device.rows == 50);
  // The thread may have taken the first few before the others were there, never one by one.
  CHECK(device.writes < 50);
}

TEST_CASE("of two commits of one batch that read what they write, the second conflicts") {
  Device device;
  std::atomic<bool> uncertain = false;
  Committer committer(device.write(), admit_all, in_one, uncertain);
  std::vector<Result<>> results;
  asio::io_context io(1);
  const auto one = [&]() -> Awaitable<> {
    const CommitNumber number = committer.begin_snapshot();
    Commit commit = commit_of("a");
    commit.snapshot = number;
    commit.read = {mark_of("a")};
    results.push_back(co_await submit(committer, std::move(commit)));
    committer.end_snapshot(number);
  };
  asio::co_spawn(io, one, asio::detached);
  asio::co_spawn(io, one, asio::detached);
  io.poll();
  device.may_write.release(2);

  io.run();

  REQUIRE(results.size() == 2);
  CHECK(results[0].has_value() != results[1].has_value());
  CHECK(device.rows == 1);
}

TEST_CASE("a snapshot keeps what was written after it in mind, however much that is") {
  Device device;
  device.may_write.release(1000);
  std::atomic<bool> uncertain = false;
  Committer committer(device.write(), admit_all, in_one, uncertain);
  const CommitNumber early = committer.begin_snapshot();
  for (int n = 0; n < 100; ++n) REQUIRE(test::run(submit(committer, commit_of(std::to_string(n)))));

  Commit stale = commit_of("x"), fresh = commit_of("x");
  stale.snapshot = fresh.snapshot = early;
  stale.read = {mark_of("0")};
  fresh.read = {mark_of("never written")};

  const auto of_stale = test::run(submit(committer, std::move(stale)));
  CHECK(of_stale.error().code == ErrorCode::conflict);
  const auto of_fresh = test::run(submit(committer, std::move(fresh)));
  CHECK(of_fresh);
  committer.end_snapshot(early);
}

TEST_CASE("after a failed write every commit is refused, and its outcome is marked uncertain first") {
  Device device;
  device.may_write.release(10);
  std::atomic<bool> uncertain = false;
  Committer committer(device.write(), admit_all, in_one, uncertain);
  REQUIRE(test::run(submit(committer, commit_of("a"))));
  CHECK_FALSE(uncertain);

  device.failing = true;
  CHECK(test::run(submit(committer, commit_of("b"))).error().code == ErrorCode::unavailable);
  CHECK(uncertain);
  device.failing = false;

  CHECK(test::run(submit(committer, commit_of("c"))).error().code == ErrorCode::unavailable);
  CHECK(device.writes == 2);
}

TEST_CASE("a commit that is not admitted fails alone, and for certain") {
  Device device;
  device.may_write.release(10);
  std::atomic<bool> uncertain = false;
  const auto small_only = [](std::size_t size) -> Result<> {
    if (size > 10) return fail(ErrorCode::out_of_space, "full");
    return done;
  };
  Committer committer(device.write(), small_only, in_one, uncertain);

  CHECK(test::run(submit(committer, commit_of("a key too long"))).error().code == ErrorCode::out_of_space);
  CHECK(test::run(submit(committer, commit_of("a"))));
  CHECK_FALSE(uncertain);
}

}  // namespace
}  // namespace sluice::local

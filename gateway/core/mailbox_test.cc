#include "gateway/core/mailbox.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "tests/support/run_task.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

TEST_CASE("an answer from another thread arrives on the asker's own") {
  asio::thread_pool pool(1);
  const auto asker = std::this_thread::get_id();
  std::thread::id woken;

  const auto ask = [&]() -> Awaitable<int> {
    const int value = co_await done_on<int>(pool, [] { return 7; });
    woken = std::this_thread::get_id();
    co_return value;
  };

  CHECK(test::run(ask()) == 7);
  CHECK(woken == asker);
}

TEST_CASE("an answer given before the asker sleeps is not lost") {
  const auto ask = [&]() -> Awaitable<int> {
    co_return co_await answered<int>([](const Answer<int>& answer) { answer.give(3); });
  };

  CHECK(test::run(ask()) == 3);
}

TEST_CASE("many askers on many io_contexts each get their own answer") {
  asio::thread_pool pool(2);
  std::atomic<int> right = 0;
  const auto ask = [&](int n) -> Awaitable<> {
    for (int round = 0; round < 20; ++round) {
      if (co_await done_on<int>(pool, [n] { return n; }) == n) ++right;
    }
  };
  std::vector<std::jthread> threads;
  threads.reserve(3);
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&, thread] {
      asio::io_context io(1);
      for (int n = 0; n < 50; ++n) asio::co_spawn(io, ask(thread * 1000 + n), asio::detached);
      io.run();
    });
  }
  threads.clear();

  CHECK(right == 3 * 50 * 20);
}

TEST_CASE("an answer to an io_context that is gone is dropped, and the asker with it") {
  std::optional<Answer<int>> late;
  const auto kept = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = kept;
  const auto ask = [&](std::shared_ptr<int> owned) -> Awaitable<> {
    co_await answered<int>([&](Answer<int> answer) { late = std::move(answer); });
    *owned = 2;
  };
  {
    asio::io_context io(1);
    asio::co_spawn(io, ask(kept), asio::detached);
    io.poll();
    CHECK(watched.use_count() == 2);
  }

  CHECK(watched.use_count() == 1);
  late->give(5);
  CHECK(*kept == 1);
}

}  // namespace
}  // namespace sluice

// index_bench: what an index does a second, with so many operations in flight.
//
//   index_bench rocks DIRECTORY [SECONDS]       a data directory, made if absent
//   index_bench postgres CONNINFO [SECONDS]     a schema named "bench", made if absent
//
// A commit is what a small PUT asks for: one row got that all share, one got that is
// absent, and 400 bytes put under it. Two threads; one line for each figure.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/local/local_backend.h"
#include "backends/postgres/postgres_index.h"
#include "gateway/core/encoding.h"

namespace sluice {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr int kThreads = 2;
constexpr std::size_t kRowSize = 400;
constexpr std::size_t kPageRows = 1000;

/// What one coroutine does again and again.
using Work = Task<> (*)(Index& index, const std::string& name);

Task<> commit_one(Index& index, const std::string& name) {
  const auto transaction = index.begin();
  CO_TRY(co_await transaction->get("bucket"));
  CO_TRY(co_await transaction->get(name));
  transaction->put(name, std::string(kRowSize, 'v'));
  co_return co_await transaction->commit();
}

Task<> get_one(Index& index, const std::string&) {
  CO_TRY(co_await index.get("bucket"));
  co_return done;
}

Task<> scan_one(Index& index, const std::string&) {
  CO_TRY(co_await index.begin()->scan({"o", "p"}, kPageRows));
  co_return done;
}

struct Count {
  std::vector<double> milliseconds;
  std::uint64_t failed = 0;
};

Awaitable<> repeat(Index& index, Work work, std::string prefix, Clock::time_point end, Count& count) {
  for (std::uint64_t n = 0; Clock::now() < end; ++n) {
    const auto begin = Clock::now();
    const auto result = co_await work(index, prefix + std::to_string(n));
    count.milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    if (!result) ++count.failed;
  }
}

void measure(Index& index, const char* what, Work work, int in_flight, double seconds) {
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const std::string run = "o" + to_hex(random_bytes(6)) + "/";
  std::vector<Count> counts(static_cast<std::size_t>(in_flight));
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      asio::io_context io(1);
      for (int n = thread; n < in_flight; n += kThreads) {
        asio::co_spawn(io, repeat(index, work, run + std::to_string(n) + "/", end, counts[static_cast<std::size_t>(n)]),
                       [](const std::exception_ptr&) {});
      }
      io.run();
    });
  }
  threads.clear();
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();
  std::vector<double> all;
  std::uint64_t failed = 0;
  for (const Count& count : counts) {
    all.insert(all.end(), count.milliseconds.begin(), count.milliseconds.end());
    failed += count.failed;
  }
  std::ranges::sort(all);
  const auto at = [&](double part) {
    return all.empty() ? 0 : all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))];
  };
  fmt::print("{:<10} in flight {:>3}  {:>9.0f}/s  p50 {:>7.2f} ms  p99 {:>7.2f} ms  failed {}\n", what, in_flight,
             static_cast<double>(all.size()) / took, at(0.5), at(0.99), failed);
  std::fflush(stdout);
}

void measure_all(Index& index, double seconds) {
  {
    asio::io_context io(1);
    const auto put = [](Index& into) -> Task<> {
      const auto transaction = into.begin();
      transaction->put("bucket", std::string(100, 'b'));
      co_return co_await transaction->commit();
    };
    asio::co_spawn(io, put(index), [](const std::exception_ptr&, const Result<>&) {});
    io.run();
  }
  for (const int in_flight : {1, 16, 64}) measure(index, "commit", commit_one, in_flight, seconds);
  for (const int in_flight : {1, 16, 64}) measure(index, "get", get_one, in_flight, seconds);
  for (const int in_flight : {1, 16}) measure(index, "scan 1000", scan_one, in_flight, seconds);
}

int run(const std::vector<std::string>& words) {
  if (words.size() < 3) throw std::invalid_argument("usage: index_bench rocks DIRECTORY | postgres CONNINFO [SECONDS]");
  const double seconds = words.size() > 3 ? std::stod(words[3]) : 3;
  NullLog log;
  BufferPool pool(64 << 20);
  std::atomic<bool> uncertain = false;
  if (words[1] == "rocks") {
    local::LocalBackend backend({.directory = words[2]}, pool, log);
    measure_all(backend.backend().index, seconds);
  } else {
    postgres::PostgresIndex index({.conninfo = words[2], .schema = "bench", .extents = "bench", .owner = "bench"},
                                  uncertain, log);
    measure_all(index, seconds);
  }
  return 0;
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  try {
    return sluice::run(std::vector<std::string>(argv, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "index_bench: %s\n", error.what());
    return 1;
  }
}

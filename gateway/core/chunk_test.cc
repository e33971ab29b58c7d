#include "gateway/core/chunk.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/run_task.h"

namespace sluice {
namespace {

namespace asio = boost::asio;
using test::run;

/// Coroutines that ask a pool for chunks, and what came of it.
struct Line {
  explicit Line(BufferPool& from) : pool(from) {}

  /// Asks for a chunk under `name` and keeps it.
  void join(std::string name) {
    asio::co_spawn(io, take(*this, std::move(name)), asio::detached);
    io.restart();
    io.poll();
  }
  void poll() {
    io.restart();
    io.poll();
  }

  BufferPool& pool;
  std::vector<Chunk> chunks;
  std::vector<std::string> served;
  asio::io_context io{1};

 private:
  static Awaitable<> take(Line& line, std::string name) {
    auto chunk = co_await line.pool.acquire();
    if (!chunk) co_return;
    line.served.push_back(std::move(name));
    line.chunks.push_back(*std::move(chunk));
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a chunk of text owns its bytes") {
  Chunk copy;
  {
    const Chunk chunk = Chunk::of(std::string("a text that is longer than a small string"));
    copy = chunk;
  }

  CHECK(copy.text() == "a text that is longer than a small string");
  CHECK(copy.size() == 41);
  CHECK_FALSE(copy.empty());
  CHECK(Chunk().empty());
}

TEST_CASE("a slice shares the memory of its chunk and keeps it") {
  std::optional<Chunk> chunk = Chunk::of("0123456789");
  const auto* const first = chunk->bytes().data();
  const Chunk slice = chunk->slice(3, 4);
  chunk.reset();

  CHECK(slice.text() == "3456");
  CHECK(slice.bytes().data() == first + 3);
  CHECK(slice.slice(4, 0).empty());
}

TEST_CASE("a pooled chunk is whole, aligned and writable") {
  BufferPool pool(BufferPool::kChunkSize);

  auto chunk = run(pool.acquire());

  REQUIRE(chunk);
  CHECK(chunk->size() == BufferPool::kChunkSize);
  CHECK(reinterpret_cast<std::uintptr_t>(chunk->bytes().data()) % BufferPool::kAlignment == 0);
  std::memset(chunk->writable().data(), 'x', chunk->size());
  CHECK(chunk->text().back() == 'x');
}

TEST_CASE("a pool has whole chunks, and at least one") {
  CHECK(BufferPool(0).capacity_chunks() == 1);
  CHECK(BufferPool(BufferPool::kChunkSize * 3 - 1).capacity_chunks() == 2);
}

TEST_CASE("a chunk is in use until its last holder lets go") {
  BufferPool pool(4 * BufferPool::kChunkSize);
  std::optional<Chunk> chunk = *run(pool.acquire());
  std::optional<Chunk> slice = chunk->slice(0, 1);

  CHECK(pool.used_chunks() == 1);
  chunk.reset();
  CHECK(pool.used_chunks() == 1);
  slice.reset();
  CHECK(pool.used_chunks() == 0);
}

TEST_CASE("memory given back is used again") {
  BufferPool pool(4 * BufferPool::kChunkSize);
  std::optional<Chunk> chunk = *run(pool.acquire());
  const auto* const memory = chunk->bytes().data();
  chunk.reset();

  CHECK(run(pool.acquire())->bytes().data() == memory);
}

TEST_CASE("a pool never hands out more than it has, and serves who waits in order") {
  BufferPool pool(2 * BufferPool::kChunkSize);
  Line line(pool);

  line.join("a");
  line.join("b");
  line.join("c");
  line.join("d");
  CHECK(line.served == Names{"a", "b"});
  CHECK(pool.used_chunks() == 2);

  line.chunks.erase(line.chunks.begin());
  line.poll();
  CHECK(line.served == Names{"a", "b", "c"});
  CHECK(pool.used_chunks() == 2);

  line.chunks.erase(line.chunks.begin());
  line.poll();
  CHECK(line.served == Names{"a", "b", "c", "d"});
  line.chunks.clear();
  CHECK(pool.used_chunks() == 0);
}

TEST_CASE("who comes later does not overtake who waits") {
  BufferPool pool(BufferPool::kChunkSize);
  Line line(pool);
  line.join("a");
  line.join("b");

  line.chunks.clear();  // Hands over to b, whose coroutine has not run yet.
  line.join("c");

  CHECK(line.served == Names{"a", "b"});
  line.chunks.clear();
  line.poll();
  CHECK(line.served == Names{"a", "b", "c"});
}

TEST_CASE("a coroutine destroyed while it waits leaves the line") {
  BufferPool pool(BufferPool::kChunkSize);
  std::optional<Chunk> held = *run(pool.acquire());
  {
    Line line(pool);
    line.join("gone");
  }

  held.reset();

  CHECK(pool.used_chunks() == 0);
  CHECK(run(pool.acquire()).has_value());
}

TEST_CASE("memory handed to a coroutine that is destroyed before it runs is not lost") {
  BufferPool pool(BufferPool::kChunkSize);
  Line next(pool);
  std::optional<Chunk> held = *run(pool.acquire());
  {
    Line line(pool);
    line.join("gone");
    next.join("next");
    held.reset();
    CHECK(pool.used_chunks() == 1);
  }

  next.poll();

  CHECK(next.served == Names{"next"});
  next.chunks.clear();
  CHECK(pool.used_chunks() == 0);
}

TEST_CASE("chunks are handed over between threads") {
  BufferPool pool(2 * BufferPool::kChunkSize);
  const auto churn = [&pool] {
    asio::io_context io(1);
    int taken = 0;
    for (int worker = 0; worker < 4; ++worker) {
      asio::co_spawn(
          io,
          [](BufferPool& from, int& count) -> Awaitable<> {
            for (int round = 0; round < 50; ++round) {
              auto chunk = co_await from.acquire();
              if (!chunk) co_return;
              chunk->writable()[0] = std::byte{1};
              ++count;
            }
          }(pool, taken),
          asio::detached);
    }
    io.run();
    return taken;
  };

  int first = 0;
  int second = 0;
  std::thread other([&] { first = churn(); });
  second = churn();
  other.join();

  CHECK(first == 200);
  CHECK(second == 200);
  CHECK(pool.used_chunks() == 0);
}

}  // namespace sluice

#include "gateway/core/io_ring.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "tests/support/run_task.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

IoFilePtr temporary_file() {
  std::string path = "/tmp/sluice-ring-XXXXXX";
  const int fd = ::mkstemp(path.data());
  REQUIRE(fd >= 0);
  ::unlink(path.c_str());
  return std::make_shared<IoFile>(fd);
}

Awaitable<int> write_text(IoFilePtr file, std::string text, std::uint64_t offset) {
  IoRing& ring = IoRing::of(co_await asio::this_coro::executor);
  co_return co_await IoOperation::wait(ring.write(std::move(file), Chunk::of(std::move(text)), offset));
}

Awaitable<std::string> read_text(IoFilePtr file, std::size_t length, std::uint64_t offset) {
  IoRing& ring = IoRing::of(co_await asio::this_coro::executor);
  const Chunk chunk = Chunk::of(std::string(length, '\0'));
  const int count = co_await IoOperation::wait(ring.read(std::move(file), chunk, offset));
  co_return count < 0 ? "errno " + std::to_string(-count) : std::string(chunk.text().substr(0, std::size_t(count)));
}

TEST_CASE("what a ring wrote, a ring reads") {
  const auto file = temporary_file();

  CHECK(test::run(write_text(file, "hello", 10)) == 5);

  CHECK(test::run(read_text(file, 100, 10)) == "hello");
}

TEST_CASE("a ring gives back the errno of a failed operation") {
  const auto file = std::make_shared<IoFile>(::open("/dev/null", O_RDONLY | O_CLOEXEC));

  CHECK(test::run(write_text(file, "hello", 0)) == -EBADF);
}

TEST_CASE("a ring syncs, and punches holes") {
  const auto file = temporary_file();
  CHECK(test::run(write_text(file, std::string(8192, 'x'), 0)) == 8192);

  const auto work = [&]() -> Awaitable<int> {
    IoRing& ring = IoRing::of(co_await asio::this_coro::executor);
    const int hole =
        co_await IoOperation::wait(ring.fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096));
    const int sync = co_await IoOperation::wait(ring.fdatasync(file));
    co_return hole | sync;
  };
  CHECK(test::run(work()) == 0);

  CHECK(test::run(read_text(file, 2, 4095)) == std::string("x\0", 2));
}

TEST_CASE("more operations than the ring is deep all end") {
  const auto file = temporary_file();
  asio::io_context io(1);
  int ended = 0;
  const auto one = [&](int n) -> Awaitable<> {
    co_await write_text(file, std::to_string(n % 10), std::uint64_t(n));
    ++ended;
  };
  for (int n = 0; n < 1000; ++n) asio::co_spawn(io, one(n), asio::detached);

  io.run();

  CHECK(ended == 1000);
  CHECK(test::run(read_text(file, 10, 990)) == "0123456789");
}

TEST_CASE("a destroyed io_context leaves no buffer with the kernel") {
  const auto file = temporary_file();
  auto memory = std::make_shared<std::string>(1 << 20, 'm');
  const std::weak_ptr<std::string> watched = memory;
  {
    asio::io_context io(1);
    const auto bytes = std::as_writable_bytes(std::span(*memory));
    const auto many = [&, chunk = Chunk(memory, bytes)]() -> Awaitable<> {
      IoRing& ring = IoRing::of(co_await asio::this_coro::executor);
      for (std::uint64_t n = 0; n < 300; ++n) ring.write(file, chunk, n << 20);
      co_await IoOperation::wait(ring.fdatasync(file));
    };
    asio::co_spawn(io, many, asio::detached);
    memory.reset();
    io.run_one();
    CHECK(!watched.expired());
  }

  CHECK(watched.expired());
}

}  // namespace
}  // namespace sluice

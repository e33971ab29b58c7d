// Writes to the data directory it is given until it is killed, and tells on its
// standard output what has been acknowledged, a line at a time:
//   row <key> <value>         a commit that returned
//   extent <id> <length> <crc32c> <seed>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <string>

#include "tests/contract/local_store.h"
#include "tests/contract/stored_bytes.h"

namespace sluice::test {
namespace {

void tell(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(2);
}

/// Rows of a pair that must always agree, in every size up to inline bodies.
Task<> commit_pair(Index& index, std::string name, std::uint64_t n) {
  const auto transaction = index.begin();
  CO_TRY(co_await transaction->get(name + ".left"));
  const std::string value = std::to_string(n) + ":" + pattern(n * 997 % 20'000, n);
  transaction->put(name + ".left", value);
  transaction->put(name + ".right", value);
  CO_TRY(co_await transaction->commit());
  tell("row " + name + " " + std::to_string(n) + "\n");
  co_return done;
}

Task<> store_extent(Backend backend, std::uint64_t seed) {
  const std::size_t size = 1 + seed * 7919 % 300'000;
  CO_TRY(const Extent extent, co_await store_bytes(backend.extents, pattern(size, seed), size));
  const auto id = std::to_string(static_cast<std::uint64_t>(extent.id));
  tell("extent " + id + " " + std::to_string(size) + " " + std::to_string(extent.crc32c) + " " + std::to_string(seed) +
       "\n");
  co_return done;
}

Awaitable<> write_for_ever(Backend backend, std::uint64_t writer, std::uint64_t from) {
  for (std::uint64_t n = from; n < from + 100'000; ++n) {
    const auto committed = co_await commit_pair(backend.index, "writer" + std::to_string(writer), n);
    const auto stored = co_await store_extent(backend, n * 16 + writer);
    if (!committed || !stored) _exit(3);
  }
}

}  // namespace
}  // namespace sluice::test

int main(int count, char** arguments) {
  using namespace sluice;
  if (count != 3) return 1;
  NullLog log;
  BufferPool pool(64 * BufferPool::kChunkSize);
  local::LocalBackend backend(test::small_options(arguments[1], 4 << 20), pool, log);
  boost::asio::io_context io(1);
  for (std::uint64_t writer = 0; writer < 8; ++writer) {
    boost::asio::co_spawn(io, test::write_for_ever(backend.backend(), writer, std::stoull(arguments[2])),
                          boost::asio::detached);
  }
  io.run();
}

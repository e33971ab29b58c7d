#include "tests/contract/stored_bytes.h"

#include <algorithm>
#include <cstring>

namespace sluice::test {

std::string pattern(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  for (std::size_t at = 0; at < size; at += 8) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const std::uint64_t word = state ^ (state >> 29);
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, size - at));
  }
  return bytes;
}

Task<Extent> store_bytes(ExtentStore& store, std::string bytes, std::optional<std::uint64_t> expected,
                         std::size_t step) {
  CO_TRY(const auto writer, co_await store.create(expected));
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    CO_TRY(co_await writer->write(Chunk::of(bytes.substr(at, step))));
  }
  co_return co_await writer->seal();
}

Task<std::string> load_bytes(ExtentStore& store, Extent extent, ByteRange range) {
  CO_TRY(const auto source, co_await store.open(extent, range));
  co_return co_await read_all(*source, range.length);
}

}  // namespace sluice::test

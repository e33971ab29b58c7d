#include "backends/local/checked_extents.h"

#include <catch2/catch.hpp>

namespace sluice::local {
namespace {

constexpr std::size_t kSize = 200'000;  // Ten of them fill a block.
constexpr std::uint64_t kInBlock = 10;

Extent extent(std::uint64_t id) { return {ExtentId{id}, kSize, 7}; }
std::string bytes(std::uint64_t id) { return std::string(kSize, static_cast<char>('a' + id % 26)); }
void keep(CheckedExtents& extents, std::uint64_t id) { extents.keep(extent(id), bytes(id)); }

TEST_CASE("an extent's bytes are found for the very extent they are of") {
  LendableMemory memory(8 << 20);
  CheckedExtents extents(&memory);
  keep(extents, 1);
  Extent other = extent(1);
  other.crc32c = 8;

  const Chunk found = extents.find(extent(1));
  CHECK(found.text() == bytes(1));
  CHECK(memory.holds(found.bytes().data()));
  CHECK(extents.find(other).empty());
  CHECK(extents.find(extent(2)).empty());
  extents.remove(ExtentId{1});
  CHECK(extents.find(extent(1)).empty());
}

TEST_CASE("the extents that came first leave first, but for those that were found") {
  LendableMemory memory(3 * LendableMemory::kBlockSize);
  CheckedExtents extents(&memory);
  for (std::uint64_t id = 0; id < 2 * kInBlock; ++id) keep(extents, id);
  REQUIRE_FALSE(extents.find(extent(3)).empty());
  // The third block is taken, and the first one given back for it.
  for (std::uint64_t id = 2 * kInBlock; id < 3 * kInBlock - 1; ++id) keep(extents, id);

  CHECK(extents.find(extent(3)).text() == bytes(3));
  CHECK(extents.find(extent(0)).empty());
  CHECK(extents.find(extent(kInBlock - 1)).empty());
  CHECK(extents.find(extent(3 * kInBlock - 2)).text() == bytes(3 * kInBlock - 2));
}

TEST_CASE("extents that are found all the time do not keep others out") {
  LendableMemory memory(3 * LendableMemory::kBlockSize);
  CheckedExtents extents(&memory);
  for (std::uint64_t id = 0; id < 200; ++id) {
    keep(extents, id);
    for (std::uint64_t hot = 0; hot <= id; ++hot) extents.find(extent(hot));
  }
  std::size_t held = 0, late = 0;
  for (std::uint64_t id = 0; id < 200; ++id) {
    const Chunk chunk = extents.find(extent(id));
    if (chunk.empty()) continue;
    CHECK(chunk.text() == bytes(id));
    ++held;
    if (id >= 150) ++late;
  }
  CHECK(held >= kInBlock);
  CHECK(late > 0);
}

TEST_CASE("what a client still holds counts until it lets go") {
  LendableMemory memory(LendableMemory::kBlockSize);
  CheckedExtents extents(&memory);
  keep(extents, 1);
  Chunk one = extents.find(extent(1));
  extents.remove(ExtentId{1});
  for (std::uint64_t id = 2; id < 40; ++id) keep(extents, id);
  CHECK(one.text() == bytes(1));

  std::size_t held = 0;
  for (std::uint64_t id = 2; id < 40; ++id) held += extents.find(extent(id)).empty() ? 0 : 1;
  CHECK(held < kInBlock);
  one = {};
  for (std::uint64_t id = 40; id < 60; ++id) keep(extents, id);
  CHECK_FALSE(extents.find(extent(59)).empty());
}

TEST_CASE("a long extent is not kept, nor any where there is no memory") {
  LendableMemory memory(16 << 20);
  CheckedExtents extents(&memory), none(nullptr);
  const std::string long_bytes(CheckedExtents::kLengthMax + 1, 'x');
  extents.keep({ExtentId{1}, long_bytes.size(), 7}, long_bytes);
  CHECK(extents.find({ExtentId{1}, long_bytes.size(), 7}).empty());
  keep(none, 1);
  CHECK(none.find(extent(1)).empty());
}

}  // namespace
}  // namespace sluice::local

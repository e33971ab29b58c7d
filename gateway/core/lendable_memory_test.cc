#include "gateway/core/lendable_memory.h"

#include <catch2/catch.hpp>

namespace sluice {
namespace {

constexpr std::size_t kBlock = LendableMemory::kBlockSize;
constexpr std::size_t kQuarter = LendableMemory::kLengthMax;

TEST_CASE("lendable memory has a copy at the beginning of a page, and knows its own") {
  LendableMemory memory(2 * kBlock);
  const std::string bytes(5000, 'a');
  const Chunk one = memory.copy(bytes), two = memory.copy("b");
  CHECK(one.text() == bytes);
  CHECK(two.text() == "b");
  CHECK(reinterpret_cast<std::uintptr_t>(one.bytes().data()) % 4096 == 0);
  CHECK(two.bytes().data() - one.bytes().data() == 8192);
  CHECK(memory.holds(one.bytes().data()));
  CHECK(memory.holds(two.slice(0, 1).bytes().data()));
  CHECK_FALSE(memory.holds(bytes.data()));
}

TEST_CASE("lendable memory takes no more than it has, and nothing that is too long") {
  LendableMemory memory(kBlock + kBlock / 2);
  CHECK(memory.blocks() == 1);
  std::vector<Chunk> chunks;
  for (Chunk chunk = memory.copy(std::string(kQuarter, 'x')); !chunk.empty();
       chunk = memory.copy(std::string(kQuarter, 'x'))) {
    chunks.push_back(chunk);
  }
  CHECK(chunks.size() == kBlock / kQuarter);
  CHECK(memory.copy("").empty());
  CHECK(LendableMemory(0).copy("x").empty());
  CHECK(LendableMemory(kBlock).copy(std::string(kQuarter + 1, 'x')).empty());
}

TEST_CASE("a block of lendable memory comes back when its last chunk is gone and another is filled") {
  LendableMemory memory(2 * kBlock);
  Chunk first = memory.copy(std::string(kQuarter, 'a'));
  const std::byte* const place = first.bytes().data();
  std::vector<Chunk> rest;
  for (std::size_t i = 1; i < kBlock / kQuarter; ++i) rest.push_back(memory.copy(std::string(kQuarter, 'b')));
  CHECK(memory.blocks_free() == 1);
  Chunk other = memory.copy("other");
  CHECK(memory.blocks_free() == 0);

  rest.clear();
  CHECK(memory.blocks_free() == 0);
  CHECK(first.text() == std::string(kQuarter, 'a'));
  first = {};
  CHECK(memory.blocks_free() == 1);
  // Other pages are there now, and empty ones.
  CHECK(*place == std::byte{0});
  CHECK(other.text() == "other");
}

TEST_CASE("a chunk may outlive lendable memory") {
  auto memory = std::make_unique<LendableMemory>(kBlock);
  const Chunk chunk = memory->copy("bytes");
  memory.reset();
  CHECK(chunk.text() == "bytes");
}

}  // namespace
}  // namespace sluice

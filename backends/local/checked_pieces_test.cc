#include "backends/local/checked_pieces.h"

#include <catch2/catch.hpp>

namespace sluice::local {
namespace {

constexpr std::size_t kSize = 200'000;  // Ten of them fill a block.
constexpr std::uint64_t kInBlock = 10;

Extent extent(std::uint64_t id) { return {id_of({1, id << 20}), kSize, 7}; }
std::string bytes(std::uint64_t id) { return std::string(kSize, static_cast<char>('a' + id % 26)); }
void keep(CheckedPieces& pieces, std::uint64_t id) { pieces.keep(extent(id), 0, bytes(id)); }

TEST_CASE("a piece's bytes are found for the very extent they are of") {
  LendableMemory memory(8 << 20);
  CheckedPieces pieces(&memory);
  keep(pieces, 1);
  Extent other = extent(1);
  other.crc32c = 8;

  const Chunk found = pieces.find(extent(1), 0);
  CHECK(found.text() == bytes(1));
  CHECK(memory.holds(found.bytes().data()));
  CHECK(pieces.find(other, 0).empty());
  CHECK(pieces.find(extent(2), 0).empty());
  pieces.remove(extent(1));
  CHECK(pieces.find(extent(1), 0).empty());
}

TEST_CASE("the pieces that came first leave first, but for those that were found") {
  LendableMemory memory(3 * LendableMemory::kBlockSize);
  CheckedPieces pieces(&memory);
  for (std::uint64_t id = 0; id < 2 * kInBlock; ++id) keep(pieces, id);
  REQUIRE_FALSE(pieces.find(extent(3), 0).empty());
  // The third block is taken, and the first one given back for it.
  for (std::uint64_t id = 2 * kInBlock; id < 3 * kInBlock - 1; ++id) keep(pieces, id);

  CHECK(pieces.find(extent(3), 0).text() == bytes(3));
  CHECK(pieces.find(extent(0), 0).empty());
  CHECK(pieces.find(extent(kInBlock - 1), 0).empty());
  CHECK(pieces.find(extent(3 * kInBlock - 2), 0).text() == bytes(3 * kInBlock - 2));
}

TEST_CASE("pieces that are found all the time do not keep others out") {
  LendableMemory memory(3 * LendableMemory::kBlockSize);
  CheckedPieces pieces(&memory);
  for (std::uint64_t id = 0; id < 200; ++id) {
    keep(pieces, id);
    for (std::uint64_t hot = 0; hot <= id; ++hot) pieces.find(extent(hot), 0);
  }
  std::size_t held = 0, late = 0;
  for (std::uint64_t id = 0; id < 200; ++id) {
    const Chunk chunk = pieces.find(extent(id), 0);
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
  CheckedPieces pieces(&memory);
  keep(pieces, 1);
  Chunk one = pieces.find(extent(1), 0);
  pieces.remove(extent(1));
  for (std::uint64_t id = 2; id < 40; ++id) keep(pieces, id);
  CHECK(one.text() == bytes(1));

  std::size_t held = 0;
  for (std::uint64_t id = 2; id < 40; ++id) held += pieces.find(extent(id), 0).empty() ? 0 : 1;
  CHECK(held < kInBlock);
  one = {};
  for (std::uint64_t id = 40; id < 60; ++id) keep(pieces, id);
  CHECK_FALSE(pieces.find(extent(59), 0).empty());
}

TEST_CASE("the pieces of a long extent are kept apart, and leave with it") {
  LendableMemory memory(8 << 20);
  CheckedPieces pieces(&memory);
  const Extent extent{id_of({1, 4096}), 2 * kPieceSize + 5, 7};
  const std::string whole(kPieceSize, 'a'), rest = "abcde";
  CHECK(piece_length(extent, 1) == kPieceSize);
  CHECK(piece_length(extent, 2) == 5);
  CHECK(pieces.keep(extent, 1, whole).text() == whole);
  CHECK(pieces.keep(extent, 2, rest).text() == rest);

  CHECK(pieces.find(extent, 0).empty());
  CHECK(pieces.find(extent, 1).text() == whole);
  CHECK(pieces.find(extent, 2).text() == rest);
  pieces.remove(extent);
  CHECK(pieces.find(extent, 1).empty());
  CHECK(pieces.find(extent, 2).empty());
}

TEST_CASE("a piece is worth keeping when it was asked for before") {
  LendableMemory memory(8 << 20);
  CheckedPieces pieces(&memory), none(nullptr);
  const Extent extent{id_of({1, 4096}), 2 * kPieceSize, 7};
  CHECK_FALSE(pieces.worth_keeping(extent, 0));
  CHECK_FALSE(pieces.worth_keeping(extent, 1));
  CHECK(pieces.worth_keeping(extent, 0));
  CHECK(pieces.worth_keeping(extent, 1));
  CHECK_FALSE(none.worth_keeping(extent, 0));
  CHECK_FALSE(none.worth_keeping(extent, 0));
}

TEST_CASE("where others would have to leave, few pieces are worth keeping") {
  LendableMemory memory(2 * LendableMemory::kBlockSize);
  CheckedPieces pieces(&memory);
  for (std::uint64_t id = 0; id <= kInBlock; ++id) keep(pieces, id);
  REQUIRE(memory.blocks_free() == 0);
  int worth = 0;
  for (int i = 0; i < 320; ++i) worth += pieces.worth_keeping(extent(100), 0) ? 1 : 0;
  CHECK(worth > 0);
  CHECK(worth <= 320 / 16 + 1);
}

TEST_CASE("no piece is kept where there is no memory") {
  CheckedPieces none(nullptr);
  CHECK(none.keep(extent(1), 0, bytes(1)).empty());
  CHECK(none.find(extent(1), 0).empty());
}

}  // namespace
}  // namespace sluice::local

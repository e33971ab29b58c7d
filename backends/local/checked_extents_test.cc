#include "backends/local/checked_extents.h"

#include <catch2/catch.hpp>

namespace sluice::local {
namespace {

constexpr std::size_t kSize = 10'000;

Extent extent(std::uint64_t id) { return {ExtentId{id}, kSize, 7}; }
std::string bytes(std::uint64_t id) { return std::string(kSize, static_cast<char>('a' + id)); }
void keep(CheckedExtents& extents, std::uint64_t id) { extents.keep(extent(id), bytes(id)); }

TEST_CASE("an extent's bytes are found for the very extent they are of") {
  CheckedExtents extents(1 << 20);
  keep(extents, 1);
  Extent other = extent(1);
  other.crc32c = 8;

  CHECK(extents.find(extent(1)).text() == bytes(1));
  CHECK(extents.find(other).empty());
  CHECK(extents.find(extent(2)).empty());
  extents.remove(ExtentId{1});
  CHECK(extents.find(extent(1)).empty());
}

TEST_CASE("the extents used longest ago leave first") {
  CheckedExtents extents(4 * (kSize + 500));
  for (std::uint64_t id = 1; id <= 4; ++id) keep(extents, id);
  REQUIRE_FALSE(extents.find(extent(1)).empty());
  keep(extents, 5);

  CHECK_FALSE(extents.find(extent(1)).empty());
  CHECK(extents.find(extent(2)).empty());
  CHECK_FALSE(extents.find(extent(5)).empty());
}

TEST_CASE("what a client still holds counts until it lets go") {
  CheckedExtents extents(2 * (kSize + 500));
  keep(extents, 1), keep(extents, 2);
  Chunk one = extents.find(extent(1)), two = extents.find(extent(2));
  keep(extents, 3);
  CHECK(extents.find(extent(3)).empty());
  CHECK(one.text() == bytes(1));

  one = {}, two = {};
  keep(extents, 3);
  CHECK_FALSE(extents.find(extent(3)).empty());
}

TEST_CASE("a long extent is not kept") {
  CheckedExtents extents(16 << 20);
  const std::string long_bytes(CheckedExtents::kLengthMax + 1, 'x');
  extents.keep({ExtentId{1}, long_bytes.size(), 7}, long_bytes);
  CHECK(extents.find({ExtentId{1}, long_bytes.size(), 7}).empty());
}

}  // namespace
}  // namespace sluice::local

#include "backends/local/footer_cache.h"

#include <catch2/catch.hpp>

namespace sluice::local {
namespace {

Extent extent(std::uint64_t id) { return {ExtentId{id}, 16 * kBlockSize, 7}; }
FooterCache::Held footer() { return std::make_shared<const Footer>(16, 1); }

TEST_CASE("a footer is found for the very extent it was read for") {
  FooterCache cache(1 << 20);
  const auto held = footer();
  cache.add(extent(1), held);
  Extent other = extent(1);
  other.crc32c = 8;

  CHECK(cache.find(extent(1)) == held);
  CHECK(cache.find(other) == nullptr);
  CHECK(cache.find(extent(2)) == nullptr);
  cache.remove(ExtentId{1});
  CHECK(cache.find(extent(1)) == nullptr);
}

TEST_CASE("the footers used longest ago leave first") {
  FooterCache cache(1000);
  for (std::uint64_t id = 1; id <= 4; ++id) cache.add(extent(id), footer());
  REQUIRE(cache.find(extent(1)));
  for (std::uint64_t id = 5; id <= 7; ++id) cache.add(extent(id), footer());

  CHECK(cache.find(extent(2)) == nullptr);
  CHECK(cache.find(extent(7)) != nullptr);
}

TEST_CASE("a footer larger than the cache is not kept") {
  FooterCache cache(10);
  cache.add(extent(1), footer());

  CHECK(cache.find(extent(1)) == nullptr);
}

}  // namespace
}  // namespace sluice::local

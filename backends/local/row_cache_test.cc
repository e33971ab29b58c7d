#include "backends/local/row_cache.h"

#include <catch2/catch.hpp>
#include <string>

using sluice::local::RowCache;

namespace {

void keep(RowCache& cache, const std::string& key, const std::string& value) {
  cache.keep(key, value, cache.ticket(key));
}

}  // namespace

TEST_CASE("a row that was kept is found until it is forgotten") {
  RowCache cache(1 << 20);
  keep(cache, "key", "value");
  CHECK(cache.find("key") == "value");

  cache.forget("key");

  CHECK(cache.find("key") == std::nullopt);
}

TEST_CASE("what was read before a change is not kept after it") {
  RowCache cache(1 << 20);
  const auto ticket = cache.ticket("key");

  cache.forget("key");
  cache.keep("key", "what the index had before", ticket);

  CHECK(cache.find("key") == std::nullopt);
}

TEST_CASE("the rows used last stay when there is no room for all") {
  RowCache cache(1 << 20);
  keep(cache, "hot", "value");
  for (int i = 0; i < 5000; ++i) {
    keep(cache, "cold" + std::to_string(i), std::string(1000, 'x'));
    CHECK(cache.find("hot") == "value");
  }

  int left = 0;
  for (int i = 0; i < 5000; ++i) left += cache.find("cold" + std::to_string(i)) ? 1 : 0;
  CHECK(left > 0);
  CHECK(left < 1100);  // A MiB of rows of a KiB and more.
}

TEST_CASE("a row too large for its share is not kept") {
  RowCache cache(64 << 10);
  keep(cache, "key", std::string(8 << 10, 'x'));
  CHECK(cache.find("key") == std::nullopt);
}

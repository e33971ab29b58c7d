#include "backends/local/row_cache.h"

#include <catch2/catch.hpp>
#include <optional>
#include <string>

using sluice::local::RowCache;

namespace {

void keep(RowCache& cache, const std::string& key, const std::string& value) {
  cache.keep(key, std::make_shared<const sluice::Row>(value), cache.ticket(key));
}

std::optional<std::string> find(RowCache& cache, const std::string& key) {
  const auto value = cache.find(key);
  return value ? std::optional(value->bytes()) : std::nullopt;
}

}  // namespace

TEST_CASE("a row that was kept is found until a write of it begins") {
  RowCache cache(1 << 20);
  keep(cache, "key", "value");
  keep(cache, "other", "value");
  CHECK(find(cache, "key") == "value");

  RowCache::Writing writing(cache);
  writing.add("key");

  CHECK(find(cache, "key") == std::nullopt);
  CHECK(find(cache, "other") == "value");
}

TEST_CASE("a row is not kept while it is being written, and is afterwards") {
  RowCache cache(1 << 20);
  {
    RowCache::Writing writing(cache);
    writing.add("key");
    keep(cache, "key", "what the index had before, or has now");
    CHECK(find(cache, "key") == std::nullopt);
  }
  keep(cache, "key", "value");
  CHECK(find(cache, "key") == "value");
}

TEST_CASE("what was read before a write has ended is not kept after it") {
  RowCache cache(1 << 20);
  const auto before = cache.ticket("key");
  RowCache::Ticket during{};
  {
    RowCache::Writing writing(cache);
    writing.add("key");
    during = cache.ticket("key");
  }

  for (const auto ticket : {before, during}) {
    cache.keep("key", std::make_shared<const sluice::Row>("what the index had before"), ticket);
    CHECK(find(cache, "key") == std::nullopt);
  }
}

TEST_CASE("a row that one commit writes twice is free once the commit has ended") {
  RowCache cache(1 << 20);
  {
    RowCache::Writing writing(cache);
    writing.add("key");
    writing.add("key");
  }
  keep(cache, "key", "value");
  CHECK(find(cache, "key") == "value");
}

TEST_CASE("a snapshot of before a write does not get what was read after it, and one of after it does") {
  RowCache cache(1 << 20);
  const auto before = cache.moment();
  RowCache::Moment during = 0;
  {
    RowCache::Writing writing(cache);
    writing.add("key");
    during = cache.moment();
  }
  keep(cache, "key", "value");

  CHECK(cache.find("key", before) == nullptr);
  CHECK(cache.find("key", during) == nullptr);
  REQUIRE(cache.find("key", cache.moment()) != nullptr);
  CHECK(cache.find("key", cache.moment())->bytes() == "value");
}

TEST_CASE("what was read before other rows were written is known to later snapshots") {
  RowCache cache(1 << 20);
  keep(cache, "key", "value");
  {
    RowCache::Writing(cache).add("other");
  }
  CHECK(cache.find("key", cache.moment()) != nullptr);
}

TEST_CASE("the rows used last stay when there is no room for all") {
  RowCache cache(1 << 20);
  keep(cache, "hot", "value");
  for (int i = 0; i < 5000; ++i) {
    keep(cache, "cold" + std::to_string(i), std::string(1000, 'x'));
    CHECK(find(cache, "hot") == "value");
  }

  int left = 0;
  for (int i = 0; i < 5000; ++i) left += find(cache, "cold" + std::to_string(i)) ? 1 : 0;
  CHECK(left > 0);
  CHECK(left < 1100);  // A MiB of rows of a KiB and more.
}

TEST_CASE("a row too large for its share is not kept") {
  RowCache cache(64 << 10);
  keep(cache, "key", std::string(8 << 10, 'x'));
  CHECK(find(cache, "key") == std::nullopt);
}

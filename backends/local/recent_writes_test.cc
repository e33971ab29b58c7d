#include "backends/local/recent_writes.h"

#include <catch2/catch.hpp>

namespace sluice::local {
namespace {

TEST_CASE("a key has changed since a number exactly if a later commit wrote it") {
  RecentWrites writes(100);
  writes.add(mark_of("a"), 5);

  CHECK(writes.changed_since(mark_of("a"), 4));
  CHECK_FALSE(writes.changed_since(mark_of("a"), 5));
  CHECK_FALSE(writes.changed_since(mark_of("b"), 4));
}

TEST_CASE("the last of several writes of a key counts, also after the first is forgotten") {
  RecentWrites writes(100);
  writes.add(mark_of("a"), 1);
  writes.add(mark_of("a"), 3);
  writes.forget_before(1);

  CHECK(writes.changed_since(mark_of("a"), 2));
  CHECK_FALSE(writes.changed_since(mark_of("a"), 3));
}

TEST_CASE("what was forgotten counts as changed") {
  RecentWrites writes(2);
  writes.add(mark_of("a"), 1);
  writes.add(mark_of("b"), 2);
  writes.add(mark_of("c"), 3);

  CHECK(writes.count() == 2);
  CHECK(writes.changed_since(mark_of("z"), 0));
  CHECK_FALSE(writes.changed_since(mark_of("z"), 1));
}

TEST_CASE("a key written twice in one commit is forgotten whole") {
  RecentWrites writes(100);
  writes.add(mark_of("a"), 1);
  writes.add(mark_of("a"), 1);
  writes.forget_before(1);

  CHECK(writes.count() == 0);
  CHECK_FALSE(writes.changed_since(mark_of("a"), 1));
}

}  // namespace
}  // namespace sluice::local

#include "backends/rdma/append_window.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {

TEST_CASE("what every member has is acknowledged") {
  AppendWindow window(3, 100);
  REQUIRE(window.reserve(10) == 0);
  REQUIRE(window.reserve(20) == 10);

  window.durable(0, 30);
  window.durable(1, 10);
  CHECK(window.acknowledged() == 0);
  window.durable(2, 30);
  CHECK(window.acknowledged() == 10);
  window.durable(1, 30);
  window.durable(1, 10);
  CHECK(window.acknowledged() == 30);
}

TEST_CASE("no more is acknowledged than was reserved") {
  AppendWindow window(1, 100);
  REQUIRE(window.reserve(10));
  window.durable(0, 90);
  CHECK(window.acknowledged() == 10);
}

TEST_CASE("a run that does not fit, or comes after the end, has no place") {
  AppendWindow window(3, 100);
  REQUIRE(window.reserve(60) == 0);
  CHECK_FALSE(window.reserve(41));
  CHECK(window.reserve(40) == 60);
  CHECK_FALSE(window.reserve(1));

  AppendWindow closed(3, 100);
  closed.close();
  CHECK_FALSE(closed.reserve(1));
}

}  // namespace sluice::rdma

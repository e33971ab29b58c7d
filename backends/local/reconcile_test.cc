#include "backends/local/reconcile.h"

#include <catch2/catch.hpp>

namespace sluice::local {
namespace {

using Spans = std::vector<Span>;

TEST_CASE("what is allocated and not live is what is left of every span") {
  CHECK(subtract({{0, 10}}, {}) == Spans{{0, 10}});
  CHECK(subtract({{0, 10}}, {{0, 10}}) == Spans{});
  CHECK(subtract({{0, 10}}, {{2, 4}, {6, 8}}) == Spans{{0, 2}, {4, 6}, {8, 10}});
  CHECK(subtract({{0, 10}, {20, 30}}, {{5, 25}}) == Spans{{0, 5}, {25, 30}});
  CHECK(subtract({{5, 10}}, {{0, 6}, {9, 20}}) == Spans{{6, 9}});
  CHECK(subtract({}, {{0, 10}}) == Spans{});
  CHECK(subtract({{0, 4}, {4, 8}, {12, 16}}, {{0, 4}, {4, 6}, {16, 20}}) == Spans{{6, 8}, {12, 16}});
}

}  // namespace
}  // namespace sluice::local

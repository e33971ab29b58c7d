#include "backends/rdma/disk_table.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {
namespace {

constexpr ExtentNumber kExtent{7}, kOther{8};
using Kind = Record::Kind;

DiskTable applied(const std::vector<Record>& records) {
  DiskTable table(3);
  for (const Record& record : records) table.apply(record);
  return table;
}

}  // namespace

TEST_CASE("a slab is free until an extent is placed in it, and again when that is dropped") {
  DiskTable table(2);
  CHECK(table.free_slab() == 0);
  table.apply({Kind::place, kExtent, 0, 0});
  CHECK(table.free_slab() == 1);
  table.apply({Kind::place, kOther, 1, 0});
  CHECK_FALSE(table.free_slab());
  table.apply({Kind::drop, kExtent, 0, 0});
  CHECK(table.free_slab() == 0);
  table.apply({Kind::drop, kExtent, 0, 0});
  CHECK(table.free_slabs() == 1);
}

TEST_CASE("a fence only rises, and outlives its extent's bytes") {
  auto table = applied({{Kind::place, kExtent, 0, 0}, {Kind::fence, kExtent, 5, 0}, {Kind::fence, kExtent, 3, 0}});
  CHECK(table.find(kExtent)->fence == Epoch{5});
  table.apply({Kind::drop, kExtent, 0, 0});
  CHECK(table.find(kExtent)->fence == Epoch{5});
  CHECK(table.find(kExtent)->sealed);
}

TEST_CASE("an extent is empty when it is sealed and all its runs are released") {
  auto table = applied({{Kind::place, kExtent, 0, 0}, {Kind::release, kExtent, 0, 0}});
  CHECK_FALSE(table.find(kExtent)->is_empty());
  table.apply({Kind::seal, kExtent, 10, 2});
  CHECK_FALSE(table.find(kExtent)->is_empty());
  table.apply({Kind::release, kExtent, 0, 0});
  CHECK_FALSE(table.find(kExtent)->is_empty());
  table.apply({Kind::release, kExtent, 5, 0});
  CHECK(table.find(kExtent)->is_empty());
}

TEST_CASE("a snapshot makes the same table") {
  const auto table = applied({{Kind::place, kExtent, 1, 0},
                              {Kind::fence, kExtent, 5, 0},
                              {Kind::seal, kExtent, 10, 2},
                              {Kind::release, kExtent, 3, 0},
                              {Kind::place, kOther, 2, 0},
                              {Kind::drop, kOther, 0, 0}});

  const auto again = applied(table.snapshot());

  CHECK(again.snapshot() == table.snapshot());
  CHECK(again.free_slabs() == 2);
  CHECK(again.find(kExtent)->slab == 1);
  CHECK(again.find(kExtent)->released == std::set<Pages>{3});
}

}  // namespace sluice::rdma

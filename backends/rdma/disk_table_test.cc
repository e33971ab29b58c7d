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

TEST_CASE("an extent whose runs were moved holds its shared slab, and its own until it is vacated") {
  auto table = applied({{Kind::place, kExtent, 0, 0},
                        {Kind::seal, kExtent, 10, 3},
                        {Kind::release, kExtent, 4, 0},
                        moved(kExtent, 0, {2, 0}),
                        moved(kExtent, 8, {2, 5})});
  CHECK(table.free_slabs() == 1);
  CHECK(table.find(kExtent)->is_needed(4) == false);
  table.apply({Kind::vacate, kExtent, 0, 0});
  CHECK(table.free_slabs() == 2);
  const ExtentEntry& entry = *table.find(kExtent);
  CHECK(entry.holds());
  CHECK_FALSE(entry.is_needed(4));
  CHECK(entry.is_needed(8));
  CHECK(table.tenants(2) == std::map<ExtentNumber, std::vector<Pages>>{{kExtent, {0, 8}}});
  table.apply({Kind::release, kExtent, 4, 0});
  table.apply({Kind::release, kExtent, 0, 0});
  CHECK_FALSE(entry.is_empty());
  table.apply({Kind::forget, kExtent, 0, 0});
  CHECK_FALSE(entry.is_empty());
  table.apply({Kind::release, kExtent, 8, 0});
  CHECK(entry.is_empty());
  table.apply({Kind::drop, kExtent, 0, 0});
  CHECK_FALSE(entry.holds());
  CHECK(table.free_slabs() == 3);
}

TEST_CASE("changes of a compaction that are applied to what came of them change nothing") {
  const std::vector<Record> before{
      {Kind::place, kExtent, 0, 0}, {Kind::seal, kExtent, 10, 3}, {Kind::release, kExtent, 4, 0}};
  const std::vector<Record> changes{moved(kExtent, 0, {2, 0}),
                                    moved(kExtent, 8, {2, 5}),
                                    {Kind::vacate, kExtent, 0, 0},
                                    {Kind::place, kOther, 0, 0},
                                    {Kind::release, kExtent, 8, 0}};
  auto table = applied(before);
  for (const Record& change : changes) table.apply(change);
  // As after a crash: a snapshot that has them all, and so many of them once more.
  for (std::size_t count = 0; count <= changes.size(); ++count) {
    auto again = applied(table.snapshot());
    for (std::size_t n = 0; n < count; ++n) again.apply(changes[n]);
    CHECK(again.snapshot() == table.snapshot());
    CHECK(again.free_slabs() == table.free_slabs());
  }
}

TEST_CASE("a reserved slab is nobody else's, and of many one is kept for compaction") {
  DiskTable table(8);
  CHECK(table.free_slabs() == 7);
  table.reserve(0);
  CHECK(table.free_slab() == 1);
  for (std::uint32_t slab = 1; slab < 7; ++slab) table.apply({Kind::place, ExtentNumber{slab}, slab, 0});
  CHECK(table.free_slabs() == 0);
  CHECK_FALSE(table.free_slab());
  CHECK(table.spare_slab() == 7);
  table.give_up(0);
  CHECK(table.free_slab() == 0);
}

TEST_CASE("a snapshot makes the same table") {
  const auto table = applied({{Kind::place, kExtent, 1, 0},
                              {Kind::fence, kExtent, 5, 0},
                              {Kind::seal, kExtent, 10, 2},
                              {Kind::release, kExtent, 3, 0},
                              {Kind::place, kOther, 2, 0},
                              {Kind::drop, kOther, 0, 0},
                              {Kind::place, ExtentNumber{9}, 2, 0},
                              {Kind::seal, ExtentNumber{9}, 10, 2},
                              moved(ExtentNumber{9}, 3, {0, 70}),
                              moved(ExtentNumber{9}, 5, {0, 90}),
                              {Kind::vacate, ExtentNumber{9}, 0, 0},
                              {Kind::release, ExtentNumber{9}, 5, 0}});

  const auto again = applied(table.snapshot());

  CHECK(again.snapshot() == table.snapshot());
  CHECK(again.free_slabs() == 1);
  CHECK(again.find(kExtent)->slab == 1);
  CHECK(again.find(kExtent)->released == std::set<Pages>{3});
}

}  // namespace sluice::rdma

#include "backends/rdma/balance.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

namespace sluice::rdma {
namespace {

Uuid name(int number) {
  Uuid made;
  made.bytes[0] = static_cast<std::uint8_t>(number);
  return made;
}

DiskLoad disk(int number, const std::string& machine, const std::string& zone, std::uint64_t slabs = 100) {
  return {.disk = name(number), .machine = machine, .zone = zone, .slabs = slabs, .used = 0, .free = slabs};
}

/// Disks and what is on them; moves are done as they are told.
struct World {
  std::vector<DiskLoad> disks;
  std::vector<PlacedExtent> extents;

  void place(std::size_t count, const std::vector<Uuid>& members) {
    for (std::size_t n = 0; n < count; ++n) {
      extents.push_back({ExtentNumber{extents.size() + 1}, members});
      for (const Uuid& member : members) ++of(member).used, --of(member).free;
    }
  }
  DiskLoad& of(const Uuid& disk) { return *std::ranges::find(disks, disk, &DiskLoad::disk); }
  void move(const Move& move) {
    auto& members = extents[static_cast<std::size_t>(move.extent) - 1].members;
    REQUIRE(std::ranges::count(members, move.to) == 0);
    REQUIRE(std::ranges::count(members, move.from) == 1);
    *std::ranges::find(members, move.from) = move.to;
    --of(move.from).used;
    ++of(move.to).used;
  }
  Balance balance() { return {disks, extents}; }
  std::size_t level() {
    Balance balance = this->balance();
    std::size_t moves = 0;
    for (auto next = balance.next_level(); next; next = balance.next_level(), ++moves) move(*next);
    return moves;
  }
  double fill(int number) {
    return static_cast<double>(of(name(number)).used) / static_cast<double>(of(name(number)).slabs);
  }
  std::size_t zones(const PlacedExtent& extent) {
    std::set<std::string> zones;
    for (const Uuid& member : extent.members) zones.insert(of(member).zone);
    return zones.size();
  }
};

const std::vector<Uuid> kFirstThree{name(1), name(2), name(3)};

}  // namespace

TEST_CASE("copies go from full disks to a new one until all are within the tolerance of the mean") {
  World world{.disks = {disk(1, "a", ""), disk(2, "b", ""), disk(3, "c", ""), disk(4, "d", "")}, .extents = {}};
  world.place(40, kFirstThree);

  CHECK(world.balance().left() >= 25);
  CHECK(world.level() == 25);

  for (const int n : {1, 2, 3, 4}) CHECK(std::abs(world.fill(n) - 0.3) <= kFillTolerance);
  CHECK(world.balance().left() == 0);
  CHECK(world.level() == 0);
}

TEST_CASE("disks of different sizes come to the same ratio, not to the same number") {
  World world{.disks = {disk(1, "a", ""), disk(2, "b", ""), disk(3, "c", ""), disk(4, "d", "", 200)}, .extents = {}};
  world.place(40, kFirstThree);

  world.level();

  const double mean = 120.0 / 500;
  for (const int n : {1, 2, 3, 4}) CHECK(std::abs(world.fill(n) - mean) <= kFillTolerance);
}

TEST_CASE("on disks of few slabs levelling ends, though no number is within the tolerance") {
  World world{.disks = {disk(1, "a", "", 4), disk(2, "b", "", 4), disk(3, "c", "", 4), disk(4, "d", "", 4)},
              .extents = {}};
  world.place(3, kFirstThree);

  CHECK(world.level() <= 3);
  CHECK(world.level() == 0);
  for (const int n : {1, 2, 3, 4}) CHECK(world.of(name(n)).used >= 2);
}

TEST_CASE("levelling brings no two copies into one zone or on one machine that were apart") {
  World world{.disks = {disk(1, "a", "1"), disk(2, "b", "2"), disk(3, "c", "3"), disk(4, "c", "3"), disk(5, "d", "3")},
              .extents = {}};
  world.place(60, kFirstThree);

  world.level();

  for (const PlacedExtent& one : world.extents) CHECK(world.zones(one) == 3);
  // Only what was in their zone could go to them.
  CHECK(world.of(name(1)).used == 60);
  CHECK(world.of(name(4)).used + world.of(name(5)).used > 30);
}

TEST_CASE("a disk without a free slab gets nothing, and one of unknown size neither gets nor gives") {
  World world{.disks = {disk(1, "a", ""), disk(2, "b", ""), disk(3, "c", ""), disk(4, "d", "")}, .extents = {}};
  world.place(40, kFirstThree);
  SECTION("free") { world.of(name(4)).free = 0; }
  SECTION("size") { world.of(name(4)).slabs = 0; }
  CHECK(world.level() == 0);
}

TEST_CASE("copies that are crowded go apart where another zone or machine has room") {
  World world{.disks = {disk(1, "a", "1"), disk(2, "b", "1"), disk(3, "c", "2"), disk(4, "d", "3"), disk(5, "d", "3")},
              .extents = {}};
  world.place(5, kFirstThree);
  world.place(2, {name(1), name(3), name(4)});
  world.place(1, {name(1), name(4), name(5)});

  Balance balance = world.balance();
  CHECK(balance.crowded() == 6);
  std::size_t moves = 0;
  for (auto next = balance.next_apart(); next; next = balance.next_apart(), ++moves) world.move(*next);

  CHECK(moves == 6);
  for (const PlacedExtent& one : world.extents) CHECK(world.zones(one) == 3);
  CHECK(world.balance().crowded() == 0);
}

TEST_CASE("copies that cannot be farther apart stay where they are") {
  World world{.disks = {disk(1, "a", "1"), disk(2, "b", "1"), disk(3, "c", "2"), disk(4, "d", "2")}, .extents = {}};
  world.place(5, kFirstThree);
  CHECK(world.balance().crowded() == 0);
  CHECK_FALSE(world.balance().next_apart());
}

}  // namespace sluice::rdma

#include "backends/rdma/mending.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {
namespace {

Uuid disk(std::uint8_t name) {
  Uuid made;
  made.bytes[0] = name;
  return made;
}

ExtentRecord sealed() {
  return {.state = ExtentState::sealed,
          .epoch = Epoch{4},
          .writer = {},
          .members = {disk(1), disk(2), disk(3)},
          .pages = 50};
}

constexpr MemberState kGood{.there = true, .good = true}, kLost{}, kDrained{.there = true},
    kDamaged{.there = true, .damaged = true};

Mending mending(MemberState first, MemberState second, MemberState third) {
  first.disk = disk(1);
  second.disk = disk(2);
  third.disk = disk(3);
  return Mending(sealed(), {first, second, third}, 3);
}

using Members = std::vector<Uuid>;

}  // namespace

TEST_CASE("nothing is to be done about an extent with enough good members") {
  const Mending whole = mending(kGood, kGood, kGood);
  CHECK(whole.missing() == 0);
  CHECK(whole.mended() == sealed());
  CHECK(whole.whole());
}

TEST_CASE("a copy takes the place of a bad member, in an epoch of its own, on a disk that is named before") {
  Mending one = mending(kGood, kLost, kGood);
  CHECK(one.missing() == 1);
  const ExtentRecord begun = one.begun({disk(7)});
  CHECK(begun.epoch == Epoch{5});
  CHECK(begun.members == sealed().members);
  CHECK(begun.partial == Members{disk(7)});
  CHECK_FALSE(one.whole());
  one.filled(disk(7));
  CHECK(one.mended().members == Members{disk(1), disk(3), disk(7)});
  CHECK(one.mended().partial.empty());
  CHECK(one.mended().epoch == Epoch{5});
  CHECK(one.mended().pages == 50);
  CHECK(one.whole());
}

TEST_CASE("a disk that was not filled is no member, keeps what it has, and the bad one stays") {
  Mending one = mending(kGood, kDrained, kGood);
  one.begun({disk(7)});
  CHECK(one.mended().members == Members{disk(1), disk(3), disk(2)});
  CHECK(one.mended().partial == Members{disk(7)});
  CHECK_FALSE(one.whole());
}

TEST_CASE("bad members stay while there are too few others") {
  Mending two = mending(kDrained, kLost, kGood);
  CHECK(two.missing() == 2);
  two.begun({disk(7), disk(8)});
  two.filled(disk(7));
  CHECK(two.mended().members == Members{disk(3), disk(7), disk(1)});
  CHECK(two.mended().partial == Members{disk(8)});
  CHECK_FALSE(two.whole());
}

TEST_CASE("disks that may have some of an extent keep it until there are enough that have all") {
  ExtentRecord record = sealed();
  record.members = {disk(1)};
  record.partial = {disk(2), disk(3)};
  MemberState only = kGood;
  only.disk = disk(1);
  Mending two(record, {only}, 3);
  CHECK(two.mended() == record);
  CHECK(two.begun({disk(2), disk(7)}).partial == Members{disk(2), disk(3), disk(7)});
  two.filled(disk(2));
  CHECK(two.mended().members == Members{disk(1), disk(2)});
  CHECK(two.mended().partial == Members{disk(3), disk(7)});
  two.filled(disk(7));
  CHECK(two.mended().members == Members{disk(1), disk(2), disk(7)});
  CHECK(two.mended().partial.empty());
}

TEST_CASE("a damaged member keeps what it has, and does not count, where a good one is there") {
  CHECK(mending(kGood, kDamaged, kGood).mended().members == Members{disk(1), disk(3)});
  CHECK(mending(kGood, kDamaged, kGood).mended().partial == Members{disk(2)});
  CHECK(mending(kLost, kDamaged, kGood).mended().members == Members{disk(3), disk(1)});
  CHECK(mending(kDamaged, kDamaged, kGood).mended().partial == Members{disk(1), disk(2)});

  MemberState silent = kGood;
  silent.there = false;
  CHECK(mending(kDamaged, kDamaged, silent).mended().members == Members{disk(3), disk(1), disk(2)});
  CHECK(mending(kDamaged, kDamaged, kLost).mended() == sealed());
  Mending filled = mending(kDamaged, kDamaged, kLost);
  filled.begun({disk(7)});
  filled.filled(disk(7));
  CHECK(filled.mended().members == Members{disk(7), disk(3)});
  CHECK(filled.mended().partial == Members{disk(1), disk(2)});
}

TEST_CASE("a damaged member is left out once there are enough that have all") {
  Mending one = mending(kGood, kDamaged, kGood);
  one.begun({disk(7)});
  one.filled(disk(7));
  CHECK(one.mended().members == Members{disk(1), disk(3), disk(7)});
  CHECK(one.mended().partial.empty());
}

TEST_CASE("an extent is over when more than one member says that all was released") {
  CHECK(Sources{.complete = {}, .damaged = {}, .emptied = 2}.nothing_left(2));
  CHECK_FALSE(Sources{.complete = {}, .damaged = {}, .emptied = 1}.nothing_left(2));
  CHECK_FALSE(Sources{.complete = {{}}, .damaged = {}, .emptied = 2}.nothing_left(2));
  CHECK_FALSE(Sources{.complete = {}, .damaged = {{}}, .emptied = 2}.nothing_left(2));
}

TEST_CASE("what any disk has is copied, and once what is there twice") {
  const Run first{0, 10, 1}, second{2, 10, 2}, third{4, 10, 3};
  CHECK(runs_of_any({{first, third}, {}, {second, third}}) == std::vector<Run>{first, second, third});
  // Stands for the first two, which were released.
  const Run filler{0, 3 * kPageSize, 9};
  CHECK(runs_of_any({{filler, third}, {second}}) == std::vector<Run>{filler, third});
}

TEST_CASE("a disk that may have what is lost is not left out, and all others are") {
  Mending one = mending(kLost, kGood, kGood);
  one.begun({disk(7)});
  const Run late{20, 5000, 1}, early{3, 100, 2};
  one.loses(late);
  one.loses(early);
  CHECK(one.loses(late).lost == std::vector<Run>{early, late});
  one.filled(disk(7));
  CHECK(one.mended().partial.empty());
  CHECK(one.mended().lost == std::vector<Run>{early, late});

  one.keep(disk(1));

  CHECK(one.mended().partial == Members{disk(1)});
  CHECK(one.mended().members == Members{disk(2), disk(3), disk(7)});
  CHECK(one.whole());
}

}  // namespace sluice::rdma

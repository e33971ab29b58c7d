#include <catch2/catch.hpp>

#include "backends/rdma/copies_simulation.h"

namespace sluice::rdma {

TEST_CASE("no schedule of copies, releases and faults loses a live run or leaves one without its copies") {
  std::uint64_t copies = 0, moves = 0;
  std::string violation;
  const auto count = schedules(200);
  for (std::uint64_t seed = 0; seed < count && violation.empty(); ++seed) {
    CopiesSimulation simulation(seed, {});
    violation = simulation.run();
    if (!violation.empty()) violation += ", seed " + std::to_string(seed);
    copies += simulation.copies();
    moves += simulation.moves();
  }
  CHECK(violation == "");
  // A schedule that copies nothing shows nothing.
  CHECK(copies > count);
  CHECK(moves > 0);
}

namespace {

/// Schedules until a broken rule is noticed; far more than are needed.
constexpr std::uint64_t kSeedsMax = 3000;

bool is_noticed(bool CopyRules::* rule, std::optional<Small> small = {}) {
  CopyRules rules;
  rules.*rule = false;
  for (std::uint64_t seed = 0; seed < kSeedsMax; ++seed) {
    if (!CopiesSimulation(seed, rules, small).run().empty()) return true;
  }
  return false;
}

constexpr Small kOneLeftOut{.members = 2, .rest = Rest::left_out}, kOneDropped{.members = 2, .rest = Rest::dropped},
    kOneMember{.members = 1, .rest = Rest::short_of_it, .managers = 2},
    kOneRots{.members = 2, .rest = Rest::short_of_it, .one_rots = true}, kOneRotten{.members = 2, .rest = Rest::rotten},
    kOneSpare{.members = 3, .one_rots = true, .managers = 2, .spare_disks = 1};

}  // namespace

TEST_CASE("no schedule in a small world loses a live run or leaves one without its copies") {
  std::string violation;
  const auto count = schedules(200);
  for (std::uint64_t seed = 0; seed < count && violation.empty(); ++seed) {
    for (const Small& small : {kOneLeftOut, kOneDropped, kOneMember, kOneRots, kOneRotten}) {
      if (violation.empty()) violation = CopiesSimulation(seed, {}, small).run();
    }
    if (!violation.empty()) violation += ", seed " + std::to_string(seed);
  }
  CHECK(violation == "");
}

TEST_CASE("no schedule of moves by two managers leaves fewer copies than there were") {
  std::uint64_t moves = 0;
  std::string violation;
  const auto count = schedules(200);
  for (std::uint64_t seed = 0; seed < count && violation.empty(); ++seed) {
    CopiesSimulation simulation(seed, {}, kOneSpare);
    violation = simulation.run();
    if (!violation.empty()) violation += ", seed " + std::to_string(seed);
    moves += simulation.moves();
  }
  CHECK(violation == "");
  // Most are disturbed.
  CHECK(moves > count / 10);
}

TEST_CASE("the simulator of copies notices when a rule is broken") {
  CHECK(is_noticed(&CopyRules::records_are_compared));
  CHECK(is_noticed(&CopyRules::copies_have_an_epoch, kOneDropped));
  CHECK(is_noticed(&CopyRules::the_filled_are_named_before));
  CHECK(is_noticed(&CopyRules::the_doomed_are_condemned, kOneLeftOut));
  CHECK(is_noticed(&CopyRules::sources_are_complete, kOneMember));
  CHECK(is_noticed(&CopyRules::bytes_are_checked));
  CHECK(is_noticed(&CopyRules::a_seal_needs_all));
  CHECK(is_noticed(&CopyRules::bad_members_stay));
  CHECK(is_noticed(&CopyRules::reports_are_taken_back));
  CHECK(is_noticed(&CopyRules::the_damaged_begin_anew));
  CHECK(is_noticed(&CopyRules::who_begins_anew_says_so, kOneRotten));
  CHECK(is_noticed(&CopyRules::only_its_own_runs_count));
  CHECK(is_noticed(&CopyRules::gaps_are_filled));
  CHECK(is_noticed(&CopyRules::damage_is_reported));
  CHECK(is_noticed(&CopyRules::the_moved_stay_until_it_is_done, kOneSpare));
  CHECK(is_noticed(&CopyRules::only_the_filled_are_members, kOneSpare));
}

}  // namespace sluice::rdma

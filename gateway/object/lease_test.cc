#include "gateway/object/lease.h"

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <variant>
#include <vector>

namespace sluice::object {
namespace {

using std::chrono::seconds;

constexpr UtcTime kNow{std::chrono::milliseconds(1'767'225'600'250)};
const std::string kA = "aaaaaaaa-0000-4000-8000-000000000000";
const std::string kB = "bbbbbbbb-0000-4000-8000-000000000000";
const std::string kC = "cccccccc-0000-4000-8000-000000000000";

LeaseRequest acquire(std::string proposed, std::optional<seconds> duration = seconds(30)) {
  return {.act = LeaseAct::acquire, .id = {}, .proposed = std::move(proposed), .duration = duration, .break_after = {}};
}

LeaseRequest on(LeaseAct act, std::string id, std::string proposed = {}) {
  return {.act = act, .id = std::move(id), .proposed = std::move(proposed), .duration = {}, .break_after = {}};
}

LeaseRequest break_off(std::optional<seconds> after) {
  return {.act = LeaseAct::break_off, .id = {}, .proposed = {}, .duration = {}, .break_after = after};
}

// A lease A in the state, as of kNow.
std::optional<Lease> lease_in(LeaseState state) {
  Lease lease{.id = kA, .duration = seconds(30), .ends = kNow + seconds(30), .breaks = {}};
  switch (state) {
    case LeaseState::available:
      return std::nullopt;
    case LeaseState::leased:
      break;
    case LeaseState::breaking:
      lease.breaks = kNow + seconds(10);
      break;
    case LeaseState::broken:
      lease.breaks = kNow;
      break;
    case LeaseState::expired:
      lease.ends = kNow;
      break;
  }
  return lease;
}

constexpr std::array kStates{LeaseState::available, LeaseState::leased, LeaseState::breaking, LeaseState::broken,
                             LeaseState::expired};

using Outcome = std::variant<LeaseState, ErrorCode>;

// "Outcomes of lease operations by lease state", Lease Blob, Azure Storage REST API.
struct Row {
  std::string name;
  LeaseRequest request;
  std::array<Outcome, 5> outcomes;  // In the order of kStates.
};

const std::vector<Row>& table() {
  using enum LeaseState;
  using enum ErrorCode;
  static const std::vector<Row> rows{
      {"acquire", acquire(""), {leased, lease_present, lease_present, leased, leased}},
      {"acquire A", acquire(kA), {leased, leased, lease_breaking, leased, leased}},
      {"acquire B", acquire(kB), {leased, lease_present, lease_present, leased, leased}},
      {"break at once", break_off(seconds(0)), {lease_not_held, broken, broken, broken, broken}},
      {"break in time", break_off(seconds(20)), {lease_not_held, breaking, breaking, broken, broken}},
      {"break", break_off({}), {lease_not_held, breaking, breaking, broken, broken}},
      {"change A to B",
       on(LeaseAct::change, kA, kB),
       {lease_not_held, leased, lease_breaking, lease_not_held, lease_not_held}},
      {"change B to A",
       on(LeaseAct::change, kB, kA),
       {lease_not_held, leased, lease_breaking, lease_not_held, lease_not_held}},
      {"change B to C",
       on(LeaseAct::change, kB, kC),
       {lease_not_held, lease_id_refused, lease_id_refused, lease_not_held, lease_not_held}},
      {"renew A", on(LeaseAct::renew, kA), {lease_id_refused, leased, lease_broken, lease_broken, leased}},
      {"renew B",
       on(LeaseAct::renew, kB),
       {lease_id_refused, lease_id_refused, lease_id_refused, lease_id_refused, lease_id_refused}},
      {"release A", on(LeaseAct::release, kA), {lease_id_refused, available, available, available, available}},
      {"release B",
       on(LeaseAct::release, kB),
       {lease_id_refused, lease_id_refused, lease_id_refused, lease_id_refused, lease_id_refused}},
  };
  return rows;
}

}  // namespace

TEST_CASE("every act has its documented outcome in every state") {
  for (const auto& row : table()) {
    for (std::size_t i = 0; i < kStates.size(); ++i) {
      INFO(row.name << " in state " << i);
      auto lease = lease_in(kStates.at(i));
      REQUIRE(state_of(lease, kNow) == kStates.at(i));
      const auto before = lease;

      const auto answer = perform(row.request, kNow, lease);

      if (const auto* refused = std::get_if<ErrorCode>(&row.outcomes.at(i))) {
        REQUIRE_FALSE(answer);
        CHECK(answer.error().code == *refused);
        CHECK(lease == before);
      } else {
        REQUIRE(answer);
        CHECK(state_of(lease, kNow) == std::get<LeaseState>(row.outcomes.at(i)));
      }
    }
  }
}

TEST_CASE("a write is let through only where no lease is held, or by its holder") {
  using enum ErrorCode;
  const std::optional<ErrorCode> fine;
  struct Use {
    std::optional<std::string> given;
    std::array<std::optional<ErrorCode>, 5> refusals;
  };
  const std::vector<Use> uses{
      {std::nullopt, {fine, lease_missing, lease_missing, fine, fine}},
      {kA, {lease_absent, fine, fine, lease_lost, lease_lost}},
      {kB, {lease_absent, lease_mismatch, lease_mismatch, lease_absent, lease_absent}},
  };
  for (const auto& use : uses) {
    for (std::size_t i = 0; i < kStates.size(); ++i) {
      INFO(use.given.value_or("none") << " in state " << i);
      const auto lease = lease_in(kStates.at(i));

      const auto written = check_lease_for_write(use.given, lease, kNow);
      const auto read = check_lease(use.given, lease, kNow);

      CHECK((written ? fine : written.error().code) == use.refusals.at(i));
      CHECK((read ? fine : read.error().code) == (use.given ? use.refusals.at(i) : fine));
      if (written) CHECK(written->has_value() == is_locked(lease, kNow));
    }
  }
}

TEST_CASE("an acquired lease has an id of its own, and runs out at its end") {
  std::optional<Lease> lease;

  const auto answer = perform(acquire(""), kNow, lease);

  REQUIRE(answer);
  CHECK(answer->id.size() == 36);
  CHECK(answer->id == lease->id);
  CHECK(state_of(lease, kNow + seconds(30) - std::chrono::milliseconds(1)) == LeaseState::leased);
  CHECK(state_of(lease, kNow + seconds(30)) == LeaseState::expired);
}

TEST_CASE("a lease without a duration has no end, and breaks at once or in the time given") {
  std::optional<Lease> lease;
  REQUIRE(perform(acquire(kA, std::nullopt), kNow, lease));
  CHECK(state_of(lease, kNow + std::chrono::hours(100000)) == LeaseState::leased);

  auto at_once = lease;
  CHECK(perform(break_off({}), kNow, at_once)->remaining == seconds(0));
  CHECK(state_of(at_once, kNow) == LeaseState::broken);

  CHECK(perform(break_off(seconds(60)), kNow, lease)->remaining == seconds(60));
  CHECK(state_of(lease, kNow + seconds(59)) == LeaseState::breaking);
  CHECK(state_of(lease, kNow + seconds(60)) == LeaseState::broken);
}

TEST_CASE("a break never outlasts its lease, and is only ever made shorter") {
  auto lease = lease_in(LeaseState::leased);

  CHECK(perform(break_off(seconds(60)), kNow, lease)->remaining == seconds(30));
  CHECK(perform(break_off(seconds(20)), kNow, lease)->remaining == seconds(20));
  CHECK(perform(break_off(seconds(25)), kNow, lease)->remaining == seconds(20));
  CHECK(perform(break_off({}), kNow + seconds(5) + std::chrono::milliseconds(1), lease)->remaining == seconds(15));
}

TEST_CASE("a renewal begins the duration anew") {
  auto lease = lease_in(LeaseState::leased);

  REQUIRE(perform(on(LeaseAct::renew, kA), kNow + seconds(20), lease));

  CHECK(state_of(lease, kNow + seconds(49)) == LeaseState::leased);
  CHECK(state_of(lease, kNow + seconds(50)) == LeaseState::expired);
}

TEST_CASE("times out of bounds are refused") {
  std::optional<Lease> none;
  CHECK(perform(acquire("", seconds(14)), kNow, none).error().code == ErrorCode::invalid_argument);
  CHECK(perform(acquire("", seconds(61)), kNow, none).error().code == ErrorCode::invalid_argument);
  CHECK(perform(acquire("", seconds(15)), kNow, none));
  CHECK(perform(break_off(seconds(61)), kNow, none).error().code == ErrorCode::invalid_argument);
  CHECK(perform(break_off(seconds(-1)), kNow, none).error().code == ErrorCode::invalid_argument);
  CHECK(perform(on(LeaseAct::change, kA), kNow, none).error().code == ErrorCode::invalid_argument);
}

}  // namespace sluice::object

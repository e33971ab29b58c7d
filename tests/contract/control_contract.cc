#include "tests/contract/control_contract.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "tests/support/run_task.h"

namespace sluice::test {
namespace {

using rdma::ExtentNumber;
using rdma::ExtentRecord;
using rdma::Uuid;

ExtentRecord some_record() {
  return {.writer = Uuid::random(), .members = {Uuid::random(), Uuid::random(), Uuid::random()}};
}

ExtentNumber create(rdma::Control& control, const ExtentRecord& record) {
  const auto number = run(control.create(record));
  REQUIRE(number);
  return *number;
}

rdma::VersionedRecord find(rdma::Control& control, ExtentNumber extent) {
  const auto found = run(control.find(extent));
  REQUIRE(found);
  REQUIRE(*found);
  return **found;
}

ExtentNumber after(ExtentNumber extent) { return ExtentNumber{static_cast<std::uint64_t>(extent) + 1}; }

void check_records(ControlFixture& fixture) {
  rdma::Control& control = fixture.control();
  SECTION("a record is found as it was created, also by others, until it is erased") {
    const ExtentRecord record = some_record();
    const ExtentNumber extent = create(control, record);
    const auto found = find(fixture.other(), extent);
    CHECK(found.record == record);
    CHECK(run(fixture.other().erase(extent, found.revision)) == true);
    CHECK(run(control.find(extent))->has_value() == false);
    CHECK(run(control.erase(extent, found.revision)) == false);
  }
  SECTION("no number is given twice, also not one of an erased record") {
    std::set<ExtentNumber> numbers;
    for (int n = 0; n < 20; ++n) {
      const ExtentNumber extent = create(n % 2 == 0 ? control : fixture.other(), some_record());
      numbers.insert(extent);
      REQUIRE(run(control.erase(extent, find(control, extent).revision)) == true);
    }
    CHECK(numbers.size() == 20);
  }
  SECTION("who sets first wins, and the others change nothing") {
    const ExtentNumber extent = create(control, some_record());
    const auto before = find(control, extent);
    ExtentRecord first = rdma::begin_seal(before.record);
    ExtentRecord second = before.record;
    second.pages = 17;
    CHECK(run(control.set(extent, before.revision, first)) == true);
    CHECK(run(fixture.other().set(extent, before.revision, second)) == false);
    CHECK(run(fixture.other().erase(extent, before.revision)) == false);
    CHECK(find(control, extent).record == first);
    first.state = rdma::ExtentState::sealed;
    first.pages = 4711;
    first.members.pop_back();
    CHECK(run(control.set(extent, find(control, extent).revision, first)) == true);
    CHECK(find(fixture.other(), extent).record == first);
  }
  SECTION("of many who set at one time one wins") {
    const ExtentNumber extent = create(control, some_record());
    const auto before = find(control, extent);
    std::atomic<int> won = 0;
    std::vector<std::jthread> threads;
    for (rdma::Pages n = 1; n <= 6; ++n) {
      threads.emplace_back([&, n] {
        ExtentRecord mine = before.record;
        mine.pages = n;
        const auto set = run((n % 2 == 0 ? control : fixture.other()).set(extent, before.revision, mine));
        if (set && *set) ++won;
      });
    }
    threads.clear();
    CHECK(won == 1);
  }
  SECTION("records are listed in the order of their numbers, in pages") {
    std::vector<ExtentNumber> created, listed;
    for (int n = 0; n < 7; ++n) created.push_back(create(control, some_record()));
    ExtentNumber next{};
    while (true) {
      const auto some = run(control.list(next, 3));
      REQUIRE(some);
      for (const auto& one : *some) listed.push_back(one.extent);
      if (some->size() < 3) break;
      next = after(listed.back());
    }
    CHECK(std::ranges::is_sorted(created));
    CHECK(listed == created);
    CHECK(run(control.list(after(created.back()), 3))->empty());
  }
}

void check_nodes(ControlFixture& fixture) {
  rdma::Control& control = fixture.control();
  rdma::NodeAddress address{Uuid::random(), "10.1.2.3", "7000", "rack 7", "machine"};
  REQUIRE(run(control.keep_node(address)));
  const auto only = [&] {
    const auto nodes = run(fixture.other().nodes());
    REQUIRE(nodes);
    REQUIRE(nodes->size() == 1);
    return nodes->front();
  };
  CHECK(only() == rdma::Node{address, true, false});
  SECTION("a node that moves is found where it is") {
    address.port = "7001";
    REQUIRE(run(control.keep_node(address)));
    CHECK(only().address == address);
  }
  SECTION("a node that is silent or leaves stays a node, not alive, and may come back") {
    REQUIRE(run(control.leave_node(address.incarnation)));
    CHECK(only() == rdma::Node{address, false, false});
    REQUIRE(run(fixture.other().keep_node(address)));
    CHECK(only().alive);
    fixture.silence(address.incarnation);
    CHECK_FALSE(only().alive);
    REQUIRE(run(control.keep_node(address)));
    CHECK(only().alive);
  }
  SECTION("a node is drained, and drained no more, and removed") {
    REQUIRE(run(control.drain(address.incarnation, true)));
    REQUIRE(run(control.keep_node(address)));
    CHECK(only() == rdma::Node{address, true, true});
    REQUIRE(run(control.drain(address.incarnation, false)));
    CHECK_FALSE(only().draining);
    REQUIRE(run(control.remove_node(address.incarnation)));
    REQUIRE(run(control.drain(address.incarnation, true)));
    CHECK(run(fixture.other().nodes())->empty());
  }
}

void check_writers(ControlFixture& fixture) {
  rdma::Control& control = fixture.control();
  const Uuid writer = Uuid::random();
  REQUIRE(run(control.keep_writer(writer)));
  SECTION("a run is not buried while it is alive") {
    CHECK(run(fixture.other().bury(writer)) == false);
    REQUIRE(run(control.keep_writer(writer)));
  }
  SECTION("a run that fell silent lives on if it speaks before it is buried, and never afterwards") {
    fixture.silence(writer);
    REQUIRE(run(control.keep_writer(writer)));
    CHECK(run(fixture.other().bury(writer)) == false);
    fixture.silence(writer);
    CHECK(run(fixture.other().bury(writer)) == true);
    CHECK(run(fixture.other().bury(writer)) == true);
    const auto kept = run(control.keep_writer(writer));
    REQUIRE_FALSE(kept);
    CHECK(kept.error().code == ErrorCode::conflict);
  }
  SECTION("a run that ends can be buried at once") {
    REQUIRE(run(control.leave_writer(writer)));
    CHECK(run(fixture.other().bury(writer)) == true);
    CHECK(run(control.forget_writer(writer)));
  }
}

void check_damage(ControlFixture& fixture) {
  rdma::Control& control = fixture.control();
  SECTION("damage is known to all until it is forgotten, however often it was reported") {
    const rdma::Damage one{ExtentNumber{0xabcd'0000'1234}, Uuid::random()}, other{ExtentNumber{7}, one.disk};
    for (int n = 0; n < 2; ++n) REQUIRE(run(control.report_damage(one)));
    REQUIRE(run(fixture.other().report_damage(other)));
    CHECK(run(control.damage()) == std::vector<rdma::Damage>{other, one});
    REQUIRE(run(fixture.other().forget_damage(one)));
    REQUIRE(run(fixture.other().forget_damage(one)));
    CHECK(run(control.damage()) == std::vector<rdma::Damage>{other});
  }
  SECTION("requests to scrub are counted, and who has answered which") {
    const rdma::NodeAddress address{Uuid::random(), "10.1.2.3", "7000", "rack 7", "machine"};
    REQUIRE(run(control.keep_node(address)));
    CHECK(run(control.scrub_asked()) == 0);
    const auto first = run(control.ask_scrub()), second = run(fixture.other().ask_scrub());
    REQUIRE(first);
    REQUIRE(second);
    CHECK(*second > *first);
    CHECK(run(control.scrub_asked()) == *second);
    REQUIRE(run(control.scrubbed(address.incarnation, *second)));
    CHECK(run(fixture.other().nodes())->front().scrubbed == *second);
  }
}

void check_balance(ControlFixture& fixture) {
  rdma::Control& control = fixture.control();
  const auto asked = [&] {
    const auto balancing = run(fixture.other().balancing());
    REQUIRE(balancing);
    return *balancing;
  };
  CHECK_FALSE(asked());
  const auto first = run(control.ask_balance());
  REQUIRE(first);
  CHECK(asked() == rdma::Balancing{.number = *first});
  SECTION("who balances says how far it is, and ends it") {
    const rdma::Balancing progress{.number = *first, .moved = 3, .left = 4};
    REQUIRE(run(control.note_balance(progress)));
    CHECK(asked() == progress);
    REQUIRE(run(control.end_balance(*first)));
    CHECK_FALSE(asked());
    REQUIRE(run(control.note_balance(progress)));
    CHECK_FALSE(asked());
  }
  SECTION("a request is not ended, nor said to be far, by who answers an earlier one") {
    REQUIRE(run(control.note_balance({.number = *first, .moved = 3, .left = 4})));
    const auto second = run(fixture.other().ask_balance());
    REQUIRE(second);
    CHECK(*second > *first);
    REQUIRE(run(control.note_balance({.number = *first, .moved = 5, .left = 2})));
    REQUIRE(run(control.end_balance(*first)));
    CHECK(asked() == rdma::Balancing{.number = *second});
  }
}

void check_managers(ControlFixture& fixture) {
  const Uuid first = Uuid::random(), second = Uuid::random();
  SECTION("there is one manager, until it leaves or falls silent") {
    CHECK(run(fixture.control().keep_manager(first)) == true);
    CHECK(run(fixture.other().keep_manager(second)) == false);
    CHECK(run(fixture.control().keep_manager(first)) == true);
    REQUIRE(run(fixture.control().leave_manager(first)));
    CHECK(run(fixture.other().keep_manager(second)) == true);
    CHECK(run(fixture.control().keep_manager(first)) == false);
    fixture.silence(second);
    CHECK(run(fixture.control().keep_manager(first)) == true);
    CHECK(run(fixture.other().keep_manager(second)) == false);
  }
}

}  // namespace

void check_control_contract(const MakeControl& make) {
  const auto fixture = make();
  SECTION("records") { check_records(*fixture); }
  SECTION("nodes") { check_nodes(*fixture); }
  SECTION("writers") { check_writers(*fixture); }
  SECTION("damage") { check_damage(*fixture); }
  SECTION("balance") { check_balance(*fixture); }
  SECTION("managers") { check_managers(*fixture); }
}

}  // namespace sluice::test

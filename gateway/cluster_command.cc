#include "gateway/cluster_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <set>
#include <stdexcept>

#include "backends/rdma/etcd_control.h"
#include "gateway/cluster_control.h"
#include "gateway/config.h"

namespace sluice {
namespace {

constexpr std::size_t kListed = 1000;

/// The value of a task, run to its end here.
template <class T>
Result<T> outcome_of(Task<T> task) {
  boost::asio::io_context io(1);
  Result<T> outcome = fail(ErrorCode::internal, "it never ended");
  boost::asio::co_spawn(io, std::move(task),
                        [&](std::exception_ptr, Result<T> result) { outcome = std::move(result); });
  io.run();
  if (!outcome) throw std::runtime_error("the cluster: " + outcome.error().detail);
  return outcome;
}

/// What the records say.
struct Census {
  std::uint64_t open = 0, sealed = 0, endangered = 0, damaged = 0;
  std::uint64_t lost_runs = 0;           ///< Whole on no disk that was there.
  std::uint64_t coded = 0, missing = 0;  ///< Extents in stripes, and fragments of those without a good disk.
  std::map<rdma::Uuid, std::uint64_t> by_disk;
};

void count_striped(const rdma::ExtentRecord& record, const std::set<rdma::Damage>& damage,
                   std::map<rdma::Uuid, bool>& good, Census& census) {
  if (record.state == rdma::ExtentState::coded) ++census.coded;
  if (rdma::is_fragment(record)) ++census.by_disk[record.members.front()];
  if (!record.stripe) return;
  for (const rdma::Fragment& fragment : record.stripe->fragments) {
    const bool damaged = damage.contains({fragment.extent, fragment.disk});
    census.damaged += damaged ? 1 : 0;
    census.missing += good[fragment.disk] && !damaged ? 0 : 1;
  }
}

Census count(rdma::Control& control, const std::vector<rdma::Node>& nodes, std::size_t copies) {
  std::map<rdma::Uuid, bool> good;
  for (const auto& node : nodes) good[node.address.incarnation] = node.alive && !node.draining;
  const auto reported = *outcome_of(control.damage());
  const std::set<rdma::Damage> damage(reported.begin(), reported.end());
  Census census;
  rdma::ExtentNumber next{};
  while (true) {
    const auto some = *outcome_of(control.list(next, kListed));
    for (const auto& one : some) {
      next = rdma::ExtentNumber{static_cast<std::uint64_t>(one.extent) + 1};
      const rdma::ExtentRecord& record = one.versioned.record;
      if (!rdma::is_replicated(record)) {
        count_striped(record, damage, good, census);
        continue;
      }
      ++(record.state == rdma::ExtentState::sealed ? census.sealed : census.open);
      std::size_t there = 0;
      for (const auto& member : record.members) {
        ++census.by_disk[member];
        const bool damaged = damage.contains({one.extent, member});
        census.damaged += damaged ? 1 : 0;
        there += good[member] && !damaged ? 1 : 0;
      }
      census.endangered += there < copies ? 1 : 0;
      census.lost_runs += record.lost.size();
      // What is kept for their sake is not to be removed.
      if (record.lost.empty()) continue;
      for (const auto& disk : record.partial) ++census.by_disk[disk];
    }
    if (some.size() < kListed) return census;
  }
}

void show_status(rdma::Control& control, const Config& config) {
  const auto nodes = *outcome_of(control.nodes());
  const Census census = count(control, nodes, config.cluster_copies);
  std::string text =
      fmt::format("{:<34}{:<24}{:<16}{:<12}{:<10}extents\n", "disk", "address", "machine", "zone", "state");
  for (const auto& node : nodes) {
    const char* state = node.draining ? "draining" : node.alive ? "alive" : "silent";
    const auto held = census.by_disk.find(node.address.incarnation);
    text += fmt::format("{:<34}{:<24}{:<16}{:<12}{:<10}{}\n", rdma::to_text(node.address.incarnation),
                        node.address.host + ":" + node.address.port, node.address.machine, node.address.zone, state,
                        held == census.by_disk.end() ? 0 : held->second);
  }
  const std::uint64_t asked = *outcome_of(control.scrub_asked());
  const auto is_behind = [&](const rdma::Node& node) { return node.alive && node.scrubbed < asked; };
  text += fmt::format("\nopen {}\nsealed {}\nendangered {}\ndamaged {}\nlost_runs {}\nscrubbing {}\n", census.open,
                      census.sealed, census.endangered, census.damaged, census.lost_runs,
                      std::ranges::count_if(nodes, is_behind));
  text += fmt::format("coded {}\nmissing {}\n", census.coded, census.missing);
  const auto balancing = *outcome_of(control.balancing());
  text += fmt::format("rebalancing {}\n", balancing ? 1 : 0);
  if (balancing) text += fmt::format("moved {}\nleft {}\n", balancing->moved, balancing->left);
  std::fputs(text.c_str(), stdout);
}

rdma::Uuid disk_named(rdma::Control& control, std::string_view name) {
  rdma::Uuid found;
  int count = 0;
  for (const auto& node : *outcome_of(control.nodes())) {
    if (name.empty() || !rdma::to_text(node.address.incarnation).starts_with(name)) continue;
    found = node.address.incarnation;
    ++count;
  }
  if (count == 0) {
    throw std::invalid_argument(
        fmt::format("'{}' is no disk of the cluster: format it, and start its node, which adds it", name));
  }
  if (count != 1) throw std::invalid_argument(fmt::format("'{}' names {} disks", name, count));
  return found;
}

// What is on it will never be seen again: extents are sealed without it, as far as that goes.
void forget(rdma::Control& control, const rdma::Uuid& disk) {
  for (const auto& node : *outcome_of(control.nodes())) {
    if (node.address.incarnation == disk && node.alive) throw std::runtime_error("the disk is alive");
  }
  outcome_of(control.remove_node(disk));
}

void remove(rdma::Control& control, const rdma::Uuid& disk) {
  const auto nodes = *outcome_of(control.nodes());
  const Census census = count(control, nodes, 1);
  const auto held = census.by_disk.find(disk);
  if (held != census.by_disk.end()) {
    throw std::runtime_error(
        fmt::format("{} extents are on the disk: drain it first, and wait until it has none", held->second));
  }
  outcome_of(control.remove_node(disk));
}

// A disk is of the cluster once its node has started: new extents go to it, and this brings it its part of the others.
void add(rdma::Control& control, const rdma::Uuid& disk) {
  outcome_of(control.drain(disk, false));
  outcome_of(control.ask_balance());
}

void stop_balancing(rdma::Control& control) {
  const auto balancing = *outcome_of(control.balancing());
  if (balancing) outcome_of(control.end_balance(balancing->number));
}

void of_all(rdma::Control& control, const Config& config, std::string_view verb, bool stop) {
  if (verb == "status") return show_status(control, config);
  if (verb == "rebalance" && stop) return stop_balancing(control);
  outcome_of(verb == "scrub" ? control.ask_scrub() : control.ask_balance());
}

void of_one(rdma::Control& control, std::string_view verb, const rdma::Uuid& disk) {
  if (verb == "add") return add(control, disk);
  if (verb == "remove") return remove(control, disk);
  if (verb == "forget") return forget(control, disk);
  outcome_of(control.drain(disk, verb == "drain"));
}

constexpr std::string_view kOfAll[] = {"status", "scrub", "rebalance"};
constexpr std::string_view kOfOne[] = {"add", "drain", "undrain", "remove", "forget"};

}  // namespace

int command_cluster(std::span<const std::string_view> arguments,
                    const std::map<std::string, std::string>& environment) {
  const std::string_view verb = arguments.empty() ? "" : arguments[0];
  const bool takes_disk = std::ranges::count(kOfOne, verb) > 0;
  if (!takes_disk && std::ranges::count(kOfAll, verb) == 0) {
    throw std::invalid_argument("sluice cluster status|scrub|rebalance [stop]|add|drain|undrain|remove|forget");
  }
  if (takes_disk && arguments.size() < 2) throw std::invalid_argument(fmt::format("{} needs a disk", verb));
  const bool stop = verb == "rebalance" && arguments.size() > 1 && arguments[1] == "stop";
  const Config config = read_config(arguments.subspan(takes_disk || stop ? 2 : 1), environment);
  if (config.extents.empty()) throw std::invalid_argument("extents must name the cluster");
  rdma::EtcdControl control(control_options(config.extents, config));
  if (takes_disk) {
    of_one(control, verb, disk_named(control, arguments[1]));
  } else {
    of_all(control, config, verb, stop);
  }
  return 0;
}

}  // namespace sluice

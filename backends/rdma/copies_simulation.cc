#include "backends/rdma/copies_simulation.h"

#include <algorithm>

namespace sluice::rdma {
namespace {

constexpr std::size_t kNodesMax = 5, kExtentsMax = 2, kCopies = 3, kRuns = 5;

Uuid name_of(std::size_t node, std::uint8_t formatted) {
  Uuid made;
  made.bytes[0] = static_cast<std::uint8_t>(node + 1);
  made.bytes[1] = formatted;
  return made;
}

}  // namespace

CopiesSimulation::CopiesSimulation(std::uint64_t seed, CopyRules rules, std::optional<Small> small)
    : rules_(rules), chance_(seed * 104'729 + 7), small_(small) {
  network_.faults_one_in(40);
  // Where there is no disk to spare, things go another way.
  const std::size_t nodes = small ? kCopies + small->spare_disks : kCopies + chance_.below(kNodesMax - kCopies + 1);
  nodes_.resize(nodes, SimulatedNode(rules_));
  for (std::size_t n = 0; n < nodes_.size(); ++n) nodes_[n].disk.incarnation = name_of(n, 0);
  extents_ = small ? 1 : 1 + chance_.below(kExtentsMax);
  if (small && small->rest == Rest::rotten) nodes_wait_ = chance_.below(400);
  theme_ = Theme(chance_.below(3));
  for (std::uint64_t number = 1; number <= extents_; ++number) make_extent(ExtentNumber{number});
  actors_.resize(4 + nodes_.size());
}

std::string CopiesSimulation::run() {
  const int steps = !small_ && theme_ == Theme::all ? 700 : 2000;
  for (int step = 0; step < steps && violation_.empty(); ++step) {
    if (small_ && small_->one_rots && chance_.one_in(300)) rot(nodes_.size() - 1);
    if (!small_ && chance_.one_in(theme_ == Theme::all ? 25 : 10)) disturb();
    move();
    check();
  }
  settle();
  return violation_;
}

// ---- how it begins: sealed extents on one to three disks, with runs that are live

void CopiesSimulation::make_extent(ExtentNumber extent) {
  ExtentRecord record{.state = ExtentState::sealed, .epoch = Epoch{2}, .writer = {}, .members = {}};
  std::vector<Run> runs;
  for (std::size_t n = 0; n < kRuns; ++n) {
    runs.push_back({record.pages, static_cast<std::uint32_t>(1 + chance_.below(9000)), chance_.number()});
    live_[extent].insert(record.pages);
    contents_[extent][record.pages] = runs.back();
    record.pages = end_of(runs.back());
  }
  const std::size_t first = small_ ? 0 : chance_.below(nodes_.size());
  const std::size_t whole = small_ ? small_->members : chance_.one_in(2) ? kCopies : 1 + chance_.below(kCopies);
  for (std::size_t copy = 0; copy < kCopies; ++copy) {
    SimulatedNode& node = nodes_[(first + copy) % nodes_.size()];
    if (copy < whole) {
      record.members.push_back(node.disk.incarnation);
      store(node, extent, runs, record.pages);
    } else if (store_some(node, extent, runs, record.pages)) {
      record.partial.push_back(node.disk.incarnation);
    }
  }
  records_[extent] = {record, ++revision_};
}

bool CopiesSimulation::store_some(SimulatedNode& node, ExtentNumber extent, std::vector<Run> runs, Pages pages) {
  const auto rest = small_ ? small_->rest : Rest(chance_.below(4));
  if (rest == Rest::short_of_it) {
    runs.resize(chance_.below(runs.size() + 1));
    store(node, extent, runs, std::nullopt);
    return true;
  }
  store(node, extent, runs, pages);
  if (rest == Rest::rotten) {
    const Pages page = runs[chance_.below(runs.size())].page;
    node.disk.slabs[*node.table.find(extent)->slab].at(page).rot = chance_.one_in(3) ? Rot::header : Rot::data;
  }
  if (rest == Rest::dropped) node.put_down({Record::Kind::drop, extent, 0, 0});
  return rest == Rest::rotten;
}

void CopiesSimulation::store(SimulatedNode& node, ExtentNumber extent, const std::vector<Run>& runs,
                             std::optional<Pages> sealed) {
  const std::uint32_t slab = *node.table.free_slab();
  for (const Run& run : runs) node.disk.slabs[slab][run.page] = {extent, run, Rot::none};
  node.put_down({Record::Kind::place, extent, slab, 0});
  node.put_down({Record::Kind::fence, extent, 2, 0});
  if (sealed) node.put_down({Record::Kind::seal, extent, *sealed, kRuns});
}

// ---- the network and the scheduler

CopiesSimulation::Wait CopiesSimulation::moment() {
  auto call = std::make_shared<Call>();
  call->over = true;
  return {*this, std::move(call)};
}

Play<bool> CopiesSimulation::pause() {
  for (std::size_t moments = quiet_ || chance_.one_in(2) ? 1 : chance_.below(60); moments > 0; --moments) {
    co_await moment();
  }
  co_return true;
}

CopiesSimulation::Wait CopiesSimulation::ask(const Uuid& disk, ExtentNumber extent,
                                             std::function<void(SimulatedNode&, const NodeReply&)> work) {
  auto call = std::make_shared<Call>();
  network_.send([this, disk, extent, call, work = std::move(work)] {
    const std::size_t n = disk.bytes[0] - 1u;
    SimulatedNode& node = nodes_[n];
    if (!node.up || cut_off_ == n || node.disk.incarnation != disk) return;
    const NodeReply reply = [this, call](Answer answer) {
      network_.send([call, answer = std::move(answer)] {
        if (!call->over) call->answer = answer;
        call->over = true;
      });
    };
    if (node.condemned.contains(extent)) return reply(refusal());
    work(node, reply);
  });
  return {*this, std::move(call)};
}

void CopiesSimulation::act(Actor& actor) {
  acting_ = &actor;
  if (!actor.play || actor.play->ended()) {
    actor.play.emplace(next_play(actor));
    actor.play->begin();
  } else if (actor.waits->over || chance_.one_in(quiet_ ? 60 : 15)) {
    actor.waits->over = true;
    actor.at.resume();
  }
}

Play<bool> CopiesSimulation::next_play(const Actor& actor) {
  const auto index = static_cast<std::size_t>(&actor - actors_.data());
  const ExtentNumber extent{1 + chance_.below(extents_)};
  if (index < 2) return mend(extent);
  if (index == 2) return release(extent);
  if (index == 3) return collect(extent);
  return look_at_disk(index - 4, extent);
}

// ---- the control store

std::optional<VersionedRecord> CopiesSimulation::find(ExtentNumber extent) const {
  const auto found = records_.find(extent);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

bool CopiesSimulation::is_at(ExtentNumber extent, std::uint64_t revision) const {
  if (!records_.contains(extent)) return false;
  return !rules_.records_are_compared || records_.at(extent).revision == revision;
}

std::uint64_t CopiesSimulation::set(ExtentNumber extent, std::uint64_t revision, const ExtentRecord& record) {
  if (!is_at(extent, revision)) return 0;
  if (record.epoch < records_.at(extent).record.epoch) violation_ = "an epoch goes back";
  records_[extent] = {record, ++revision_};
  return revision_;
}

void CopiesSimulation::erase(ExtentNumber extent, std::uint64_t revision) {
  if (is_at(extent, revision)) records_.erase(extent);
}

// ---- what happens next

void CopiesSimulation::disturb() {
  const std::size_t n = chance_.below(nodes_.size());
  if (theme_ != Theme::all && chance_.one_in(8)) {
    for (SimulatedNode& node : nodes_) node.up = true;
    cut_off_.reset();
  } else if (theme_ == Theme::drains && !chance_.one_in(3)) {
    nodes_[n].draining = !nodes_[n].draining;
  } else if (theme_ == Theme::rot && !chance_.one_in(3)) {
    if (others_are_whole(n)) rot(n);
  } else {
    disturb_by_any(n);
  }
}

void CopiesSimulation::disturb_by_any(std::size_t n) {
  switch (chance_.below(8)) {
    case 0:
      crash(n);
      break;
    case 1:
      cut_off_ = chance_.one_in(2) ? std::optional(n) : std::nullopt;
      break;
    case 2:
      nodes_[n].draining = !nodes_[n].draining;
      break;
    case 3:
      actors_[chance_.below(4)].play.reset();
      break;
    case 4:
    case 5:
      harm(n);
      break;
    default:
      for (SimulatedNode& node : nodes_) node.up = true;
  }
}

bool CopiesSimulation::others_are_whole(std::size_t n) const {
  for (const auto& [extent, versioned] : records_) {
    std::size_t others = 0;
    for (const Uuid& member : versioned.record.members) {
      if (member.bytes[0] - 1u == n) continue;
      if (!is_whole(extent, member) || has_rot(extent, member)) return false;
      ++others;
    }
    if (others == 0) return false;
  }
  return true;
}

void CopiesSimulation::rot(std::size_t n) {
  for (auto& [slab, runs] : nodes_[n].disk.slabs) {
    for (auto& [page, stored] : runs) {
      if (chance_.one_in(6)) stored.rot = chance_.one_in(3) ? Rot::header : Rot::data;
    }
  }
}

void CopiesSimulation::harm(std::size_t n) {
  if (!others_are_whole(n)) return;
  if (chance_.one_in(3)) {
    crash(n);
    nodes_[n].disk = {name_of(n, ++formatted_), {}, {}};
    crash(n);
  } else if (chance_.one_in(3)) {
    crash(n);
    nodes_[n].disk.log.resize(chance_.below(nodes_[n].disk.log.size() + 1));
    nodes_[n].lost_some = true;
    crash(n);
  } else {
    rot(n);
  }
}

void CopiesSimulation::move() {
  const std::size_t chosen = chance_.below(100);
  if (chosen < 40) return network_.deliver_one();
  if (chosen < 65) return nodes_[chance_.below(nodes_.size())].work(chance_);
  if (chosen >= (small_ && !quiet_ ? 78 : 88)) {
    if (nodes_wait_ > 0) return void(--nodes_wait_);
    return act(actors_[4 + chance_.below(nodes_.size())]);
  }
  // Where nobody stands still, there is one manager.
  if (quiet_) return act(actors_[1 + chance_.below(3)]);
  act(actors_[chance_.below(small_ ? small_->managers : 4)]);
}

void CopiesSimulation::settle() {
  quiet_ = true;
  network_.faults_one_in(0);
  cut_off_.reset();
  for (SimulatedNode& node : nodes_) node.up = true;
  for (SimulatedNode& node : nodes_) node.draining = false;
  for (int step = 0; step < 60'000 && violation_.empty(); ++step) {
    move();
    if (step % 8 == 0) check();
    if (step % 64 == 0 && is_settled()) return;
  }
  if (violation_.empty()) violation_ = "it never becomes whole";
}

bool CopiesSimulation::is_settled() const {
  for (const auto& [extent, live] : live_) {
    const auto record = find(extent);
    if (live.empty() != !record) return false;
    if (!record) continue;
    if (record->record.members.size() != kCopies || !record->record.partial.empty()) return false;
    const auto whole = [&, number = extent](const Uuid& member) {
      return is_whole(number, member) && !damage_.contains({number, member});
    };
    if (!std::ranges::all_of(record->record.members, whole)) return false;
  }
  return std::ranges::all_of(nodes_, [this](const SimulatedNode& node) {
    return std::ranges::all_of(node.table.extents(), [&](const auto& entry) {
      return !entry.second.slab || is_counted_on(node, entry.first);
    });
  });
}

void CopiesSimulation::crash(std::size_t n) {
  nodes_[n].crash();
  actors_[4 + n].play.reset();
}

// ---- what must hold at every moment

bool CopiesSimulation::is_readable(ExtentNumber extent, const Run& run, const Uuid& member) const {
  const SimulatedNode& node = nodes_[member.bytes[0] - 1u];
  if (node.disk.incarnation != member) return false;
  const DiskTable durable = node.disk.table();
  const ExtentEntry* entry = durable.find(extent);
  if (entry == nullptr || !entry->slab || entry->released.contains(run.page)) return false;
  const Stored* stored = node.stored_at(*entry->slab, extent, run.page);
  return stored != nullptr && stored->run == run && stored->rot == Rot::none;
}

bool CopiesSimulation::is_whole(ExtentNumber extent, const Uuid& member) const {
  return std::ranges::all_of(live_.at(extent),
                             [&](Pages page) { return is_readable(extent, contents_.at(extent).at(page), member); });
}

bool CopiesSimulation::has_rot(ExtentNumber extent, const Uuid& member) const {
  const SimulatedNode& node = nodes_[member.bytes[0] - 1u];
  if (!node.holds(extent)) return false;
  const auto runs = node.disk.slabs.find(*node.table.find(extent)->slab);
  return runs != node.disk.slabs.end() &&
         std::ranges::any_of(runs->second, [](const auto& stored) { return stored.second.rot != Rot::none; });
}

void CopiesSimulation::check() {
  for (const SimulatedNode& node : nodes_) {
    if (!node.violation.empty()) violation_ = node.violation;
  }
  for (const auto& [extent, live] : live_) {
    const auto record = find(extent);
    for (const Pages page : live) {
      const Run& run = contents_.at(extent).at(page);
      const auto readable = [&, number = extent](const Uuid& member) { return is_readable(number, run, member); };
      if (!record) {
        violation_ = "an extent with live runs is forgotten";
      } else if (std::ranges::none_of(disks_of(record->record), readable)) {
        violation_ = "nobody has a live run";
      }
    }
  }
}

}  // namespace sluice::rdma

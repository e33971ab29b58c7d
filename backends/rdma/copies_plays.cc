// What the actors of the simulator of copies do.
#include <algorithm>

#include "backends/rdma/copies_simulation.h"

namespace sluice::rdma {
namespace {

constexpr std::size_t kCopies = 3;
constexpr Pages kFillerMax = 3;

}  // namespace

// ---- the manager: Repair

bool CopiesSimulation::is_there(const Uuid& disk) const {
  const std::size_t n = disk.bytes[0] - 1u;
  return nodes_[n].up && cut_off_ != n && nodes_[n].disk.incarnation == disk;
}

std::vector<MemberState> CopiesSimulation::members_of(ExtentNumber extent, const ExtentRecord& record,
                                                      const std::set<Damage>& damage) {
  std::vector<MemberState> members;
  for (const Uuid& disk : record.members) {
    const bool there = is_there(disk);
    const bool damaged = damage.contains({extent, disk});
    const bool lost = !there && (quiet_ || chance_.one_in(2));
    members.push_back({disk, there, !damaged && !lost && !nodes_[disk.bytes[0] - 1u].draining, damaged});
  }
  return members;
}

std::vector<Uuid> CopiesSimulation::targets(ExtentNumber extent, const ExtentRecord& record, std::size_t count,
                                            const std::set<Damage>& damage) {
  std::vector<Uuid> chosen;
  std::size_t n = chance_.below(nodes_.size());
  for (std::size_t tried = 0; tried < nodes_.size() && chosen.size() < count; ++tried, n = (n + 1) % nodes_.size()) {
    const Uuid& disk = nodes_[n].disk.incarnation;
    const bool has_room = nodes_[n].table.free_slabs() > 0 || std::ranges::count(record.partial, disk) > 0;
    const bool usable = is_there(disk) && !nodes_[n].draining && has_room && !damage.contains({extent, disk});
    if (usable && std::ranges::count(record.members, disk) == 0) chosen.push_back(disk);
  }
  return chosen;
}

Play<bool> CopiesSimulation::mend(ExtentNumber extent) {
  const std::set<Damage> damage = damage_;
  co_await moment();
  const auto found = find(extent);
  if (!found) co_return false;
  const ExtentRecord record = found->record;
  auto members = members_of(extent, record, damage);
  const auto moved = leaving(record, members);
  Mending mending(record, members, kCopies);
  std::uint64_t revision = found->revision;
  ExtentRecord begun = record;
  const auto chosen = targets(extent, record, mending.missing(), damage);
  if (chosen.empty() && moved) co_return false;
  if (!chosen.empty()) {
    begun = mending.begun(rules_.the_filled_are_named_before ? chosen : std::vector<Uuid>{});
    if (!rules_.copies_have_an_epoch) begun.epoch = record.epoch;
    if (moved && !rules_.the_moved_stay_until_it_is_done) std::erase(begun.members, *moved);
    co_await pause();
    revision = moved ? set_moved(extent, revision, begun) : set(extent, revision, begun);
    if (revision == 0) co_return false;
    const auto found_at = co_await sources(extent, begun, damage);
    if (found_at.nothing_left(2)) erase(extent, revision);
    if (!found_at.has_all()) co_return false;
    for (const Uuid& target : chosen) {
      const bool filled = co_await copy(extent, begun, runs_of_any(found_at.lists()), target);
      if (filled || (moved && !rules_.only_the_filled_are_members)) mending.filled(target);
    }
  }
  if (!moved) members = members_of(extent, record, damage);
  ExtentRecord mended = mended_by(mending, members);
  if (!rules_.copies_have_an_epoch) mended.epoch = record.epoch;
  if (mended == begun) co_return mending.whole();
  co_await pause();
  if ((moved ? set_moved(extent, revision, mended) : set(extent, revision, mended)) == 0) co_return false;
  moves_ += moved && mending.whole() ? 1 : 0;
  for (const Uuid& disk : mended.members) {
    if (std::ranges::count(record.members, disk) == 0) look_at_copy(extent, mended, disk);
  }
  co_return mending.whole();
}

std::optional<Uuid> CopiesSimulation::leaving(const ExtentRecord& record, std::vector<MemberState>& members) {
  const bool whole = members.size() == kCopies && std::ranges::all_of(members, &MemberState::good);
  if (!whole || !record.partial.empty() || !chance_.one_in(quiet_ ? 100 : 3)) return std::nullopt;
  MemberState& chosen = members[chance_.below(members.size())];
  chosen.good = false;
  return chosen.disk;
}

std::uint64_t CopiesSimulation::set_moved(ExtentNumber extent, std::uint64_t revision, const ExtentRecord& record) {
  const auto before = find(extent);
  const std::uint64_t now = set(extent, revision, record);
  if (now == 0 || live_[extent].empty()) return now;
  const bool lost_some = std::ranges::any_of(nodes_, &SimulatedNode::lost_some);
  if (!lost_some && copies_of(extent, record) < copies_of(extent, before->record)) {
    violation_ = "a move leaves fewer copies";
  }
  return now;
}

// Whatever has become of the bytes since.
std::size_t CopiesSimulation::copies_of(ExtentNumber extent, const ExtentRecord& record) const {
  return static_cast<std::size_t>(std::ranges::count_if(record.members, [&](const Uuid& disk) {
    const SimulatedNode& node = nodes_[disk.bytes[0] - 1u];
    // A disk that was replaced since it said that it has all is no fault of the move.
    if (node.disk.incarnation != disk) return true;
    if (!node.holds(extent)) return false;
    const auto& stored = node.disk.slabs.at(*node.table.find(extent)->slab);
    return std::ranges::all_of(live_.at(extent), [&](Pages page) {
      const auto run = stored.find(page);
      return run != stored.end() && run->second.run == contents_.at(extent).at(page);
    });
  }));
}

void CopiesSimulation::look_at_copy(ExtentNumber extent, const ExtentRecord& record, const Uuid& disk) {
  ++copies_;
  SimulatedNode& node = nodes_[disk.bytes[0] - 1u];
  if (node.lost_some || node.disk.incarnation != disk || live_[extent].empty()) return;
  if (node.is_short(extent, record.pages)) violation_ = "a member has less than all";
  const auto slab = node.table.find(extent)->slab;
  for (const Pages page : live_[extent]) {
    const auto& stored = node.disk.slabs[slab.value_or(0)];
    const auto run = stored.find(page);
    const bool there = run != stored.end() && run->second.run == contents_[extent][page];
    if (slab && !there) violation_ = "a copy lacks a live run";
  }
}

ExtentRecord CopiesSimulation::mended_by(const Mending& mending, const std::vector<MemberState>& members) const {
  ExtentRecord mended = mending.mended();
  for (const MemberState& member : members) {
    if (!rules_.bad_members_stay && !member.good) std::erase(mended.members, member.disk);
  }
  return mended;
}

Play<bool> CopiesSimulation::seal_at(ExtentNumber extent, ExtentRecord record, Uuid target) {
  const auto answer = co_await ask(target, extent, [extent, record](SimulatedNode& node, const NodeReply& reply) {
    node.seal_at(extent, record.epoch, record.pages, reply);
  });
  co_return answer && !answer->refused;
}

std::vector<Uuid> CopiesSimulation::disks_of(const ExtentRecord& record) {
  std::vector<Uuid> disks = record.members;
  disks.insert(disks.end(), record.partial.begin(), record.partial.end());
  return disks;
}

Play<Sources> CopiesSimulation::sources(ExtentNumber extent, ExtentRecord record, std::set<Damage> damage) {
  Sources found;
  for (const Uuid& disk : disks_of(record)) {
    if (!is_there(disk)) continue;
    const bool is_member = std::ranges::count(record.members, disk) > 0;
    bool all = !rules_.sources_are_complete || co_await seal_at(extent, record, disk);
    if (all) co_await pause();
    const auto listed = co_await ask(
        disk, extent, [extent](SimulatedNode& node, const NodeReply& reply) { node.answer_list(extent, reply); });
    if (all) co_await pause();
    if (all && rules_.sources_are_complete) all = co_await seal_at(extent, record, disk);
    if (!listed || listed->refused) continue;
    if (all) (damage.contains({extent, disk}) ? found.damaged : found.complete).push_back(listed->runs);
    if (is_member && !all && listed->runs.empty()) ++found.emptied;
    if (!rules_.sources_are_complete) break;
  }
  co_return found;
}

Play<bool> CopiesSimulation::copy(ExtentNumber extent, ExtentRecord record, std::vector<Run> runs, Uuid target) {
  const auto fenced = co_await ask(target, extent, [extent, record](SimulatedNode& node, const NodeReply& reply) {
    node.fence(extent, record.epoch, reply);
  });
  if (!fenced || fenced->refused) co_return false;
  auto at = static_cast<Pages>(fenced->value);
  std::vector<Pages> fillers;
  for (const Run& run : runs) {
    if (run.page < at) continue;
    if (!co_await fill(extent, record, target, {at, run.page}, fillers)) co_return false;
    const auto bytes = co_await fetch(extent, record, run, target);
    if (!co_await append(extent, record.epoch, target, bytes)) co_return false;
    at = end_of(run);
  }
  if (!co_await fill(extent, record, target, {at, record.pages}, fillers)) co_return false;
  if (!co_await seal_at(extent, record, target)) co_return false;
  for (const Pages page : fillers) co_await release_at(extent, target, page);
  co_return true;
}

Play<bool> CopiesSimulation::fill(ExtentNumber extent, ExtentRecord record, Uuid target, Gap gap,
                                  std::vector<Pages>& fillers) {
  while (gap.at < gap.end && rules_.gaps_are_filled) {
    const Pages pages = std::min(gap.end - gap.at, kFillerMax);
    const Run filler{gap.at, (pages - 1) * kPageSize, 0};
    fillers.push_back(gap.at);
    if (!co_await append(extent, record.epoch, target, {extent, filler, Rot::none})) co_return false;
    gap.at += pages;
  }
  co_return true;
}

Play<Stored> CopiesSimulation::fetch(ExtentNumber extent, ExtentRecord record, Run run, Uuid target) {
  for (const Uuid& member : disks_of(record)) {
    if (!is_there(member) || member == target) continue;
    auto found = std::make_shared<Stored>();
    const auto answer = co_await ask(member, extent, [extent, run, found](SimulatedNode& node, const NodeReply& reply) {
      const Stored* stored = node.read(extent, run);
      if (stored == nullptr) return reply(refusal());
      *found = *stored;
      reply({});
    });
    if (!answer || answer->refused) continue;
    if (found->rot == Rot::none || !rules_.bytes_are_checked) co_return *found;
  }
  co_return Stored{extent, run, kNoBytes};
}

Play<bool> CopiesSimulation::append(ExtentNumber extent, Epoch epoch, Uuid target, Stored stored) {
  const auto answer =
      co_await ask(target, extent, [extent, epoch, stored](SimulatedNode& node, const NodeReply& reply) {
        node.append(extent, epoch, stored, reply);
      });
  co_return answer && !answer->refused && answer->value >= end_of(stored.run);
}

// ---- gateways: Cluster's release and collect

Play<bool> CopiesSimulation::release_at(ExtentNumber extent, Uuid disk, Pages page) {
  const auto answer = co_await ask(
      disk, extent, [extent, page](SimulatedNode& node, const NodeReply& reply) { node.release(extent, page, reply); });
  co_return answer && !answer->refused && answer->value == 0;
}

Play<bool> CopiesSimulation::release_at_all(ExtentNumber extent, ExtentRecord record, Pages page) {
  bool gone = true;
  for (const Uuid& member : record.members) {
    if (!co_await release_at(extent, member, page)) gone = false;
  }
  co_return gone;
}

Play<bool> CopiesSimulation::release(ExtentNumber extent) {
  auto& live = live_[extent];
  if (live.empty() || !chance_.one_in(quiet_ ? 1000 : 3)) {
    co_await moment();
    co_return false;
  }
  // First the index forgets it.
  const Pages page = *std::next(live.begin(), static_cast<std::ptrdiff_t>(chance_.below(live.size())));
  live.erase(page);
  const auto found = find(extent);
  if (!found) co_return false;
  if (!co_await release_at_all(extent, found->record, page)) co_return false;
  const auto now = find(extent);
  if (!now) co_return false;
  const bool gone = now->record == found->record || co_await release_at_all(extent, now->record, page);
  co_await moment();
  if (gone) erase(extent, now->revision);
  co_return gone;
}

Play<bool> CopiesSimulation::collect(ExtentNumber extent) {
  const std::set<Pages> live = live_[extent];
  co_await moment();
  const auto found = find(extent);
  if (!found) co_return false;
  std::set<Pages> orphans;
  for (const Uuid& member : found->record.members) {
    const auto listed = co_await ask(
        member, extent, [extent](SimulatedNode& node, const NodeReply& reply) { node.answer_list(extent, reply); });
    if (!listed || listed->refused) continue;
    for (const Run& run : listed->runs) {
      if (!live.contains(run.page)) orphans.insert(run.page);
    }
  }
  for (const Pages page : orphans) co_await release_at_all(extent, found->record, page);
  const auto now = find(extent);
  if (live.empty() && now) erase(extent, now->revision);
  co_return true;
}

// ---- a node looks at its disk: Orphans and Scrub

Play<bool> CopiesSimulation::look_at_disk(std::size_t n, ExtentNumber extent) {
  co_await moment();
  SimulatedNode& node = nodes_[n];
  if (!node.up || cut_off_ == n) co_return false;
  report_damage(node, extent);
  if (damage_.contains({extent, node.disk.incarnation})) co_await amend(node, extent);
  if (!node.holds(extent) || is_counted_on(node, extent)) co_return false;
  // No time is long enough: whoever copies may stand still for longer.
  for (std::size_t moments = chance_.below(small_ || chance_.one_in(2) ? 4 : 40); moments > 0; --moments)
    co_await moment();
  if (!node.holds(extent) || is_counted_on(node, extent)) co_return false;
  if (rules_.the_doomed_are_condemned) node.condemned.insert(extent);
  co_await moment();
  const bool ours = is_counted_on(node, extent);
  co_await pause();
  if (!ours && node.holds(extent)) co_await drop(node, extent);
  node.condemned.erase(extent);
  co_return true;
}

Play<bool> CopiesSimulation::amend(SimulatedNode& node, ExtentNumber extent) {
  const Uuid disk = node.disk.incarnation;
  co_await moment();
  const auto found = find(extent);
  const bool counts = counts_on(found ? &found->record : nullptr, disk);
  const bool is_partial = counts && std::ranges::count(found->record.members, disk) == 0;
  if (counts ? !is_partial || found->record.members.empty() : node.holds(extent)) co_return false;
  node.condemned.insert(extent);
  co_await pause();
  const bool amended = !is_partial || !rules_.the_damaged_begin_anew || co_await begin_anew(node, extent, *found);
  if (amended && rules_.reports_are_taken_back) damage_.erase({extent, disk});
  node.condemned.erase(extent);
  co_return amended;
}

Play<bool> CopiesSimulation::begin_anew(SimulatedNode& node, ExtentNumber extent, VersionedRecord found) {
  found.record.epoch = Epoch{static_cast<std::uint64_t>(found.record.epoch) + 1};
  if (rules_.who_begins_anew_says_so && set(extent, found.revision, found.record) == 0) co_return false;
  co_await pause();
  const ExtentEntry* entry = node.table.find(extent);
  const bool held = node.holds(extent);
  if (held && !entry->sealed && node.is_appended_to(extent)) co_return false;
  const auto kept = held ? node.whole_runs(extent) : std::vector<Run>{};
  std::set<Pages> pages;
  for (const Run& run : kept) pages.insert(run.page);
  node.place_again(extent, pages);
  auto durable = std::make_shared<bool>(false);
  node.change({Record::Kind::fence, extent, static_cast<std::uint64_t>(found.record.epoch), 0},
              [durable] { *durable = true; });
  if (held) node.replicas.insert_or_assign(extent, Replica(node.table.find(extent)->fence, kept));
  while (!*durable) co_await moment();
  co_return true;
}

bool CopiesSimulation::is_counted_on(const SimulatedNode& node, ExtentNumber extent) const {
  const auto found = find(extent);
  return counts_on(found ? &found->record : nullptr, node.disk.incarnation);
}

Play<bool> CopiesSimulation::drop(SimulatedNode& node, ExtentNumber extent) {
  const auto found = find(extent);
  const bool is_member = found && std::ranges::count(found->record.members, node.disk.incarnation) > 0;
  if (is_member && !live_[extent].empty()) violation_ = "a disk drops what is counted on";
  auto dropped = std::make_shared<bool>(false);
  const auto done = [dropped] { *dropped = true; };
  if (node.table.find(extent)->sealed) {
    node.drop_sealed(extent, done);
  } else if (node.is_appended_to(extent)) {
    co_return false;
  } else {
    node.seal(extent, 0, done);
  }
  while (!*dropped) co_await moment();
  co_return true;
}

void CopiesSimulation::report_damage(SimulatedNode& node, ExtentNumber extent) {
  if (!rules_.damage_is_reported) return;
  const ExtentEntry* entry = node.table.find(extent);
  const auto found = find(extent);
  const bool ours = found && std::ranges::count(found->record.members, node.disk.incarnation) > 0;
  bool damaged = ours && node.is_short(extent, found->record.pages);
  if (entry != nullptr && entry->slab) {
    const Answer listed = node.list(extent);
    damaged = damaged || listed.refused;
    for (const Run& run : listed.runs) {
      const Stored* stored = node.read(extent, run);
      damaged = damaged || stored == nullptr || stored->rot != Rot::none;
    }
  }
  if (damaged) damage_.insert({extent, node.disk.incarnation});
}

}  // namespace sluice::rdma

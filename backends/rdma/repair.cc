#include "backends/rdma/repair.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backends/rdma/disk_format.h"
#include "backends/rdma/placement.h"
#include "backends/rdma/replica.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::size_t kRecordsListed = 500;
constexpr Pages kRunPagesMax = 1 + pages_for(kRunLengthMax);
// More of one extent are not put down, and it is not copied: its record would be too long.
constexpr std::size_t kLostMax = 1000;

// Those that have all of it first.
std::vector<Uuid> disks_of(const ExtentRecord& record) {
  std::vector<Uuid> disks = record.members;
  disks.insert(disks.end(), record.partial.begin(), record.partial.end());
  return disks;
}

}  // namespace

// ---- who is good

Task<> Repair::begin_round() {
  CO_TRY(co_await health_.look());
  still_there_.clear();
  placed_.clear();
  on_disks_.clear();
  losing_.clear();
  lost_runs_ = 0;
  CO_TRY(balancing_, co_await cluster_.control_.balancing());
  co_return done;
}

std::size_t Repair::good_among(ExtentNumber extent, const ExtentRecord& record) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(record.members, [&](const Uuid& member) { return health_.is_good(extent, member); }));
}

bool Repair::is_whole(ExtentNumber extent, const ExtentRecord& record) const {
  const std::size_t good = good_among(extent, record);
  const auto waits = [&](const Uuid& disk) {
    return !record.lost.empty() && !health_.is_there(disk) && health_.is_known(disk);
  };
  return good >= cluster_.options_.replicas && good == record.members.size() &&
         std::ranges::all_of(record.partial, waits);
}

// ---- a round

Task<Repaired> Repair::round(const std::atomic<bool>& go_on) {
  Repaired found;
  CO_TRY(co_await begin_round());
  CO_TRY(auto candidates, co_await look_at_extents(found));
  found.damaged = still_there_.size();
  CO_TRY(co_await forget_what_went());
  found.endangered = candidates.size();
  std::ranges::sort(candidates, {}, &Candidate::good);
  std::size_t failed = 0;
  for (const Candidate& candidate : candidates) {
    if (!go_on) break;
    const auto mended = co_await mend(candidate.extent);
    if (mended && *mended) ++found.copied;
    if (mended) continue;
    if (mended.error().code == ErrorCode::corrupt) ++found.lost;
    // One for all: a whole disk fails for one reason.
    if (++failed > 1) continue;
    const auto number = static_cast<std::uint64_t>(candidate.extent);
    cluster_.log_.warning("extent_not_repaired", {{"extent", number}, {"detail", mended.error().detail}});
  }
  for (const ExtentNumber extent : losing_) {
    if (!go_on) break;
    const auto looked = co_await mend(extent);
    if (!looked) cluster_.log_.warning("lost_runs_not_looked_for", {{"detail", looked.error().detail}});
  }
  found.lost_runs = lost_runs_;
  std::erase_if(searched_, [this](const auto& one) { return std::ranges::count(losing_, one.first) == 0; });
  CO_TRY(co_await move_copies(found, go_on));
  co_return found;
}

Task<std::vector<Repair::Candidate>> Repair::look_at_extents(Repaired& found) {
  std::vector<Candidate> candidates;
  std::map<Uuid, bool> buried{{cluster_.writer_, false}};
  ExtentNumber next{};
  while (true) {
    CO_TRY(const auto some, co_await cluster_.control_.list(next, kRecordsListed));
    for (const NumberedRecord& one : some) {
      next = ExtentNumber{static_cast<std::uint64_t>(one.extent) + 1};
      for (const Uuid& disk : disks_of(one.versioned.record)) ++on_disks_[disk];
      const auto looked = co_await look_at(one, buried, candidates, found);
      if (!looked) cluster_.log_.warning("extent_not_looked_at", {{"detail", looked.error().detail}});
    }
    if (some.size() < kRecordsListed) co_return candidates;
  }
}

Task<> Repair::look_at(const NumberedRecord& one, std::map<Uuid, bool>& buried, std::vector<Candidate>& candidates,
                       Repaired& found) {
  ExtentRecord record = one.versioned.record;
  // Of others than those the striper looks after.
  if (!is_replicated(record)) co_return done;
  if (record.state != ExtentState::sealed) {
    if (!buried.contains(record.writer)) {
      CO_TRY(buried[record.writer], co_await cluster_.control_.bury(record.writer));
    }
    // Only what is sealed can be copied; its writer goes on in another.
    if (!buried[record.writer] && !health_.has_damage(one.extent)) {
      ++found.open;
      co_return done;
    }
    ++found.unsealed;
    CO_TRY(record, co_await cluster_.seal(one.extent));
    --found.unsealed;
    ++found.sealed;
  }
  if (record.pages == 0) co_return co_await cluster_.erase(one.extent);
  ++found.extents;
  for (const Uuid& disk : disks_of(record)) {
    if (health_.is_damaged(one.extent, disk)) still_there_.insert({one.extent, disk});
  }
  lost_runs_ += record.lost.size();
  if (is_whole(one.extent, record)) {
    if (record.lost.empty()) placed_.push_back({one.extent, record.members});
    if (!record.lost.empty()) losing_.push_back(one.extent);
  } else {
    candidates.push_back({good_among(one.extent, record), one.extent});
  }
  co_return done;
}

// A disk takes its own report back (Scrub::amend): who else knows what is on it?
Task<> Repair::forget_what_went() {
  for (const Damage& one : health_.damage()) {
    if (health_.is_known(one.disk)) continue;
    CO_TRY(co_await cluster_.control_.forget_damage(one));
  }
  co_return done;
}

// ---- an extent

Mending Repair::mending_of(ExtentNumber extent, const ExtentRecord& record, std::optional<Uuid> leaving) const {
  std::vector<MemberState> members;
  members.reserve(record.members.size());
  for (const Uuid& member : record.members) {
    const bool good = health_.is_good(extent, member) && member != leaving;
    members.push_back({member, health_.is_there(member), good, health_.is_damaged(extent, member)});
  }
  return Mending(record, std::move(members), cluster_.options_.replicas);
}

// The revision it is at then; nothing if it was another's turn.
Task<std::optional<std::uint64_t>> Repair::set(ExtentNumber extent, std::uint64_t revision,
                                               const ExtentRecord& record) {
  CO_TRY(const bool was, co_await cluster_.control_.set(extent, revision, record));
  cluster_.records_.erase(extent);
  if (!was) co_return std::optional<std::uint64_t>{};
  CO_TRY(const auto now, co_await cluster_.control_.find(extent));
  if (!now || now->record != record) co_return std::optional<std::uint64_t>{};
  co_return now->revision;
}

// Whether it has enough good members now.
Task<bool> Repair::mend(ExtentNumber extent) {
  CO_TRY(auto found, co_await cluster_.control_.find(extent));
  if (!found || found->record.state != ExtentState::sealed) co_return false;
  bool searched = true;
  if (!found->record.lost.empty()) {
    if (is_whole(extent, found->record) && !is_search_due(extent, *found)) co_return true;
    CO_TRY(searched, co_await search(extent, *found));
  }
  const ExtentRecord& record = found->record;
  if (std::ranges::none_of(disks_of(record), [&](const Uuid& disk) { return health_.is_there(disk); })) {
    co_return fail(ErrorCode::corrupt, "no member is there");
  }
  Turn turn{
      .extent = extent, .found = *found, .mending = mending_of(extent, record), .targets = {}, .searched = searched};
  if (turn.mending.missing() > 0) {
    CO_TRY(turn.targets, co_await targets(extent, record, turn.mending.missing()));
  }
  co_return co_await mend(std::move(turn));
}

Task<bool> Repair::mend(Turn turn) {
  const ExtentNumber extent = turn.extent;
  Mending& mending = turn.mending;
  VersionedRecord before = turn.found;
  Result<> outcome = done;
  if (mending.missing() > 0 && turn.targets.empty()) outcome = fail(ErrorCode::out_of_space, "no disk for a copy");
  if (!turn.targets.empty()) {
    before.record = mending.begun(turn.targets);
    CO_TRY(const auto begun, co_await set(extent, before.revision, before.record));
    if (!begun) co_return false;
    before.revision = *begun;
    CO_TRY(const auto found_at, co_await sources(extent, before.record));
    if (found_at.nothing_left(cluster_.options_.copies_min)) {
      co_return co_await cluster_.control_.erase(extent, before.revision);
    }
    CO_TRY(const bool ours, co_await fill_targets(turn, before, runs_of_any(found_at.lists()), outcome));
    if (!ours) co_return false;
  }
  keep_who_may_have_it(turn, before.record, mending);
  const ExtentRecord mended = mending.mended();
  if (mended != before.record) {
    CO_TRY(const auto ended, co_await set(extent, before.revision, mended));
    if (!ended) co_return false;
  }
  CO_TRY(std::move(outcome));
  co_return mending.whole();
}

Task<> Repair::seal_at(ExtentNumber extent, const ExtentRecord& record, const Uuid& target) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(target));
  const Seal seal{.replica = {target, extent}, .epoch = record.epoch, .pages = record.pages};
  CO_TRY(co_await client->call(seal, cluster_.options_.timeouts.read));
  co_return done;
}

// As many disks as there are, up to `count`: on other machines than the good members, and in other zones if that goes.
Task<std::vector<Uuid>> Repair::targets(ExtentNumber extent, const ExtentRecord& record, std::size_t count) {
  std::set<std::string> machines, zones;
  for (const Uuid& member : record.members) {
    if (!health_.is_good(extent, member)) continue;
    machines.insert(health_.nodes().at(member).address.machine);
    zones.insert(health_.nodes().at(member).address.zone);
  }
  std::vector<DiskChoice> choices;
  for (const auto& [incarnation, node] : health_.nodes()) {
    const bool member = std::ranges::find(record.members, incarnation) != record.members.end();
    if (member || !node.alive || node.draining || machines.contains(node.address.machine)) continue;
    if (health_.is_damaged(extent, incarnation)) continue;
    CO_TRY(NodeClient* const client, co_await cluster_.node(incarnation));
    const std::size_t before = choices.size();
    co_await cluster_.ask_room(*client, choices);
    // Where some of it is, no more room is needed.
    const bool has_some = std::ranges::find(record.partial, incarnation) != record.partial.end();
    if (has_some && choices.size() > before) ++choices.back().free_slabs;
  }
  std::vector<DiskChoice> elsewhere;
  std::ranges::copy_if(choices, std::back_inserter(elsewhere),
                       [&](const DiskChoice& choice) { return !zones.contains(choice.zone); });
  auto placed = place(elsewhere, count, cluster_.random_());
  for (std::size_t fewer = count; !placed && fewer > 0; --fewer) placed = place(choices, fewer, cluster_.random_());
  co_return placed.value_or(std::vector<Uuid>{});
}

// ---- a copy

// A run that is whole nowhere stands in the record before any disk takes it without some of its bytes.
Task<bool> Repair::fill_targets(Turn& turn, VersionedRecord& begun, const std::vector<Run>& runs, Result<>& outcome) {
  std::vector<Copy> copies;
  for (const Uuid& target : turn.targets) {
    copies.push_back(
        {.extent = turn.extent, .record = begun.record, .target = target, .runs = runs, .go_on = turn.go_on});
  }
  while (true) {
    outcome = co_await copy_to_all(copies, turn.mending);
    const auto losing = std::ranges::find_if(copies, [](const Copy& copy) { return copy.lost.has_value(); });
    if (losing == copies.end() || begun.record.lost.size() >= kLostMax) co_return true;
    const Run lost = *std::exchange(losing->lost, {});
    begun.record = turn.mending.loses(lost);
    CO_TRY(const auto named, co_await set(turn.extent, begun.revision, begun.record));
    if (!named) co_return false;
    begun.revision = *named;
    ++lost_runs_;
    const std::uint64_t number = static_cast<std::uint64_t>(turn.extent), page = lost.page;
    cluster_.log_.error("run_lost", {{"extent", number}, {"page", page}});
    for (Copy& copy : copies) copy.record = begun.record;
  }
}

// Ends at the first run that is found to be lost.
Task<> Repair::copy_to_all(std::vector<Copy>& copies, Mending& mending) {
  Result<> outcome = done;
  for (Copy& copy : copies) {
    if (copy.filled) continue;
    const auto filled = co_await this->copy(copy);
    if (copy.lost) co_return filled;
    copy.filled = filled.has_value();
    if (filled) mending.filled(copy.target);
    if (!filled) outcome = filled;
  }
  co_return outcome;
}

// The target takes runs in the order of their pages, without a gap, from where it has them: where runs
// were given back it gets empty ones, which are given back again once all is there.
Task<> Repair::copy(Copy& copy) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(copy.target));
  const Fence fence{.replica = {copy.target, copy.extent}, .epoch = copy.record.epoch};
  CO_TRY(const auto reply, co_await client->call(fence, cluster_.options_.timeouts.read));
  copy.had_some = copy.had_some || (copy.at == 0 && reply.value > 0);
  copy.at = static_cast<Pages>(reply.value);
  for (const Run& run : copy.runs) {
    // It is there, or a part of it is stood for: by what may end anywhere in runs that were given back.
    if (run.page < copy.at) continue;
    if (copy.go_on != nullptr) {
      if (!*copy.go_on) co_return fail(ErrorCode::unavailable, "the move was interrupted");
      co_await move_pace_.wait_for(bytes_of(pages_of(run)));
    }
    CO_TRY(co_await fill(copy, run.page));
    CO_TRY(co_await copy_run(copy, run));
  }
  CO_TRY(co_await fill(copy, copy.record.pages));
  // Only who says that it has all is a member.
  CO_TRY(co_await seal_at(copy.extent, copy.record, copy.target));
  if (copy.had_some) {
    CO_TRY(co_await check_what_was_there(copy));
  }
  for (const Pages page : copy.fillers) {
    CO_TRY(co_await cluster_.release_at(copy.target, {copy.extent, page}));
  }
  co_return done;
}

// Fails if nobody has it, and not enough say that there is nothing to have.
Task<Sources> Repair::sources(ExtentNumber extent, const ExtentRecord& record) {
  Sources found;
  std::vector<Uuid> unlisted;
  Error failure{ErrorCode::unavailable, "no member can be read"};
  for (const Uuid& disk : disks_of(record)) {
    if (!health_.is_there(disk)) continue;
    const bool is_member = std::ranges::find(record.members, disk) != record.members.end();
    // Who has less than all, after damage that a restart met or since others fill it, does not say so in its
    // list. Asked before and afterwards: it may change in between.
    auto all = co_await seal_at(extent, record, disk);
    auto runs = co_await cluster_.runs_at(disk, extent, record.pages);
    if (all) all = co_await seal_at(extent, record, disk);
    if (all && !runs && runs.error().code == ErrorCode::corrupt) unlisted.push_back(disk);
    if (all && runs) {
      (health_.is_damaged(extent, disk) ? found.damaged : found.complete).push_back(*std::move(runs));
    } else if (is_member && runs && runs->empty()) {
      ++found.emptied;
    } else if (is_member) {
      failure = all ? runs.error() : all.error();
    }
  }
  if (!found.has_all() && !unlisted.empty()) {
    CO_TRY(auto runs, co_await pieced_together(extent, record, unlisted));
    found.damaged.push_back(std::move(runs));
  }
  const bool enough = found.has_all() || found.nothing_left(cluster_.options_.copies_min);
  if (!enough) co_return std::unexpected(failure);
  co_return found;
}

Task<> Repair::fill(Copy& copy, Pages end) {
  while (copy.at < end) {
    const Pages pages = std::min(end - copy.at, kRunPagesMax);
    CO_TRY(Chunk slot, co_await staging_slot());
    const Chunk zeros = slot.slice(0, bytes_of(pages - 1));
    std::memset(slot.writable().data(), 0, zeros.size());
    copy.fillers.push_back(copy.at);
    const Run filler{copy.at, static_cast<std::uint32_t>(zeros.size()), crc32c(zeros.text())};
    CO_TRY(co_await append(copy, filler, slot));
  }
  co_return done;
}

// The target may have it, from before it began anew: then it takes no bytes.
Task<> Repair::copy_run(Copy& copy, Run run) {
  CO_TRY(Chunk slot, co_await staging_slot());
  CO_TRY(const auto gathered, co_await gather(copy.extent, copy.record, run, slot, copy.target));
  if (gathered.whole) co_return co_await append(copy, run, slot);
  if (std::ranges::count(copy.record.lost, run) > 0) {
    if (!gathered.certain) co_return fail(ErrorCode::unavailable, "a disk does not say what it has of a run");
    co_return co_await append_lacking(copy, run, slot);
  }
  CO_TRY(const bool released, co_await is_released(copy.extent, copy.record, run));
  // What follows fills its place.
  if (released) co_return done;
  co_return lose(copy, run, gathered);
}

Task<> Repair::append(Copy& copy, Run run, Chunk slot) {
  CO_TRY(co_await cluster_.append_at(copy.target, copy.extent, copy.record.epoch, run, slot));
  copy.at = end_of(run);
  co_return done;
}

// Clients go first: what there is no room for now is done by a later round.
Task<Chunk> Repair::staging_slot() {
  auto slot = cluster_.staging_.take();
  if (!slot) co_return fail(ErrorCode::busy, "no memory for a copy");
  co_return *std::move(slot);
}

}  // namespace sluice::rdma

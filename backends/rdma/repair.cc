#include "backends/rdma/repair.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "backends/rdma/disk_format.h"
#include "backends/rdma/placement.h"
#include "backends/rdma/replica.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::size_t kRecordsListed = 500;
constexpr Pages kRunPagesMax = 1 + pages_for(kRunLengthMax);

// The members after a repair: the bad ones go as far as enough others remain.
std::vector<Uuid> members_after(const std::vector<Uuid>& good, const std::vector<Uuid>& bad,
                                const std::vector<Uuid>& fresh, std::size_t wanted) {
  std::vector<Uuid> members = good;
  members.insert(members.end(), fresh.begin(), fresh.end());
  for (const Uuid& member : bad) {
    if (members.size() < wanted) members.push_back(member);
  }
  return members;
}

}  // namespace

// ---- who is there

Task<> Repair::look_at_nodes() {
  CO_TRY(const auto nodes, co_await cluster_.refresh_nodes());
  nodes_.clear();
  for (const Node& node : nodes) {
    nodes_[node.address.incarnation] = node;
    if (node.alive) {
      silent_since_.erase(node.address.incarnation);
    } else {
      silent_since_.try_emplace(node.address.incarnation, Clock::now());
    }
  }
  co_return done;
}

bool Repair::is_there(const Uuid& member) const {
  const auto node = nodes_.find(member);
  return node != nodes_.end() && node->second.alive;
}

bool Repair::is_good(const Uuid& member) const {
  const auto node = nodes_.find(member);
  if (node == nodes_.end() || node->second.draining) return false;
  const auto silent = silent_since_.find(member);
  return silent == silent_since_.end() || Clock::now() - silent->second < options_.lost_after;
}

std::size_t Repair::good_among(const ExtentRecord& record) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(record.members, [&](const Uuid& member) { return is_good(member); }));
}

// ---- a round

Task<Repaired> Repair::round(const std::atomic<bool>& go_on) {
  Repaired found;
  CO_TRY(co_await look_at_nodes());
  CO_TRY(auto candidates, co_await look_at_extents(found));
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
      const auto looked = co_await look_at(one, buried, candidates, found);
      if (!looked) cluster_.log_.warning("extent_not_looked_at", {{"detail", looked.error().detail}});
    }
    if (some.size() < kRecordsListed) co_return candidates;
  }
}

Task<> Repair::look_at(const NumberedRecord& one, std::map<Uuid, bool>& buried, std::vector<Candidate>& candidates,
                       Repaired& found) {
  ExtentRecord record = one.versioned.record;
  if (record.state != ExtentState::sealed) {
    if (!buried.contains(record.writer)) {
      CO_TRY(buried[record.writer], co_await cluster_.control_.bury(record.writer));
    }
    if (!buried[record.writer]) {
      ++found.open;
      co_return done;
    }
    CO_TRY(record, co_await cluster_.seal(one.extent));
    ++found.sealed;
  }
  if (record.pages == 0) co_return co_await cluster_.erase(one.extent);
  ++found.extents;
  const std::size_t good = good_among(record);
  if (good < cluster_.options_.replicas || good < record.members.size()) candidates.push_back({good, one.extent});
  co_return done;
}

// ---- an extent

// Whether it has enough good members now.
Task<bool> Repair::mend(ExtentNumber extent) {
  CO_TRY(const auto found, co_await cluster_.control_.find(extent));
  if (!found || found->record.state != ExtentState::sealed) co_return false;
  ExtentRecord record = found->record;
  const std::size_t wanted = cluster_.options_.replicas;
  std::vector<Uuid> good, bad, fresh;
  for (const Uuid& member : record.members) (is_good(member) ? good : bad).push_back(member);
  if (std::ranges::none_of(record.members, [&](const Uuid& member) { return is_there(member); })) {
    co_return fail(ErrorCode::corrupt, "no member is there");
  }
  Result<> last = done;
  std::uint64_t revision = found->revision;
  if (good.size() < wanted) {
    CO_TRY(const auto chosen, co_await targets(record, wanted - good.size()));
    // A disk that had the extent once, and dropped it, takes it again in a higher epoch only.
    record.epoch = Epoch{static_cast<std::uint64_t>(record.epoch) + 1};
    CO_TRY(const bool begun, co_await cluster_.control_.set(extent, revision, record));
    if (!begun) co_return false;
    CO_TRY(const auto again, co_await cluster_.control_.find(extent));
    if (!again || again->record != record) co_return false;
    revision = again->revision;
    for (const Uuid& target : chosen) {
      last = co_await copy({.extent = extent, .record = record, .target = target, .at = 0, .fillers = {}});
      if (last) fresh.push_back(target);
    }
  }
  ExtentRecord mended = record;
  mended.members = members_after(good, bad, fresh, wanted);
  if (mended != record) {
    CO_TRY(const bool set, co_await cluster_.control_.set(extent, revision, mended));
    cluster_.records_.erase(extent);
    if (!set) co_return false;
  }
  CO_TRY(std::move(last));
  co_return good.size() + fresh.size() >= wanted;
}

// As many disks as there are, up to `count`: on other machines than the good members, and in other zones if that goes.
Task<std::vector<Uuid>> Repair::targets(const ExtentRecord& record, std::size_t count) {
  std::set<std::string> machines, zones;
  for (const Uuid& member : record.members) {
    if (!is_good(member)) continue;
    machines.insert(nodes_.at(member).address.machine);
    zones.insert(nodes_.at(member).address.zone);
  }
  std::vector<DiskChoice> choices;
  for (const auto& [incarnation, node] : nodes_) {
    const bool member = std::ranges::find(record.members, incarnation) != record.members.end();
    if (member || !node.alive || node.draining || machines.contains(node.address.machine)) continue;
    CO_TRY(NodeClient* const client, co_await cluster_.node(incarnation));
    co_await cluster_.ask_room(*client, choices);
  }
  std::vector<DiskChoice> elsewhere;
  std::ranges::copy_if(choices, std::back_inserter(elsewhere),
                       [&](const DiskChoice& choice) { return !zones.contains(choice.zone); });
  auto placed = place(elsewhere, count, cluster_.random_());
  for (std::size_t fewer = count; !placed && fewer > 0; --fewer) placed = place(choices, fewer, cluster_.random_());
  co_return placed;
}

// ---- a copy

// The target takes runs in the order of their pages, without a gap: where runs were given
// back it gets empty ones, which are given back again once all is there.
Task<> Repair::copy(Copy copy) {
  Result<std::vector<Run>> runs = fail(ErrorCode::unavailable, "no member can be read");
  for (const Uuid& member : copy.record.members) {
    if (is_there(member)) runs = co_await cluster_.runs_at(member, copy.extent, copy.record.pages);
    if (runs) break;
  }
  CO_TRY(runs);
  for (const Run& run : *runs) {
    CO_TRY(co_await fill(copy, run.page));
    CO_TRY(co_await copy_run(copy, run));
  }
  CO_TRY(co_await fill(copy, copy.record.pages));
  CO_TRY(NodeClient* const client, co_await cluster_.node(copy.target));
  const Seal seal{.replica = {copy.target, copy.extent}, .epoch = copy.record.epoch, .pages = copy.record.pages};
  CO_TRY(co_await client->call(seal, cluster_.options_.timeouts.read));
  for (const Pages page : copy.fillers) {
    CO_TRY(co_await cluster_.release_at(copy.target, {copy.extent, page}));
  }
  co_return done;
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

Task<> Repair::copy_run(Copy& copy, Run run) {
  CO_TRY(Chunk slot, co_await staging_slot());
  if (run.length == 0) co_return co_await append(copy, run, slot);
  const Chunk into = slot.slice(0, run.length);
  Result<> read = fail(ErrorCode::unavailable, "no member can be read");
  for (const Uuid& member : copy.record.members) {
    if (!is_there(member)) continue;
    CO_TRY(NodeClient* const client, co_await cluster_.node(member));
    const Read message{.replica = {member, copy.extent},
                       .run = run,
                       .offset = 0,
                       .length = run.length,
                       .to = cluster_.staging_.name_of(into.bytes())};
    const auto reply = co_await client->call(message, cluster_.options_.timeouts.read, std::make_shared<Chunk>(slot));
    if (!reply) {
      read = std::unexpected(reply.error());
    } else if (crc32c(into.text()) != run.crc32c) {
      read = fail(ErrorCode::corrupt, "bytes changed on their way");
    } else {
      co_return co_await append(copy, run, slot);
    }
  }
  co_return read;
}

Task<> Repair::append(Copy& copy, Run run, Chunk slot) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(copy.target));
  const Append message{.replica = {copy.target, copy.extent},
                       .epoch = copy.record.epoch,
                       .run = run,
                       .from = cluster_.staging_.name_of(slot.bytes().first(run.length))};
  CO_TRY(const auto reply,
         co_await client->call(message, cluster_.options_.timeouts.read, std::make_shared<Chunk>(slot)));
  if (reply.value < end_of(run)) co_return fail(ErrorCode::unavailable, "a copy with a hole");
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

// Runs that are whole nowhere: what is left of them is kept, and looked for again.
#include <algorithm>
#include <cstring>

#include "backends/rdma/disk_format.h"
#include "backends/rdma/repair.h"
#include "backends/rdma/replica.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {

// ---- what there is of a run

std::vector<Uuid> Repair::disks_there(const ExtentRecord& record, const Uuid& last) const {
  std::vector<Uuid> disks = record.members;
  disks.insert(disks.end(), record.partial.begin(), record.partial.end());
  std::erase_if(disks, [&](const Uuid& disk) { return !health_.is_there(disk); });
  if (std::erase(disks, last) > 0) disks.push_back(last);
  return disks;
}

// All of it of one disk, or each block from whoever has it; zeros for those that nobody has.
Task<Repair::Gathered> Repair::gather(ExtentNumber extent, const ExtentRecord& record, Run run, Chunk slot,
                                      const Uuid& last) {
  Gathered gathered;
  gathered.whole = run.length == 0;
  const Source from{extent, run, disks_there(record, last)};
  const auto is_right = [&] { return crc32c(slot.text().substr(0, run.length)) == run.crc32c; };
  if (!gathered.whole) {
    gathered.whole = co_await read_into(from, {0, run.length}, slot, gathered.certain) && is_right();
  }
  if (gathered.whole || !gathered.certain) co_return gathered;
  bool all = true;
  for (std::uint32_t at = 0; at < run.length; at += kBlockSize) {
    const ByteRange block{at, std::min(kBlockSize, run.length - at)};
    const bool there = co_await read_into(from, block, slot, gathered.certain);
    if (!there) std::memset(slot.slice(block.offset, block.length).writable().data(), 0, block.length);
    all = all && there;
  }
  gathered.whole = all && is_right();
  co_return gathered;
}

// Only who says that its bytes are wrong, or not there, is believed not to have them.
Awaitable<bool> Repair::read_into(const Source& from, ByteRange range, Chunk slot, bool& certain) {
  for (const Uuid& disk : from.disks) {
    const auto read = co_await read_into(disk, from.extent, from.run, range, slot);
    if (read) co_return true;
    if (read.error().code != ErrorCode::corrupt) certain = false;
  }
  co_return false;
}

Task<> Repair::read_into(const Uuid& disk, ExtentNumber extent, Run run, ByteRange range, Chunk slot) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(disk));
  const Chunk into = slot.slice(range.offset, range.length);
  const Read message{.replica = {disk, extent},
                     .run = run,
                     .offset = static_cast<std::uint32_t>(range.offset),
                     .length = static_cast<std::uint32_t>(range.length),
                     .to = cluster_.staging_.name_of(into.bytes())};
  CO_TRY(const auto reply,
         co_await client->call(message, cluster_.options_.timeouts.read, std::make_shared<Chunk>(slot)));
  const bool right = reply.size == range.length && crc32c(into.text()) == reply.crc32c;
  if (!right) co_return fail(ErrorCode::unavailable, "bytes changed on their way");
  co_return done;
}

// Who has heard that nobody needs it says so; who has not may still list it.
Task<bool> Repair::is_released(ExtentNumber extent, const ExtentRecord& record, Run run) {
  for (const Uuid& disk : disks_there(record, Uuid{})) {
    const auto released = co_await cluster_.has_released(disk, {extent, run.page});
    if (released.value_or(false)) co_return true;
  }
  co_return false;
}

Task<BlockSums> Repair::blocks_of(ExtentNumber extent, const ExtentRecord& record, Run run) {
  for (const Uuid& disk : disks_there(record, Uuid{})) {
    const auto header = co_await cluster_.header_at(disk, {extent, run.page});
    if (!header || header->extent != extent || header->run != run) continue;
    BlockSums sums;
    std::ranges::copy(header->blocks, sums.sums.begin());
    co_return sums;
  }
  co_return fail(ErrorCode::corrupt, "no disk has a run's header");
}

// ---- a copy of what is left

// What is right of it stays right, and is read; the rest is an error for whoever reads it.
Task<> Repair::append_lacking(Copy& copy, Run run, Chunk slot) {
  CO_TRY(const BlockSums blocks, co_await blocks_of(copy.extent, copy.record, run));
  CO_TRY(NodeClient* const client, co_await cluster_.node(copy.target));
  const AppendLacking message{.replica = {copy.target, copy.extent},
                              .epoch = copy.record.epoch,
                              .run = run,
                              .blocks = blocks,
                              .from = cluster_.staging_.name_of(slot.bytes().first(run.length))};
  CO_TRY(const auto reply,
         co_await client->call(message, cluster_.options_.timeouts.read, std::make_shared<Chunk>(slot)));
  if (reply.value < end_of(run)) co_return fail(ErrorCode::unavailable, "a copy with a hole");
  copy.at = end_of(run);
  co_return done;
}

// It may be a copy of another time, that lacks what is there now: only what the record says to be lost may be missing.
Task<> Repair::check_what_was_there(Copy& copy) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(copy.target));
  if (client->version() < kLackingSpoken) co_return done;
  CO_TRY(const Survey survey, co_await cluster_.survey_at(copy.target, copy.extent, copy.record.pages));
  for (const Run& run : survey.lacking) {
    CO_TRY(Chunk slot, co_await staging_slot());
    CO_TRY(const auto gathered, co_await gather(copy.extent, copy.record, run, slot, copy.target));
    CO_TRY(const bool whole, co_await patch_at(copy.target, copy.extent, run, slot));
    if (whole || std::ranges::count(copy.record.lost, run) > 0) continue;
    co_return lose(copy, run, gathered);
  }
  co_return done;
}

// Not while a disk may have it that only restarts.
Result<> Repair::lose(Copy& copy, Run run, const Gathered& gathered) const {
  const auto restarts = [&](const Uuid& disk) { return !health_.is_there(disk) && health_.is_present(disk); };
  const bool may_be_there = !gathered.certain || std::ranges::any_of(copy.record.members, restarts) ||
                            std::ranges::any_of(copy.record.partial, restarts);
  if (may_be_there) return fail(ErrorCode::unavailable, "a disk does not say what it has of a run");
  copy.lost = run;
  return fail(ErrorCode::corrupt, "a run is whole nowhere");
}

Task<bool> Repair::patch_at(const Uuid& disk, ExtentNumber extent, Run run, Chunk slot) {
  CO_TRY(NodeClient* const client, co_await cluster_.node(disk));
  const Patch message{
      .replica = {disk, extent}, .run = run, .from = cluster_.staging_.name_of(slot.bytes().first(run.length))};
  CO_TRY(const auto reply,
         co_await client->call(message, cluster_.options_.timeouts.read, std::make_shared<Chunk>(slot)));
  co_return reply.value != 0;
}

// ---- what may come back

// Nothing has changed since they were looked for.
bool Repair::is_search_due(ExtentNumber extent, const VersionedRecord& found) {
  const Searched& last = searched_[extent];
  return last.revision != found.revision || last.there != disks_there(found.record, Uuid{}) ||
         Clock::now() >= last.again;
}

// Whether all disks that are there have said what they have of it, and all members that are there have got that: who is
// not one then has nothing that they have not. What all members have whole, or nobody needs any more, is lost no
// longer.
Task<bool> Repair::search(ExtentNumber extent, VersionedRecord& found) {
  bool searched = true;
  ExtentRecord record = found.record;
  std::vector<Run> still;
  for (const Run& run : record.lost) {
    CO_TRY(Chunk slot, co_await staging_slot());
    CO_TRY(const auto gathered, co_await gather(extent, record, run, slot, Uuid{}));
    CO_TRY(const bool released, co_await is_released(extent, record, run));
    if (released) continue;
    bool given = gathered.whole || gathered.certain;
    const bool whole = co_await give_to_members(extent, record, run, slot, given);
    if (!given) searched = false;
    if (!whole) still.push_back(run);
  }
  if (still.size() != record.lost.size()) {
    lost_runs_ -= std::min<std::uint64_t>(lost_runs_, record.lost.size() - still.size());
    record.lost = std::move(still);
    CO_TRY(const auto now, co_await set(extent, found.revision, record));
    if (!now) co_return fail(ErrorCode::conflict, "it is another's turn");
    cluster_.log_.info("lost_runs_found", {{"extent", static_cast<std::uint64_t>(extent)}});
    found = {record, *now};
  }
  searched_[extent] = {found.revision, disks_there(found.record, Uuid{}), Clock::now() + options_.look_for_lost_period};
  co_return searched;
}

// Whether all of them have all of it now.
Awaitable<bool> Repair::give_to_members(ExtentNumber extent, const ExtentRecord& record, Run run, Chunk slot,
                                        bool& given) {
  bool whole = true, anybody = false;
  for (const Uuid& member : record.members) {
    Result<bool> patched = false;
    if (health_.is_there(member)) {
      patched = co_await patch_at(member, extent, run, slot);
      given = given && patched.has_value();
      anybody = true;
    }
    whole = whole && patched.value_or(false);
  }
  given = given && anybody;
  co_return whole;
}

// Of the others nothing is needed: what they have of what is lost was copied with the rest.
void Repair::keep_who_may_have_it(const Turn& turn, const ExtentRecord& record, Mending& mending) const {
  if (record.lost.empty()) return;
  for (const auto* disks : {&record.members, &record.partial}) {
    for (const Uuid& disk : *disks) {
      const bool has_given = turn.searched && health_.is_there(disk);
      if (health_.is_known(disk) && !has_given) mending.keep(disk);
    }
  }
}

}  // namespace sluice::rdma

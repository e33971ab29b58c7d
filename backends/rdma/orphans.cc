#include "backends/rdma/orphans.h"

#include <vector>

namespace sluice::rdma {

Pages Orphans::durable(ExtentNumber extent) {
  const ExtentEntry* entry = disk_.table().find(extent);
  return entry->sealed ? entry->sealed->pages : disk_.replica(extent).durable();
}

Task<std::uint64_t> Orphans::round() {
  std::vector<ExtentNumber> held;
  for (const auto& [extent, entry] : disk_.table().extents()) {
    if (entry.holds()) held.push_back(extent);
  }
  std::uint64_t dropped = 0;
  for (const ExtentNumber extent : held) {
    CO_TRY(const bool ours, co_await is_ours(extent));
    const ExtentEntry* entry = disk_.table().find(extent);
    if (ours || !entry->holds()) {
      seen_.erase(extent);
      continue;
    }
    const auto now = Clock::now();
    Seen& seen = seen_.try_emplace(extent, now, durable(extent)).first->second;
    if (seen.durable != durable(extent)) seen = {now, durable(extent)};
    if (now - seen.since < after_) continue;
    CO_TRY(const bool gone, co_await drop(extent));
    seen_.erase(extent);
    dropped += gone ? 1 : 0;
  }
  co_return dropped;
}

// Whoever makes the disk a member has named it in the record before it is asked whether it has all:
// either that is refused here, or it was answered before the record is read once more.
Task<bool> Orphans::drop(ExtentNumber extent) {
  disk_.condemn(extent);
  const auto ours = co_await is_ours(extent);
  Result<> dropped = fail(ErrorCode::conflict, "it is counted on again");
  if (ours && !*ours) dropped = co_await disk_.drop(extent);
  disk_.spare(extent);
  CO_TRY(ours);
  co_return dropped.has_value();
}

Task<bool> Orphans::is_ours(ExtentNumber extent) {
  CO_TRY(const auto found, co_await control_.find(extent));
  co_return counts_on(found ? &found->record : nullptr, disk_.superblock().incarnation);
}

}  // namespace sluice::rdma

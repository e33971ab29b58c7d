#include "backends/rdma/orphans.h"

#include <algorithm>
#include <vector>

namespace sluice::rdma {

Pages Orphans::durable(ExtentNumber extent) {
  const ExtentEntry* entry = disk_.table().find(extent);
  return entry->sealed ? entry->sealed->pages : disk_.replica(extent).durable();
}

Task<std::uint64_t> Orphans::round() {
  std::vector<ExtentNumber> held;
  for (const auto& [extent, entry] : disk_.table().extents()) {
    if (entry.slab) held.push_back(extent);
  }
  std::uint64_t dropped = 0;
  for (const ExtentNumber extent : held) {
    CO_TRY(const auto found, co_await control_.find(extent));
    const bool ours = found && (found->record.state != ExtentState::sealed ||
                                std::ranges::count(found->record.members, disk_.superblock().incarnation) > 0);
    const ExtentEntry* entry = disk_.table().find(extent);
    if (ours || !entry->slab) {
      seen_.erase(extent);
      continue;
    }
    const auto now = Clock::now();
    Seen& seen = seen_.try_emplace(extent, now, durable(extent)).first->second;
    if (seen.durable != durable(extent)) seen = {now, durable(extent)};
    if (now - seen.since < after_) continue;
    const auto outcome = co_await disk_.drop(extent);
    seen_.erase(extent);
    dropped += outcome ? 1 : 0;
  }
  co_return dropped;
}

}  // namespace sluice::rdma

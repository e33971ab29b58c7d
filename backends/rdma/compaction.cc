#include "backends/rdma/compaction.h"

#include <algorithm>

namespace sluice::rdma {

bool Compaction::is_short_of_slabs() const {
  const auto free = static_cast<double>(disk_.table().free_slabs());
  return free < options_.free_min * static_cast<double>(disk_.superblock().slabs);
}

Task<> Compaction::round() {
  if (!is_short_of_slabs() || disk_.failed()) co_return done;
  CO_TRY(const auto candidates, co_await this->candidates());
  for (const Candidate& candidate : candidates) {
    if (!is_short_of_slabs()) co_return done;
    CO_TRY(co_await empty(candidate));
  }
  co_return done;
}

// Slabs of which something is not needed, as far as the table knows; and those that compaction filled, which
// may have been left half full. How much is needed is still to be seen.
std::map<std::uint32_t, Compaction::Known> Compaction::looked_at() const {
  std::map<std::uint32_t, Known> slabs;
  for (const auto& [extent, entry] : disk_.table().extents()) {
    if (!entry.sealed) continue;
    if (entry.slab && !entry.released.empty()) slabs[*entry.slab] = {extent, entry.released.size(), 0};
    for (const auto& [page, spot] : entry.moved) {
      Known& known = slabs.try_emplace(spot.slab, extent, 0, 0).first->second;
      known.released += entry.is_needed(page) ? 0 : 1;
    }
  }
  if (disk_.filling()) slabs.erase(*disk_.filling());
  return slabs;
}

// The emptiest first. Headers are read again only where something was released since.
Task<std::vector<Compaction::Candidate>> Compaction::candidates() {
  auto slabs = looked_at();
  const auto needed_max = static_cast<Pages>(options_.needed_max * disk_.superblock().slab_pages);
  std::vector<Candidate> candidates;
  for (auto& [slab, now] : slabs) {
    const auto before = known_.find(slab);
    if (before != known_.end() && before->second.extent == now.extent && before->second.released == now.released) {
      now.needed = before->second.needed;
    } else {
      const auto needed = co_await disk_.needed_in(slab);
      // A header is damaged: who scrubs will say so.
      now.needed = needed.value_or(disk_.superblock().slab_pages);
      co_await pace_.wait_for(kPageSize * std::uint64_t{64});
    }
    if (now.needed <= needed_max) candidates.push_back({now.needed, slab});
  }
  known_ = std::move(slabs);
  std::ranges::sort(candidates);
  co_return candidates;
}

Task<> Compaction::empty(const Candidate& candidate) {
  const auto tenants = disk_.table().tenants(candidate.slab);
  const auto emptied = co_await disk_.move_out(candidate.slab, pace_);
  if (emptied) {
    const std::uint64_t slab = candidate.slab, pages = candidate.needed;
    if (!*emptied) co_return done;
    ++counts_.slabs;
    counts_.pages += pages;
    log_.info("slab_emptied", {{"slab", slab}, {"pages", pages}});
    co_return done;
  }
  if (emptied.error().code != ErrorCode::corrupt) co_return std::unexpected(emptied.error());
  for (const auto& [extent, pages] : tenants) {
    if (options_.damaged) options_.damaged(extent);
  }
  co_return done;
}

}  // namespace sluice::rdma

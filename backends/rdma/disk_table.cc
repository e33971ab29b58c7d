#include "backends/rdma/disk_table.h"

#include <algorithm>
#include <utility>

namespace sluice::rdma {
namespace {

// Below, one slab is too much of a disk to keep for compaction.
constexpr std::uint32_t kSlabsForSpare = 8;

}  // namespace

Refusal may_append(const ExtentEntry* entry, Epoch epoch) {
  if (entry == nullptr || !entry->sealed) return Refusal::none;
  if (!entry->holds() && epoch > entry->fence) return Refusal::none;
  return epoch < entry->fence ? Refusal::fenced : Refusal::sealed;
}

DiskTable::DiskTable(std::uint32_t slabs) : spare_(slabs < kSlabsForSpare ? 0 : 1) {
  for (std::uint32_t slab = 0; slab < slabs; ++slab) free_.insert(free_.end(), slab);
}

void DiskTable::apply(const Record& record) {
  ExtentEntry& entry = extents_[record.extent];
  switch (record.kind) {
    case Record::Kind::place:
      // Perhaps once more, after it was dropped.
      entry.slab = static_cast<std::uint32_t>(record.value);
      free_.erase(*entry.slab);
      entry.sealed.reset();
      entry.released.clear();
      while (!entry.moved.empty()) forget(entry, entry.moved.begin()->first);
      break;
    case Record::Kind::fence:
      entry.fence = std::max(entry.fence, Epoch{record.value});
      break;
    case Record::Kind::seal:
      entry.sealed = {static_cast<Pages>(record.value), record.count};
      break;
    case Record::Kind::release:
      if (entry.slab || entry.moved.contains(static_cast<Pages>(record.value))) {
        entry.released.insert(static_cast<Pages>(record.value));
      }
      break;
    case Record::Kind::drop:
      if (entry.slab) free_.insert(*entry.slab);
      entry.slab.reset();
      entry.released.clear();
      while (!entry.moved.empty()) forget(entry, entry.moved.begin()->first);
      entry.sealed = ExtentEntry::Sealed{};
      break;
    case Record::Kind::move:
      put(entry, static_cast<Pages>(record.value), {record.count, static_cast<Pages>(record.value >> 32)});
      break;
    case Record::Kind::forget:
      forget(entry, static_cast<Pages>(record.value));
      if (!entry.slab) entry.released.erase(static_cast<Pages>(record.value));
      break;
    case Record::Kind::vacate:
      vacate(entry);
      break;
  }
}

void DiskTable::put(ExtentEntry& entry, Pages page, Spot spot) {
  const auto known = entry.moved.find(page);
  if (known != entry.moved.end() && known->second == spot) return;
  forget(entry, page);
  entry.moved[page] = spot;
  ++spots_[spot.slab];
  free_.erase(spot.slab);
}

void DiskTable::forget(ExtentEntry& entry, Pages page) {
  const auto known = entry.moved.find(page);
  if (known == entry.moved.end()) return;
  const std::uint32_t slab = known->second.slab;
  entry.moved.erase(known);
  if (--spots_[slab] > 0) return;
  spots_.erase(slab);
  free_.insert(slab);
}

// What is released has no spot any more: of one without a slab, what has none is released.
void DiskTable::vacate(ExtentEntry& entry) {
  if (!entry.slab) return;
  free_.insert(*entry.slab);
  entry.slab.reset();
  for (const Pages page : std::exchange(entry.released, {})) forget(entry, page);
}

const ExtentEntry* DiskTable::find(ExtentNumber extent) const {
  const auto found = extents_.find(extent);
  return found == extents_.end() ? nullptr : &found->second;
}

std::size_t DiskTable::free_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(free_, [this](std::uint32_t slab) { return !reserved_.contains(slab); }));
}

std::size_t DiskTable::free_slabs() const { return free_count() - std::min(free_count(), spare_); }

std::optional<std::uint32_t> DiskTable::free_slab() const { return free_slabs() == 0 ? std::nullopt : spare_slab(); }

std::optional<std::uint32_t> DiskTable::spare_slab() const {
  const auto found = std::ranges::find_if(free_, [this](std::uint32_t slab) { return !reserved_.contains(slab); });
  return found == free_.end() ? std::nullopt : std::optional(*found);
}

std::map<ExtentNumber, std::vector<Pages>> DiskTable::tenants(std::uint32_t slab) const {
  std::map<ExtentNumber, std::vector<Pages>> tenants;
  for (const auto& [extent, entry] : extents_) {
    if (entry.slab == slab) tenants[extent];
    for (const auto& [page, spot] : entry.moved) {
      if (spot.slab == slab) tenants[extent].push_back(page);
    }
  }
  return tenants;
}

std::vector<Record> DiskTable::snapshot() const {
  std::vector<Record> records;
  for (const auto& [extent, entry] : extents_) {
    if (entry.slab) records.push_back({Record::Kind::place, extent, *entry.slab, 0});
    records.push_back({Record::Kind::fence, extent, static_cast<std::uint64_t>(entry.fence), 0});
    if (entry.sealed) records.push_back({Record::Kind::seal, extent, entry.sealed->pages, entry.sealed->runs});
    for (const auto& [page, spot] : entry.moved) records.push_back(moved(extent, page, spot));
    for (const Pages page : entry.released) records.push_back({Record::Kind::release, extent, page, 0});
  }
  return records;
}

}  // namespace sluice::rdma

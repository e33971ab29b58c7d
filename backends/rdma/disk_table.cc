#include "backends/rdma/disk_table.h"

#include <algorithm>

namespace sluice::rdma {

Refusal may_append(const ExtentEntry* entry, Epoch epoch) {
  if (entry == nullptr || !entry->sealed) return Refusal::none;
  if (!entry->slab && epoch > entry->fence) return Refusal::none;
  return epoch < entry->fence ? Refusal::fenced : Refusal::sealed;
}

DiskTable::DiskTable(std::uint32_t slabs) {
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
      break;
    case Record::Kind::fence:
      entry.fence = std::max(entry.fence, Epoch{record.value});
      break;
    case Record::Kind::seal:
      entry.sealed = {static_cast<Pages>(record.value), record.count};
      break;
    case Record::Kind::release:
      entry.released.insert(static_cast<Pages>(record.value));
      break;
    case Record::Kind::drop:
      if (entry.slab) free_.insert(*entry.slab);
      entry.slab.reset();
      entry.released.clear();
      entry.sealed = ExtentEntry::Sealed{};
      break;
  }
}

const ExtentEntry* DiskTable::find(ExtentNumber extent) const {
  const auto found = extents_.find(extent);
  return found == extents_.end() ? nullptr : &found->second;
}

std::optional<std::uint32_t> DiskTable::free_slab() const {
  if (free_.empty()) return std::nullopt;
  return *free_.begin();
}

std::vector<Record> DiskTable::snapshot() const {
  std::vector<Record> records;
  for (const auto& [extent, entry] : extents_) {
    if (entry.slab) records.push_back({Record::Kind::place, extent, *entry.slab, 0});
    records.push_back({Record::Kind::fence, extent, static_cast<std::uint64_t>(entry.fence), 0});
    if (entry.sealed) records.push_back({Record::Kind::seal, extent, entry.sealed->pages, entry.sealed->runs});
    for (const Pages page : entry.released) records.push_back({Record::Kind::release, extent, page, 0});
  }
  return records;
}

}  // namespace sluice::rdma

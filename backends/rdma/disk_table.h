#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "backends/rdma/disk_format.h"

namespace sluice::rdma {

/// What a node knows of an extent besides its runs.
struct ExtentEntry {
  std::optional<std::uint32_t> slab;  ///< Nothing: dropped, compacted, or nothing was ever appended.
  Epoch fence{};
  struct Sealed {
    Pages pages = 0;
    std::uint32_t runs = 0;
  };
  std::optional<Sealed> sealed;
  std::set<Pages> released;
  /// Runs by their pages, and where they are instead. Of one that was compacted, and has no slab: all there are.
  std::map<Pages, Spot> moved;

  /// The disk has something of it.
  bool holds() const { return slab || !moved.empty(); }
  /// Sealed, and none of its runs is needed.
  bool is_empty() const { return sealed && released.size() >= (slab ? sealed->runs : moved.size()); }
  /// A run at that page, if there is one, is not released.
  bool is_needed(Pages page) const { return !released.contains(page) && (slab || moved.contains(page)); }
};

/// Whether the disk takes appends of that epoch to the extent, as far as its entry says:
/// `none`, `sealed` or `fenced`. What was dropped may come again, as a copy: that is of an
/// epoch of its own. Pure.
Refusal may_append(const ExtentEntry* entry, Epoch epoch);

/// All extents of a disk, and its free slabs: what the log says. Pure.
class DiskTable {
 public:
  explicit DiskTable(std::uint32_t slabs);

  /// Applying a record twice is applying it once.
  void apply(const Record& record);

  const ExtentEntry* find(ExtentNumber extent) const;
  const std::map<ExtentNumber, ExtentEntry>& extents() const { return extents_; }

  /// A slab for a new extent, or nothing: the disk is full.
  std::optional<std::uint32_t> free_slab() const;
  /// Those that new extents can have.
  std::size_t free_slabs() const;
  /// A slab that compaction can have: there is one left for it when new extents get none any more.
  std::optional<std::uint32_t> spare_slab() const;
  /// Nobody else gets the slab, be it free or not, until it is given up. Not of the log.
  void reserve(std::uint32_t slab) { reserved_.insert(slab); }
  void give_up(std::uint32_t slab) { reserved_.erase(slab); }

  /// Extents with runs in the slab, and the pages of those that were moved to it.
  std::map<ExtentNumber, std::vector<Pages>> tenants(std::uint32_t slab) const;

  /// Records that make an empty table into this one.
  std::vector<Record> snapshot() const;

 private:
  void put(ExtentEntry& entry, Pages page, Spot spot);
  void forget(ExtentEntry& entry, Pages page);
  void vacate(ExtentEntry& entry);
  std::size_t free_count() const;

  std::size_t spare_;
  std::map<ExtentNumber, ExtentEntry> extents_;
  std::set<std::uint32_t> free_;
  std::set<std::uint32_t> reserved_;
  std::map<std::uint32_t, std::size_t> spots_;  ///< How many are in a slab: if any are, it is not free.
};

}  // namespace sluice::rdma

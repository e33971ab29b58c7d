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
  std::optional<std::uint32_t> slab;  ///< Nothing: dropped, or nothing was ever appended.
  Epoch fence{};
  struct Sealed {
    Pages pages = 0;
    std::uint32_t runs = 0;
  };
  std::optional<Sealed> sealed;
  std::set<Pages> released;

  /// Sealed, and none of its runs is needed.
  bool is_empty() const { return sealed && released.size() >= sealed->runs; }
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
  std::size_t free_slabs() const { return free_.size(); }

  /// Records that make an empty table into this one.
  std::vector<Record> snapshot() const;

 private:
  std::map<ExtentNumber, ExtentEntry> extents_;
  std::set<std::uint32_t> free_;
};

}  // namespace sluice::rdma

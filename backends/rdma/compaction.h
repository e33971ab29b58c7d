#pragma once

#include <functional>
#include <map>
#include <vector>

#include "backends/rdma/disk.h"
#include "gateway/core/log.h"

namespace sluice::rdma {

struct CompactionOptions {
  std::uint64_t bytes_per_second = 16 << 20;  ///< It reads no faster, and writes no faster.
  double needed_max = 0.5;                    ///< Of a slab's pages: of one with more too much would have to be moved.
  double free_min = 0.25;                     ///< Of a disk's slabs: while so many are free, nothing is moved.
  /// Runs of the extent were not moved, since some fail their checksums.
  std::function<void(ExtentNumber)> damaged{};
};

/// What it did so far.
struct CompactionCounts {
  std::uint64_t slabs = 0;  ///< That are free, or used again.
  std::uint64_t pages = 0;  ///< That were moved for it.
};

/// Makes slabs free of which little is needed any more (docs/decisions/0008-compaction.md). Of the disk's thread.
class Compaction {
 public:
  Compaction(Disk& disk, CompactionOptions options, Log& log)
      : disk_(disk), options_(std::move(options)), log_(log), pace_(options_.bytes_per_second) {}

  /// While too few slabs are free, empties those of which the least is needed, one after the other.
  Task<> round();

  const CompactionCounts& counts() const { return counts_; }

 private:
  /// How much of a slab is needed, as of when so many runs in it were released.
  struct Known {
    ExtentNumber extent{};  ///< The first that has something in it.
    std::size_t released = 0;
    Pages needed = 0;
  };
  struct Candidate {
    Pages needed;
    std::uint32_t slab;
    auto operator<=>(const Candidate&) const = default;
  };

  bool is_short_of_slabs() const;
  std::map<std::uint32_t, Known> looked_at() const;
  Task<std::vector<Candidate>> candidates();
  Task<> empty(const Candidate& candidate);

  Disk& disk_;
  const CompactionOptions options_;
  Log& log_;
  Pace pace_;
  std::map<std::uint32_t, Known> known_;
  CompactionCounts counts_;
};

}  // namespace sluice::rdma

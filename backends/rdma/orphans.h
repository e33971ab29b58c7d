#pragma once

#include <chrono>
#include <map>

#include "backends/rdma/control.h"
#include "backends/rdma/disk.h"

namespace sluice::rdma {

/// Finds what a disk has and the cluster does not know of it: extents that were erased, or
/// sealed without it, or copied elsewhere. Of the disk's thread.
class Orphans {
 public:
  using Clock = std::chrono::steady_clock;

  /// What is nobody's for `after`, and not written to meanwhile, is dropped: copies on their
  /// way are nobody's, too.
  Orphans(Disk& disk, Control& control, Clock::duration after) : disk_(disk), control_(control), after_(after) {}

  /// Looks at every extent once; how many were dropped.
  Task<std::uint64_t> round();

 private:
  struct Seen {
    Clock::time_point since;
    Pages durable = 0;
  };

  Pages durable(ExtentNumber extent);
  Task<bool> is_ours(ExtentNumber extent);
  Task<bool> drop(ExtentNumber extent);

  Disk& disk_;
  Control& control_;
  const Clock::duration after_;
  std::map<ExtentNumber, Seen> seen_;
};

}  // namespace sluice::rdma

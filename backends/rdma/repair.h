#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <vector>

#include "backends/rdma/cluster.h"

namespace sluice::rdma {

struct RepairOptions {
  /// A disk that was silent for so long is lost: what it had is copied from the others.
  std::chrono::seconds lost_after{600};
};

/// What a round of repair found, and did.
struct Repaired {
  std::uint64_t extents = 0;     ///< Sealed ones, after the round.
  std::uint64_t open = 0;        ///< Of gateways that are alive.
  std::uint64_t sealed = 0;      ///< Of gateways that are gone, in this round.
  std::uint64_t endangered = 0;  ///< Had too few copies before the round.
  std::uint64_t copied = 0;      ///< Of those, that have enough now.
  std::uint64_t lost = 0;        ///< Of those, with no member that can be read.
};

/// The part of the cluster's manager that looks after copies: seals what dead gateways left
/// open, copies extents that have too few good members, and empties disks that are drained.
/// All it decides is set by comparing, so that two at one time do nothing wrong. Of the
/// thread of `cluster`, and gone before it.
class Repair {
 public:
  Repair(Cluster& cluster, RepairOptions options) : cluster_(cluster), options_(options) {}

  /// Looks at every extent once, the most endangered first; ends early once `go_on` is false.
  Task<Repaired> round(const std::atomic<bool>& go_on);

 private:
  using Clock = std::chrono::steady_clock;
  struct Candidate {
    std::size_t good;
    ExtentNumber extent;
  };

  /// An extent on its way to one more disk.
  struct Copy {
    ExtentNumber extent;
    ExtentRecord record;
    Uuid target;
    Pages at = 0;                ///< So far.
    std::vector<Pages> fillers;  ///< Runs that stand for what was given back.
  };

  Task<> look_at_nodes();
  bool is_good(const Uuid& member) const;
  bool is_there(const Uuid& member) const;
  std::size_t good_among(const ExtentRecord& record) const;
  Task<std::vector<Candidate>> look_at_extents(Repaired& found);
  Task<> look_at(const NumberedRecord& one, std::map<Uuid, bool>& buried, std::vector<Candidate>& candidates,
                 Repaired& found);
  Task<bool> mend(ExtentNumber extent);
  Task<std::vector<Uuid>> targets(const ExtentRecord& record, std::size_t count);
  Task<> copy(Copy copy);
  Task<> fill(Copy& copy, Pages end);
  Task<> copy_run(Copy& copy, Run run);
  Task<> append(Copy& copy, Run run, Chunk slot);
  Task<Chunk> staging_slot();

  Cluster& cluster_;
  const RepairOptions options_;
  std::map<Uuid, Node> nodes_;
  std::map<Uuid, Clock::time_point> silent_since_;
};

}  // namespace sluice::rdma

#pragma once

#include <chrono>
#include <map>
#include <set>

#include "backends/rdma/cluster.h"

namespace sluice::rdma {

/// Which of the cluster's disks are there, and whose copies count, as of the last look(): what all parts of the manager
/// go by. Of the thread of `cluster`, and gone before it.
class DiskHealth {
 public:
  /// A disk that was silent for `lost_after` is lost.
  DiskHealth(Cluster& cluster, std::chrono::seconds lost_after) : cluster_(cluster), lost_after_(lost_after) {}

  /// Reads who there is and what is damaged. Comes before the records: what those do not name any more has gone since.
  Task<> look();

  const std::map<Uuid, Node>& nodes() const { return nodes_; }
  /// As reported.
  const std::set<Damage>& damage() const { return damage_; }

  bool is_known(const Uuid& disk) const { return nodes_.contains(disk); }
  /// It said so a few seconds ago.
  bool is_there(const Uuid& disk) const;
  /// Of the cluster, and not silent for too long.
  bool is_present(const Uuid& disk) const;
  bool is_damaged(ExtentNumber extent, const Uuid& disk) const { return damage_.contains({extent, disk}); }
  /// On any disk.
  bool has_damage(ExtentNumber extent) const;
  /// What the disk has of the extent counts: it is present, not damaged, and not draining.
  bool is_good(ExtentNumber extent, const Uuid& disk) const;

 private:
  using Clock = std::chrono::steady_clock;

  Cluster& cluster_;
  const std::chrono::seconds lost_after_;
  std::map<Uuid, Node> nodes_;
  std::map<Uuid, Clock::time_point> silent_since_;
  std::set<Damage> damage_;
};

}  // namespace sluice::rdma

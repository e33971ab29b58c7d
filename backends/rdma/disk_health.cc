#include "backends/rdma/disk_health.h"

namespace sluice::rdma {

Task<> DiskHealth::look() {
  CO_TRY(const auto nodes, co_await cluster_.refresh_nodes());
  nodes_.clear();
  for (const Node& node : nodes) {
    nodes_[node.address.incarnation] = node;
    if (node.alive) {
      silent_since_.erase(node.address.incarnation);
    } else {
      silent_since_.try_emplace(node.address.incarnation, Clock::now());
    }
  }
  CO_TRY(const auto damage, co_await cluster_.control_.damage());
  damage_ = {damage.begin(), damage.end()};
  co_return done;
}

bool DiskHealth::is_there(const Uuid& disk) const {
  const auto node = nodes_.find(disk);
  return node != nodes_.end() && node->second.alive;
}

bool DiskHealth::is_present(const Uuid& disk) const {
  if (!is_known(disk)) return false;
  const auto silent = silent_since_.find(disk);
  return silent == silent_since_.end() || Clock::now() - silent->second < lost_after_;
}

bool DiskHealth::has_damage(ExtentNumber extent) const {
  const auto first = damage_.lower_bound({extent, Uuid{}});
  return first != damage_.end() && first->extent == extent;
}

bool DiskHealth::is_good(ExtentNumber extent, const Uuid& disk) const {
  return !is_damaged(extent, disk) && is_present(disk) && !nodes_.at(disk).draining;
}

}  // namespace sluice::rdma

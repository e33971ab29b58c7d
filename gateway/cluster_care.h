#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "backends/rdma/cluster_extents.h"
#include "gateway/core/log.h"

namespace prometheus {
class Registry;
}

namespace sluice {

/// A gateway's part in looking after its cluster: it stands for the manager's role, of which
/// etcd gives it to one gateway at a time, and counts what happens. Gone before the store.
class ClusterCare {
 public:
  /// `collect` gives back what no object names; the manager runs it now and then.
  ClusterCare(rdma::ClusterExtents& cluster, std::function<Task<>()> collect, std::chrono::seconds collect_period,
              prometheus::Registry& registry, Log& log);

  /// Each runs until stop(), as one coroutine, and ends within about a second.
  Task<> stand();
  Task<> work();
  void stop();

 private:
  class Gauges;

  Awaitable<> repair();
  /// Whether there is another stripe to make at once.
  Awaitable<bool> stripe();

  rdma::ClusterExtents& cluster_;
  const std::function<Task<>()> collect_;
  const std::chrono::seconds collect_period_;
  Log& log_;
  std::shared_ptr<Gauges> gauges_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> manages_ = false;
};

}  // namespace sluice

#include "gateway/cluster_care.h"

#include <prometheus/registry.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include "gateway/gauges.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

constexpr std::chrono::milliseconds kTick(500);
constexpr std::chrono::seconds kStandPeriod(3);
constexpr std::chrono::seconds kRepairPeriod(5);

}  // namespace

class ClusterCare::Gauges {
 public:
  explicit Gauges(prometheus::Registry& registry) : gauges_(registry) {}

  void set(const rdma::ClusterCounts& counts) {
    gauges_.set("sluice_cluster_appends_total", "runs appended", counts.appends);
    gauges_.set("sluice_cluster_append_failures_total", "appends that a member failed", counts.append_failures);
    gauges_.set("sluice_cluster_extents_opened_total", "extents begun", counts.extents_opened);
    gauges_.set("sluice_cluster_seals_total", "extents sealed", counts.seals);
    gauges_.set("sluice_cluster_reads_total", "pieces read", counts.reads);
    gauges_.set("sluice_cluster_hedged_reads_total", "reads asked of one more member", counts.hedged_reads);
    gauges_.set("sluice_cluster_read_failures_total", "reads that a member failed", counts.read_failures);
    gauges_.set("sluice_cluster_releases_total", "runs given back", counts.releases);
    gauges_.set("sluice_cluster_releases_kept_total", "of those, in stripes: their space comes back later",
                counts.releases_kept);
    gauges_.set("sluice_cluster_degraded_reads_total", "parts made of other fragments, since their own was not read",
                counts.degraded_reads);
  }

  void set(const rdma::Repaired& repaired) {
    gauges_.set("sluice_cluster_extents_sealed", "sealed extents; of the manager", repaired.extents);
    gauges_.set("sluice_cluster_extents_open", "extents of live gateways; of the manager", repaired.open);
    gauges_.set("sluice_cluster_extents_endangered", "with too few copies; of the manager",
                repaired.endangered - repaired.copied);
    gauges_.set("sluice_cluster_extents_lost", "that no disk has now; of the manager", repaired.lost);
    gauges_.set("sluice_cluster_runs_lost", "whole on no disk that is there; of the manager", repaired.lost_runs);
    gauges_.set("sluice_cluster_extents_unsealed",
                "of gateways that are gone, of which too few disks answer; of the manager", repaired.unsealed);
    gauges_.set("sluice_cluster_copies_damaged", "found damaged and not replaced yet; of the manager",
                repaired.damaged);
    gauges_.set("sluice_cluster_extents_crowded",
                "with copies in one zone or on one machine, though there is room elsewhere; of the manager",
                repaired.crowded);
    gauges_.set("sluice_cluster_balancing", "1 while disks are balanced; of the manager", repaired.balancing ? 1 : 0);
    gauges_.set("sluice_cluster_moves_left", "that balancing takes at least; of the manager", repaired.moves_left);
    moved_ += repaired.moved;
    gauges_.set("sluice_cluster_copies_moved_total", "to other disks, to balance them or to keep copies apart", moved_);
    copied_ += repaired.copied;
    gauges_.set("sluice_cluster_extents_copied_total", "brought back to enough copies", copied_);
  }

  void set(const rdma::Striped& striped) {
    gauges_.set("sluice_cluster_extents_coded", "in stripes; of the manager",
                striped.extents + striped.coded - striped.returned);
    gauges_.set("sluice_cluster_stripes", "of coded extents; of the manager", striped.stripes);
    gauges_.set("sluice_cluster_fragments_missing", "without a good disk; of the manager",
                striped.missing - striped.rebuilt);
    gauges_.set("sluice_cluster_stripes_lost", "of which too few fragments can be read; of the manager", striped.lost);
    coded_ += striped.coded;
    rebuilt_ += striped.rebuilt;
    gauges_.set("sluice_cluster_extents_coded_total", "brought into stripes", coded_);
    gauges_.set("sluice_cluster_fragments_rebuilt_total", "made anew on other disks", rebuilt_);
    returned_ += striped.returned;
    gauges_.set("sluice_cluster_extents_returned_total", "from stripes, in which little was needed, to copies",
                returned_);
  }

  void manages(bool manager) { gauges_.set("sluice_cluster_manager", "1 where the manager is", manager ? 1 : 0); }

 private:
  sluice::Gauges gauges_;
  std::uint64_t copied_ = 0, moved_ = 0, coded_ = 0, rebuilt_ = 0, returned_ = 0;
};

ClusterCare::ClusterCare(rdma::ClusterExtents& cluster, std::function<Task<>()> collect,
                         std::chrono::seconds collect_period, prometheus::Registry& registry, Log& log)
    : cluster_(cluster),
      collect_(std::move(collect)),
      collect_period_(collect_period),
      log_(log),
      gauges_(std::make_shared<Gauges>(registry)) {}

void ClusterCare::stop() {
  stopping_ = true;
  cluster_.end_repair();
}

Task<> ClusterCare::stand() {
  Timer timer(co_await asio::this_coro::executor);
  auto next = Clock::now();
  while (!stopping_) {
    if (Clock::now() >= next) {
      const bool before = manages_;
      manages_ = (co_await cluster_.keep_manager()).value_or(false);
      if (manages_ && !before) log_.info("cluster_manager");
      next = Clock::now() + kStandPeriod;
    }
    timer.expires_after(kTick);
    co_await timer.async_wait(asio::as_tuple(use_task));
  }
  co_return done;
}

Task<> ClusterCare::work() {
  Timer timer(co_await asio::this_coro::executor);
  // Whoever becomes the manager begins with both.
  Clock::time_point next_repair, next_collect;
  while (!stopping_) {
    gauges_->set(cluster_.counts());
    gauges_->manages(manages_);
    if (!manages_) next_repair = next_collect = {};
    if (manages_ && Clock::now() >= next_repair) {
      co_await repair();
      // Between two stripes it is looked what became endangered meanwhile: that goes first.
      const bool more = co_await stripe();
      next_repair = more ? Clock::now() : Clock::now() + kRepairPeriod;
    }
    if (manages_ && !stopping_ && Clock::now() >= next_collect) {
      co_await collect_();
      next_collect = Clock::now() + collect_period_;
    }
    timer.expires_after(kTick);
    co_await timer.async_wait(asio::as_tuple(use_task));
  }
  co_return done;
}

Awaitable<> ClusterCare::repair() {
  const auto repaired = co_await cluster_.repair();
  if (!repaired) {
    log_.warning("cluster_repair_failed", {{"detail", repaired.error().detail}});
    co_return;
  }
  gauges_->set(*repaired);
  if (repaired->sealed == 0 && repaired->copied == 0 && repaired->moved == 0) co_return;
  log_.info("cluster_repaired", {{"sealed", repaired->sealed},
                                 {"copied", repaired->copied},
                                 {"moved", repaired->moved},
                                 {"endangered", repaired->endangered - repaired->copied}});
}

Awaitable<bool> ClusterCare::stripe() {
  const auto striped = co_await cluster_.stripe();
  if (!striped) {
    log_.warning("cluster_striping_failed", {{"detail", striped.error().detail}});
    co_return false;
  }
  gauges_->set(*striped);
  if (striped->coded == 0 && striped->rebuilt == 0) co_return striped->more;
  log_.info(
      "cluster_striped",
      {{"coded", striped->coded}, {"rebuilt", striped->rebuilt}, {"missing", striped->missing - striped->rebuilt}});
  co_return striped->more;
}

}  // namespace sluice

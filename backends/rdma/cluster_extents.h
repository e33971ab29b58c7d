#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

#include "backends/rdma/cluster.h"
#include "backends/rdma/repair.h"
#include "backends/rdma/striper.h"

namespace sluice::rdma {

struct ClusterExtentsOptions {
  FabricOptions fabric;
  ClusterOptions cluster;
  /// A disk that was silent for so long is lost.
  std::chrono::seconds lost_after{600};
  RepairOptions repair;
  StriperOptions striper;
  std::size_t write_slots = 128;  ///< Extents being written at one time; more are busy.
  std::size_t read_slots = 64;    ///< Pieces being read at one time; more wait.
  /// Ends what the index takes from a run of a gateway that was given up: a reconcile() calls
  /// it before it reads what is live. Without it nobody may share the index.
  std::function<Task<>(Uuid writer)> end_writer;
};

/// The ExtentStore over the cluster: every extent is one run, durable on all its replicas
/// when it is sealed. Safe for concurrent use from io_context threads, which must have
/// stopped running before it is destroyed. Has one thread of its own for the fabric.
class ClusterExtents final : public ExtentStore {
 public:
  /// While `index_uncertain` is set, which the index does as long as a commit's outcome is
  /// unknown, nothing is given back. Throws std::runtime_error for the operator. What is
  /// given outlives it.
  ClusterExtents(Control& control, ClusterExtentsOptions options, const std::atomic<bool>& index_uncertain, Log& log);
  ~ClusterExtents() override;

  std::uint64_t extent_length_max() const override;
  Task<std::unique_ptr<ExtentWriter>> create(std::optional<std::uint64_t> length_expected) override;
  Task<std::unique_ptr<BodySource>> open(const Extent& extent, ByteRange range) override;
  Task<> release(const Extent& extent) override;
  Task<Reconciled> reconcile(LiveExtents& live, bool give_back) override;

  /// This run of this gateway.
  Uuid writer() const;

  const ClusterCounts& counts() const;

  /// True while this run is the one manager of the cluster: it becomes or stays it.
  Task<bool> keep_manager();
  /// A round of the manager's repair; one at a time.
  Task<Repaired> repair();
  /// A round of the manager's striper; not while there is one of its repair.
  Task<Striped> stripe();
  /// Those rounds, and all later ones, end at the next extent. From any thread.
  void end_repair();

 private:
  class FabricThread;
  class Writer;
  class Source;

  const std::atomic<bool>& index_uncertain_;
  const std::function<Task<>(Uuid writer)> end_writer_;
  std::unique_ptr<FabricThread> thread_;
};

}  // namespace sluice::rdma

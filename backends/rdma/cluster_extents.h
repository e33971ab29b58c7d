#pragma once

#include <memory>

#include "backends/rdma/cluster.h"

namespace sluice::rdma {

struct ClusterExtentsOptions {
  FabricOptions fabric;
  ClusterOptions cluster;
  std::size_t write_slots = 128;  ///< Extents being written at one time; more are busy.
  std::size_t read_slots = 64;    ///< Pieces being read at one time; more wait.
};

/// The ExtentStore over the cluster: every extent is one run, durable on all its replicas
/// when it is sealed. Safe for concurrent use from io_context threads, which must have
/// stopped running before it is destroyed. Has one thread of its own for the fabric.
class ClusterExtents final : public ExtentStore {
 public:
  /// Throws std::runtime_error for the operator. `control` and `log` outlive it.
  ClusterExtents(Control& control, ClusterExtentsOptions options, Log& log);
  ~ClusterExtents() override;

  std::uint64_t extent_length_max() const override;
  Task<std::unique_ptr<ExtentWriter>> create(std::optional<std::uint64_t> length_expected) override;
  Task<std::unique_ptr<BodySource>> open(const Extent& extent, ByteRange range) override;
  Task<> release(const Extent& extent) override;
  Task<Reconciled> reconcile(LiveExtents& live, bool give_back) override;

 private:
  class FabricThread;
  class Writer;
  class Source;

  std::unique_ptr<FabricThread> thread_;
};

}  // namespace sluice::rdma

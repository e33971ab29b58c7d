#pragma once

#include <atomic>
#include <memory>

#include "gateway/config.h"
#include "gateway/core/backend.h"
#include "gateway/core/chunk.h"
#include "gateway/core/log.h"
#include "gateway/core/lendable_memory.h"

namespace sluice::rdma {
class ClusterExtents;
}

namespace sluice {

/// Opens the backend that the configuration names: a data directory, with its index
/// inside or in PostgreSQL, or an extent cluster with its index in PostgreSQL. A process
/// whose run the cluster gave up gets SIGTERM. Throws std::runtime_error with a message for the operator.
class Store {
 public:
  Store(const Config& config, BufferPool& pool, Log& log);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Backend backend();

  /// Where the extents are on a cluster; nothing elsewhere. Lives as long as this.
  rdma::ClusterExtents* cluster();

  /// Where bodies may lie that are read often; nothing on a cluster. Lives as long as this.
  const LendableMemory* lendable() const { return lendable_.get(); }

  /// The cluster took this run for dead: nothing can be stored any more.
  bool was_given_up() const;

  /// The last run did not close it: orphans may be there, and a reconcile() is due.
  bool was_unclean() const;

 private:
  class Kind;
  class Local;
  class LocalWithPostgres;
  class ClusterWithPostgres;
  std::unique_ptr<LendableMemory> lendable_;
  std::unique_ptr<Kind> kind_;
};

}  // namespace sluice

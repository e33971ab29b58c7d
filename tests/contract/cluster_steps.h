#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <stdexcept>
#include <vector>

#include "gateway/core/digest.h"
#include "tests/contract/cluster_store.h"
#include "tests/contract/stored_bytes.h"
#include "tests/support/run_task.h"

namespace sluice::test {

inline Extent put(ClusterStore& cluster, std::uint64_t seed) {
  const auto extent = run(store_bytes(cluster.store(), pattern(100'000, seed), 100'000));
  REQUIRE(extent);
  return *extent;
}

inline bool is_there(ClusterStore& cluster, const Extent& extent, std::uint64_t seed) {
  const auto bytes = run(load_bytes(cluster.store(), extent, {0, extent.length}));
  return bytes && *bytes == pattern(100'000, seed);
}

inline std::size_t copies(ClusterStore& cluster, const Extent& extent) {
  std::size_t count = 0;
  for (std::size_t n = 0; n < cluster.node_count(); ++n) count += cluster.has(n, extent) ? 1 : 0;
  return count;
}

inline std::size_t member_of(ClusterStore& cluster, const Extent& extent) {
  for (std::size_t n = 0; n < cluster.node_count(); ++n) {
    if (cluster.has(n, extent)) return n;
  }
  throw std::logic_error("on no node");
}

inline rdma::Repaired repair(ClusterStore& cluster) {
  const auto repaired = run(cluster.extents().repair());
  REQUIRE(repaired);
  return *repaired;
}

inline std::vector<rdma::NumberedRecord> records(ClusterStore& cluster) {
  const auto listed = run(cluster.control().list({}, 1000));
  REQUIRE(listed);
  return *listed;
}

inline std::size_t all_there(ClusterStore& cluster, const std::vector<Extent>& written) {
  std::size_t there = 0;
  for (std::uint64_t seed = 0; seed < written.size(); ++seed) there += is_there(cluster, written[seed], seed) ? 1 : 0;
  return there;
}

inline std::vector<Extent> put_some(ClusterStore& cluster, std::uint64_t count) {
  std::vector<Extent> written;
  for (std::uint64_t seed = 0; seed < count; ++seed) written.push_back(put(cluster, seed));
  return written;
}

inline void restart_node(ClusterStore& cluster, std::size_t node) {
  cluster.stop(node);
  cluster.start(node);
}

/// Stops all others.
inline void leave_alone(ClusterStore& cluster, const rdma::Uuid& disk) {
  for (std::size_t n = 0; n < cluster.node_count(); ++n) {
    if (!cluster.is_up(n) || cluster.incarnation(n) != disk) cluster.stop(n);
  }
}

inline std::size_t node_of(ClusterStore& cluster, const rdma::Uuid& disk) {
  for (std::size_t n = 0; n < cluster.node_count(); ++n) {
    if (cluster.is_up(n) && cluster.incarnation(n) == disk) return n;
  }
  throw std::logic_error("no such disk");
}

}  // namespace sluice::test

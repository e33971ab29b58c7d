#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backends/rdma/identity.h"
#include "gateway/core/result.h"

namespace sluice::rdma {

/// A disk as placement sees it.
struct DiskChoice {
  Uuid incarnation;
  std::string host;  ///< Two replicas are never on one host.
  std::string zone;  ///< Rack, room: replicas are in as many as there are.
  std::uint64_t free_slabs = 0;
};

/// The members of a new extent: `count` disks on as many hosts, spread over zones as
/// evenly as they allow, emptier disks more often. The same `seed` chooses the same.
/// Fails with out_of_space if too few hosts have a free slab. Pure.
Result<std::vector<Uuid>> place(std::span<const DiskChoice> disks, std::size_t count, std::uint64_t seed);

}  // namespace sluice::rdma

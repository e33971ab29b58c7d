#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backends/rdma/fabric.h"
#include "backends/rdma/wire.h"
#include "gateway/core/chunk.h"

namespace sluice::rdma {

/// Registered memory in equal slots. Whoever transfers holds a slot until the transfer,
/// and all who could still write into it, have ended. Gone before its fabric; slots may
/// outlive it.
class Staging {
 public:
  /// `slot_size` is whole pages. Throws std::runtime_error.
  Staging(Fabric& fabric, std::size_t slots, std::size_t slot_size, MemoryRegion::Use use);

  /// A free slot, which goes back when the last holder lets go, or nothing. From any thread.
  std::optional<Chunk> take();

  const MemoryRegion& region() const { return region_; }
  /// As a peer must name a part of a slot.
  RemoteMemory name_of(std::span<const std::byte> part) const;

 private:
  struct Free {
    std::mutex mutex;
    std::vector<std::size_t> slots;
    std::shared_ptr<const void> memory;
  };

  MemoryRegion region_;
  std::size_t slot_size_;
  std::shared_ptr<Free> free_;
};

}  // namespace sluice::rdma

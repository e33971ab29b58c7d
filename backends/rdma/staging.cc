#include "backends/rdma/staging.h"

namespace sluice::rdma {

Staging::Staging(Fabric& fabric, std::size_t slots, std::size_t slot_size, MemoryRegion::Use use)
    : region_(fabric, slots * slot_size, use), slot_size_(slot_size), free_(std::make_shared<Free>()) {
  free_->memory = region_.memory();
  for (std::size_t slot = slots; slot > 0; --slot) free_->slots.push_back(slot - 1);
}

std::optional<Chunk> Staging::take() {
  const std::scoped_lock lock(free_->mutex);
  if (free_->slots.empty()) return std::nullopt;
  const std::size_t slot = free_->slots.back();
  free_->slots.pop_back();
  const auto bytes = region_.bytes().subspan(slot * slot_size_, slot_size_);
  std::shared_ptr<const void> owner(bytes.data(), [slot, free = free_](const void*) {
    const std::scoped_lock back(free->mutex);
    free->slots.push_back(slot);
  });
  return Chunk(std::move(owner), bytes);
}

RemoteMemory Staging::name_of(std::span<const std::byte> part) const {
  const auto [address, key] = region_.name_of(part);
  return {address, key, static_cast<std::uint32_t>(part.size())};
}

}  // namespace sluice::rdma

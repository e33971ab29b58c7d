#include "gateway/verbs/staging.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

namespace sluice::verbs {

std::shared_ptr<Staging> Staging::make(ibv_pd* domain, std::size_t size) {
  size = std::max(size / kPieceSize, std::size_t{1}) * kPieceSize;
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory for transfers over RDMA");
  const std::shared_ptr<Staging> staging(new Staging({static_cast<std::byte*>(memory), size}));
  const unsigned access = IBV_ACCESS_LOCAL_WRITE;
  staging->region_.reset(ibv_reg_mr(domain, memory, size, access));
  if (!staging->region_) {
    throw std::runtime_error("cannot register " + std::to_string(size) +
                             " bytes for transfers over RDMA: " + std::generic_category().message(errno) +
                             " (as much must be allowed to be locked: ulimit -l)");
  }
  for (std::size_t i = staging->piece_count(); i > 0; --i) staging->free_.push_back(i - 1);
  return staging;
}

Staging::~Staging() {
  region_.reset();
  ::munmap(memory_.data(), memory_.size());
}

std::shared_ptr<std::span<std::byte>> Staging::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return nullptr;
  const std::size_t piece = free_.back();
  free_.pop_back();
  const auto give_back = [self = shared_from_this(), piece](std::span<std::byte>* place) {
    delete place;
    const std::lock_guard back(self->mutex_);
    self->free_.push_back(piece);
  };
  return {new std::span<std::byte>(memory_.subspan(piece * kPieceSize, kPieceSize)), give_back};
}

}  // namespace sluice::verbs

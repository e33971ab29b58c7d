#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "gateway/verbs/verbs.h"

namespace sluice::verbs {

/// Registered memory in equal pieces, one a transfer. No peer reaches it: only our own device
/// does, at our word. Safe for concurrent use.
class Staging : public std::enable_shared_from_this<Staging> {
 public:
  static constexpr std::size_t kPieceSize = 1 << 20;

  /// `size` is rounded down to whole pieces, at least one. Throws std::runtime_error, such as
  /// where less memory may be locked than that.
  static std::shared_ptr<Staging> make(ibv_pd* domain, std::size_t size);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// A piece, free again when nobody holds it; null if none is free.
  std::shared_ptr<std::span<std::byte>> take();

  std::uint32_t key() const { return region_->lkey; }
  std::size_t piece_count() const { return memory_.size() / kPieceSize; }

  /// No device reaches the memory any more, which stays until all pieces are given back.
  void unregister() { region_.reset(); }

 private:
  explicit Staging(std::span<std::byte> memory) : memory_(memory) {}

  const std::span<std::byte> memory_;
  Owned<ibv_mr> region_;
  std::mutex mutex_;
  std::vector<std::size_t> free_;
};

}  // namespace sluice::verbs

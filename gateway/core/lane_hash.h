#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "gateway/core/digest.h"
#include "gateway/core/lane_batch.h"

namespace sluice {

/// One MD5 or SHA-256 stream, whose state is open so that HashLanes can hash it
/// together with others. By itself it hashes at OpenSSL's speed. Do not touch,
/// move or destroy it while HashLanes::update() has it.
class LaneHash {
 public:
  static constexpr std::size_t kBlockSize = 64;

  explicit LaneHash(LaneAlgorithm algorithm);

  LaneAlgorithm algorithm() const { return algorithm_; }

  void update(std::string_view bytes);

  /// The digest of all bytes; called once.
  Digest finish();
  /// The same, written to `digest`, which has its size.
  void finish(std::span<char> digest);

 private:
  friend class HashLanes;
  friend class LaneRun;

  /// Takes all of `bytes` but the whole blocks returned, which are to be hashed
  /// before anything else is done here.
  std::string_view absorb(std::string_view bytes);

  LaneAlgorithm algorithm_;
  std::array<std::uint32_t, 8> words_;
  std::uint64_t size_ = 0;
  std::array<unsigned char, kBlockSize> partial_;  ///< The first size_ % kBlockSize are in use.
};

}  // namespace sluice

#pragma once

#include <cstddef>
#include <cstdint>

// Seen by code compiled for other instruction sets than the rest of the program:
// it may declare, but hold no inline function, lest the linker keep the copy
// that not every machine can run.

namespace sluice {

/// The hashes that run in lanes.
enum class LaneAlgorithm : std::uint8_t { md5, sha256 };

inline constexpr std::size_t kLanesMax = 16;

/// The states of up to kLanesMax streams, word by word so that one vector holds
/// one word of each, and where the next block of each lies.
struct LaneBatch {
  alignas(64) std::uint32_t words[8][kLanesMax];
  const unsigned char* data[kLanesMax];
};

/// Hashes `blocks` whole blocks of each of the first `width` lanes of a batch.
/// Every one of them needs readable data; a lane nobody needs may repeat another's.
struct LaneKernel {
  std::size_t width;
  void (*run)(LaneBatch& batch, std::size_t blocks);
};

// AVX2.
void md5_avx2_8(LaneBatch& batch, std::size_t blocks);
void md5_avx2_16(LaneBatch& batch, std::size_t blocks);
void sha256_avx2_8(LaneBatch& batch, std::size_t blocks);

// AVX-512 F, BW and VL.
void md5_avx512_8(LaneBatch& batch, std::size_t blocks);
void md5_avx512_8x2(LaneBatch& batch, std::size_t blocks);  ///< 16 lanes in two vectors.
void md5_avx512_16(LaneBatch& batch, std::size_t blocks);
void sha256_avx512_8(LaneBatch& batch, std::size_t blocks);
void sha256_avx512_16(LaneBatch& batch, std::size_t blocks);

}  // namespace sluice

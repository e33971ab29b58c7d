#if defined(__AVX512F__)
#include "gateway/core/lane_vectors.h"

namespace sluice {

void md5_avx512_8(LaneBatch& batch, std::size_t blocks) { md5_blocks<Lanes8, 1>(batch, blocks); }
void md5_avx512_8x2(LaneBatch& batch, std::size_t blocks) { md5_blocks<Lanes8, 2>(batch, blocks); }
void md5_avx512_16(LaneBatch& batch, std::size_t blocks) { md5_blocks<Lanes16, 1>(batch, blocks); }
void sha256_avx512_8(LaneBatch& batch, std::size_t blocks) { sha256_blocks<Lanes8>(batch, blocks); }
void sha256_avx512_16(LaneBatch& batch, std::size_t blocks) { sha256_blocks<Lanes16>(batch, blocks); }

}  // namespace sluice
#endif

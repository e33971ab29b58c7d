#pragma once

#include <immintrin.h>

#include <utility>

#include "gateway/core/lane_batch.h"

// MD5 (RFC 1321) and SHA-256 (FIPS 180-4) over vectors, one stream a lane.
// Compiled once for each instruction set, all of it local to the including file.

namespace sluice {
namespace {

#define SLUICE_LANE_INLINE [[gnu::always_inline]] inline

using Lanes8 = std::uint32_t __attribute__((vector_size(32)));

constexpr std::uint32_t kMd5Sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr int kMd5Turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
constexpr int kMd5Steps[4][2] = {{1, 0}, {5, 1}, {3, 5}, {7, 0}};  // Word (step * i + first) mod 16.

constexpr std::uint32_t kSha256Roots[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The sixteen words of the block at `offset` of each lane: word i of every lane in words[i].
SLUICE_LANE_INLINE void load_block(Lanes8 (&words)[16], const unsigned char* const* data, std::size_t offset) {
  for (int half = 0; half < 2; ++half) {
    __m256i r[8];
    __m256i t[8];
    for (int i = 0; i < 8; ++i) {
      r[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data[i] + offset + 32 * half));
    }
    for (int i = 0; i < 4; ++i) {
      t[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
      t[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      r[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
      r[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
      r[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
      r[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
      words[8 * half + i] = reinterpret_cast<Lanes8>(_mm256_permute2x128_si256(r[i], r[4 + i], 0x20));
      words[8 * half + 4 + i] = reinterpret_cast<Lanes8>(_mm256_permute2x128_si256(r[i], r[4 + i], 0x31));
    }
  }
}

SLUICE_LANE_INLINE Lanes8 from_big_endian(Lanes8 x) {
  const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  return reinterpret_cast<Lanes8>(
      _mm256_shuffle_epi8(reinterpret_cast<__m256i>(x), _mm256_broadcastsi128_si256(order)));
}

#if defined(__AVX512F__)
using Lanes16 = std::uint32_t __attribute__((vector_size(64)));

SLUICE_LANE_INLINE void load_block(Lanes16 (&words)[16], const unsigned char* const* data, std::size_t offset) {
  __m512i r[16];
  __m512i t[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(data[i] + offset);
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    words[i] = reinterpret_cast<Lanes16>(_mm512_shuffle_i32x4(t[i], t[8 + i], 0x88));
    words[8 + i] = reinterpret_cast<Lanes16>(_mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd));
    words[4 + i] = reinterpret_cast<Lanes16>(_mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88));
    words[12 + i] = reinterpret_cast<Lanes16>(_mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd));
  }
}

SLUICE_LANE_INLINE Lanes16 from_big_endian(Lanes16 x) {
  const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  return reinterpret_cast<Lanes16>(_mm512_shuffle_epi8(reinterpret_cast<__m512i>(x), _mm512_broadcast_i32x4(order)));
}
#endif

template <int kBits, class Vector>
SLUICE_LANE_INLINE Vector rotate_left(Vector x) {
  return (x << kBits) | (x >> (32 - kBits));
}

template <class Vector>
SLUICE_LANE_INLINE Vector load_word(const LaneBatch& batch, int word, int first) {
  Vector value;
  __builtin_memcpy(&value, &batch.words[word][first], sizeof(value));
  return value;
}

template <class Vector>
SLUICE_LANE_INLINE void store_word(LaneBatch& batch, int word, int first, Vector value) {
  __builtin_memcpy(&batch.words[word][first], &value, sizeof(value));
}

template <class Vector>
struct Md5Lanes {
  Vector a, b, c, d;
  Vector words[16];
};

template <int i, class Vector>
SLUICE_LANE_INLINE void md5_step(Md5Lanes<Vector>& x) {
  constexpr int kQuarter = i / 16;
  constexpr int kWord = (kMd5Steps[kQuarter][0] * i + kMd5Steps[kQuarter][1]) & 15;
  const Vector sum = x.a + x.words[kWord] + kMd5Sines[i];
  // x.b is the last to be known, so what does not need it is added first.
  Vector mixed;
  if constexpr (kQuarter == 0) mixed = sum + (x.d ^ (x.b & (x.c ^ x.d)));
  if constexpr (kQuarter == 1) mixed = (sum + (~x.d & x.c)) + (x.d & x.b);
  if constexpr (kQuarter == 2) mixed = sum + (x.b ^ (x.c ^ x.d));
  if constexpr (kQuarter == 3) mixed = sum + (x.c ^ (x.b | ~x.d));
  x.a = x.d;
  x.d = x.c;
  x.c = x.b;
  x.b = x.b + rotate_left<kMd5Turns[kQuarter][i & 3]>(mixed);
}

// The groups' steps alternate: one step waits long for the step before it.
template <class Vector, int kGroups, int... i>
SLUICE_LANE_INLINE void md5_steps(Md5Lanes<Vector> (&groups)[kGroups], std::integer_sequence<int, i...>) {
  const auto step = [&]<int n>() __attribute__((always_inline)) {
    for (int g = 0; g < kGroups; ++g) md5_step<n>(groups[g]);
  };
  (step.template operator()<i>(), ...);
}

template <class Vector, int kGroups>
SLUICE_LANE_INLINE void md5_blocks(LaneBatch& batch, std::size_t blocks) {
  constexpr int kWidth = sizeof(Vector) / 4;
  Vector state[kGroups][4];
  for (int g = 0; g < kGroups; ++g) {
    for (int word = 0; word < 4; ++word) state[g][word] = load_word<Vector>(batch, word, g * kWidth);
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    Md5Lanes<Vector> x[kGroups];
    for (int g = 0; g < kGroups; ++g) {
      load_block(x[g].words, batch.data + g * kWidth, block * 64);
      x[g].a = state[g][0];
      x[g].b = state[g][1];
      x[g].c = state[g][2];
      x[g].d = state[g][3];
    }
    md5_steps(x, std::make_integer_sequence<int, 64>{});
    for (int g = 0; g < kGroups; ++g) {
      state[g][0] += x[g].a;
      state[g][1] += x[g].b;
      state[g][2] += x[g].c;
      state[g][3] += x[g].d;
    }
  }
  for (int g = 0; g < kGroups; ++g) {
    for (int word = 0; word < 4; ++word) store_word(batch, word, g * kWidth, state[g][word]);
  }
}

template <class Vector>
struct Sha256Lanes {
  Vector state[8];
  Vector words[16];
};

// The eight variables stay where they are and change names instead: a is
// state[-i], b state[1 - i] and so on, counted modulo eight.
template <int i, class Vector>
SLUICE_LANE_INLINE void sha256_step(Sha256Lanes<Vector>& x) {
  Vector& word = x.words[i & 15];
  if constexpr (i >= 16) {
    const Vector near = x.words[(i + 1) & 15];
    const Vector far = x.words[(i + 14) & 15];
    word += (rotate_left<25>(near) ^ rotate_left<14>(near) ^ (near >> 3)) + x.words[(i + 9) & 15] +
            (rotate_left<15>(far) ^ rotate_left<13>(far) ^ (far >> 10));
  }
  const Vector a = x.state[(64 - i) & 7];
  const Vector b = x.state[(65 - i) & 7];
  const Vector c = x.state[(66 - i) & 7];
  Vector& d = x.state[(67 - i) & 7];
  const Vector e = x.state[(68 - i) & 7];
  const Vector f = x.state[(69 - i) & 7];
  const Vector g = x.state[(70 - i) & 7];
  Vector& h = x.state[(71 - i) & 7];
  const Vector sum = h + (word + kSha256Roots[i]) + (rotate_left<26>(e) ^ rotate_left<21>(e) ^ rotate_left<7>(e)) +
                     (g ^ (e & (f ^ g)));
  d += sum;
  h = sum + (rotate_left<30>(a) ^ rotate_left<19>(a) ^ rotate_left<10>(a)) + ((a & b) | (c & (a | b)));
}

template <class Vector, int... i>
SLUICE_LANE_INLINE void sha256_steps(Sha256Lanes<Vector>& x, std::integer_sequence<int, i...>) {
  (sha256_step<i>(x), ...);
}

template <class Vector>
SLUICE_LANE_INLINE void sha256_blocks(LaneBatch& batch, std::size_t blocks) {
  Vector state[8];
  for (int word = 0; word < 8; ++word) state[word] = load_word<Vector>(batch, word, 0);
  for (std::size_t block = 0; block < blocks; ++block) {
    Sha256Lanes<Vector> x;
    load_block(x.words, batch.data, block * 64);
    for (Vector& word : x.words) word = from_big_endian(word);
    for (int word = 0; word < 8; ++word) x.state[word] = state[word];
    sha256_steps(x, std::make_integer_sequence<int, 64>{});
    for (int word = 0; word < 8; ++word) state[word] += x.state[word];
  }
  for (int word = 0; word < 8; ++word) store_word(batch, word, 0, state[word]);
}

#undef SLUICE_LANE_INLINE

}  // namespace
}  // namespace sluice

#include "gateway/core/crc64nvme.h"

#include <array>
#include <bit>
#include <cstring>

#include "gateway/core/digest.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sluice {
namespace {

constexpr std::uint64_t kPolynomial = 0x9A6C9329AC4BC9B5ULL;

using Tables = std::array<std::array<std::uint64_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < 8; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint64_t crc = tables[slice - 1][byte];
      tables[slice][byte] = crc >> 8 ^ tables[0][crc & 255];
    }
  }
  return tables;
}
constexpr Tables kTables = make_tables();

/// The register after `bytes`, without the inversions.
std::uint64_t advance(std::uint64_t state, std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little);
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    word ^= state;
    state = 0;
    for (std::size_t i = 0; i < 8; ++i) state ^= kTables[7 - i][word >> (8 * i) & 255];
    bytes.remove_prefix(8);
  }
  for (const char c : bytes) state = state >> 8 ^ kTables[0][(state ^ static_cast<unsigned char>(c)) & 255];
  return state;
}

#if defined(__x86_64__)
/// x^n modulo the polynomial, reflected: bit 63 is x^0.
constexpr std::uint64_t power_of_x(unsigned n) {
  std::uint64_t value = 1ULL << 63;
  for (; n != 0; --n) value = (value & 1) != 0 ? value >> 1 ^ kPolynomial : value >> 1;
  return value;
}

// A reflected carry-less product comes out one bit short, which the exponents
// make up for. A 128-bit register is low·x^64 + high; moving it on by `distance`
// bits multiplies each half by its own power.
template <unsigned distance>
__attribute__((target("pclmul,sse4.1"))) __m128i fold(__m128i state, __m128i data) {
  constexpr std::uint64_t kLow = power_of_x(distance + 64 - 1);
  constexpr std::uint64_t kHigh = power_of_x(distance - 1);
  const __m128i powers = _mm_set_epi64x(static_cast<long long>(kHigh), static_cast<long long>(kLow));
  const __m128i low = _mm_clmulepi64_si128(state, powers, 0x00);
  const __m128i high = _mm_clmulepi64_si128(state, powers, 0x11);
  return _mm_xor_si128(data, _mm_xor_si128(low, high));
}

__m128i load(const void* bytes) { return _mm_loadu_si128(static_cast<const __m128i*>(bytes)); }
#endif

}  // namespace

std::uint64_t crc64nvme_by_table(std::string_view bytes, std::uint64_t before) { return ~advance(~before, bytes); }

#if defined(__x86_64__)
__attribute__((target("pclmul,sse4.1"))) std::uint64_t crc64nvme_by_clmul(std::string_view bytes,
                                                                          std::uint64_t before) {
  if (bytes.size() < 128) return crc64nvme_by_table(bytes, before);

  std::array<__m128i, 4> lanes{};
  for (std::size_t i = 0; i < 4; ++i) lanes[i] = load(bytes.data() + 16 * i);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, std::bit_cast<std::int64_t>(~before)));
  bytes.remove_prefix(64);
  for (; bytes.size() >= 64; bytes.remove_prefix(64)) {
    for (std::size_t i = 0; i < 4; ++i) lanes[i] = fold<512>(lanes[i], load(bytes.data() + 16 * i));
  }
  __m128i state = lanes[0];
  for (std::size_t i = 1; i < 4; ++i) state = fold<128>(state, lanes[i]);
  for (; bytes.size() >= 16; bytes.remove_prefix(16)) state = fold<128>(state, load(bytes.data()));

  std::array<char, 16> rest{};
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), state);
  return ~advance(advance(0, std::string_view(rest.data(), rest.size())), bytes);
}

std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t before) {
  static const bool has_clmul = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  return has_clmul ? crc64nvme_by_clmul(bytes, before) : crc64nvme_by_table(bytes, before);
}
#else
std::uint64_t crc64nvme_by_clmul(std::string_view bytes, std::uint64_t before) {
  return crc64nvme_by_table(bytes, before);
}
std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t before) { return crc64nvme_by_table(bytes, before); }
#endif

}  // namespace sluice

#include "gateway/core/lane_hash.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "gateway/core/lane_plan.h"

namespace sluice {
namespace {

constexpr std::array<std::uint32_t, 8> kMd5Start = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
constexpr std::array<std::uint32_t, 8> kSha256Start = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// MD5 writes its numbers little-endian, SHA-256 big-endian.
template <class Number>
Number in_order(LaneAlgorithm algorithm, Number number) {
  const auto order = algorithm == LaneAlgorithm::md5 ? std::endian::little : std::endian::big;
  return order == std::endian::native ? number : std::byteswap(number);
}

}  // namespace

LaneHash::LaneHash(LaneAlgorithm algorithm)
    : algorithm_(algorithm), words_(algorithm == LaneAlgorithm::md5 ? kMd5Start : kSha256Start) {}

std::string_view LaneHash::absorb(std::string_view bytes) {
  const std::size_t filled = size_ % kBlockSize;
  size_ += bytes.size();
  if (filled != 0) {
    const std::size_t taken = bytes.copy(reinterpret_cast<char*>(&partial_[filled]), kBlockSize - filled);
    if (filled + taken < kBlockSize) return {};
    hash_blocks(algorithm_, words_.data(), partial_.data(), 1);
    bytes.remove_prefix(taken);
  }
  const std::size_t whole = bytes.size() / kBlockSize * kBlockSize;
  bytes.substr(whole).copy(reinterpret_cast<char*>(partial_.data()), kBlockSize);
  return bytes.substr(0, whole);
}

void LaneHash::update(std::string_view bytes) {
  const std::string_view whole = absorb(bytes);
  if (whole.empty()) return;
  hash_blocks(algorithm_, words_.data(), reinterpret_cast<const unsigned char*>(whole.data()),
              whole.size() / kBlockSize);
}

Digest LaneHash::finish() {
  const auto named = algorithm_ == LaneAlgorithm::md5 ? DigestAlgorithm::md5 : DigestAlgorithm::sha256;
  Digest digest{named, std::string(digest_size(named), '\0')};
  finish(digest.bytes);
  return digest;
}

void LaneHash::finish(std::span<char> digest) {
  // A bit, zeros, and the count of bits in the last eight bytes of a block.
  constexpr std::size_t kCountSize = sizeof(std::uint64_t);
  const std::size_t filled = size_ % kBlockSize;
  const std::size_t blocks = filled + 1 + kCountSize <= kBlockSize ? 1 : 2;
  const std::uint64_t bits = in_order(algorithm_, size_ * 8);
  std::array<unsigned char, 2 * kBlockSize> last{};
  std::copy_n(partial_.begin(), filled, last.begin());
  last[filled] = 0x80;
  std::memcpy(&last[blocks * kBlockSize - kCountSize], &bits, kCountSize);
  hash_blocks(algorithm_, words_.data(), last.data(), blocks);

  for (std::uint32_t& word : words_) word = in_order(algorithm_, word);
  std::memcpy(digest.data(), words_.data(), digest.size());
}

}  // namespace sluice

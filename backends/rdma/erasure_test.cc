#include "backends/rdma/erasure.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace sluice::rdma {
namespace {

using Bytes = std::vector<std::byte>;

// ---- the code by its definition, byte by byte

unsigned multiply(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; b != 0; b >>= 1U) {
    if ((b & 1U) != 0) product ^= a;
    a <<= 1U;
    if ((a & 0x100U) != 0) a ^= 0x11dU;
  }
  return product;
}

unsigned inverse(unsigned a) {
  unsigned found = 1;
  while (multiply(a, found) != 1) ++found;
  return found;
}

Bytes plain_parity(const std::vector<Bytes>& data, std::size_t fragment) {
  Bytes parity(data[0].size());
  for (std::size_t j = 0; j < data.size(); ++j) {
    const unsigned coefficient = inverse(static_cast<unsigned>(fragment ^ j));
    for (std::size_t n = 0; n < parity.size(); ++n) {
      parity[n] ^= static_cast<std::byte>(multiply(coefficient, std::to_integer<unsigned>(data[j][n])));
    }
  }
  return parity;
}

std::vector<Bytes> random_data(const Scheme& scheme, std::size_t length) {
  std::mt19937_64 random(length);
  std::vector<Bytes> data(scheme.data, Bytes(length));
  for (Bytes& one : data) std::ranges::generate(one, [&] { return static_cast<std::byte>(random()); });
  return data;
}

std::vector<Bytes> coded(const Scheme& scheme, std::vector<Bytes> data) {
  std::vector<KnownPart> known;
  for (std::size_t n = 0; n < data.size(); ++n) known.push_back({n, data[n]});
  std::vector<Bytes> parity(scheme.parity, Bytes(data[0].size()));
  std::vector<WantedPart> wanted;
  for (std::size_t n = 0; n < parity.size(); ++n) wanted.push_back({scheme.data + n, parity[n]});
  make_parts(scheme, known, wanted);
  data.insert(data.end(), parity.begin(), parity.end());
  return data;
}

// All that are lost, made of the last ones that are left (`last`) or the first.
bool comes_back(const Scheme& scheme, const std::vector<Bytes>& all, unsigned lost, bool last) {
  std::vector<KnownPart> known;
  std::vector<Bytes> made;
  std::vector<std::size_t> which;
  for (std::size_t n = 0; n < all.size(); ++n) {
    if ((lost >> n & 1U) == 0) {
      known.push_back({n, all[n]});
    } else {
      which.push_back(n);
      made.emplace_back(all[n].size(), std::byte{0xee});
    }
  }
  if (last) std::ranges::reverse(known);
  known.resize(scheme.data);
  std::vector<WantedPart> wanted;
  for (std::size_t n = 0; n < which.size(); ++n) wanted.push_back({which[n], made[n]});
  make_parts(scheme, known, wanted);
  for (std::size_t n = 0; n < which.size(); ++n) {
    if (made[n] != all[which[n]]) return false;
  }
  return true;
}

constexpr Scheme kBoth[] = {{4, 2}, {6, 3}};

}  // namespace

TEST_CASE("parity fragments are what the code's definition says") {
  for (const Scheme& scheme : kBoth) {
    for (const std::size_t length : {1UL, 15UL, 31UL, 64UL, 100UL, 4097UL}) {
      const auto data = random_data(scheme, length);
      const auto all = coded(scheme, data);
      for (std::size_t n = scheme.data; n < scheme.count(); ++n) CHECK(all[n] == plain_parity(data, n));
    }
  }
}

TEST_CASE("whatever is lost, up to as many fragments as there is parity, comes back") {
  for (const Scheme& scheme : kBoth) {
    std::size_t patterns = 0, wrong = 0;
    for (const std::size_t length : {1UL, 33UL, 4096UL, 65'537UL}) {
      const auto all = coded(scheme, random_data(scheme, length));
      for (unsigned lost = 1; lost < 1U << scheme.count(); ++lost) {
        if (std::popcount(lost) > scheme.parity) continue;
        ++patterns;
        if (!comes_back(scheme, all, lost, false) || !comes_back(scheme, all, lost, true)) ++wrong;
      }
    }
    CHECK(wrong == 0);
    CHECK(patterns == 4 * (scheme.data == 4 ? 21 : 129));
  }
}

TEST_CASE("fragments that are stored stay readable: the bytes of the code") {
  const Scheme scheme{4, 2};
  std::vector<Bytes> data;
  for (const unsigned byte : {1U, 2U, 3U, 0x80U}) data.push_back({static_cast<std::byte>(byte)});
  const auto all = coded(scheme, data);
  CHECK(std::to_integer<unsigned>(all[4][0]) == 0xc5);
  CHECK(std::to_integer<unsigned>(all[5][0]) == 0x31);
}

TEST_CASE("a scheme has a name, and there are two") {
  CHECK(scheme_of("4+2") == Scheme{4, 2});
  CHECK(scheme_of("6+3") == Scheme{6, 3});
  CHECK(to_text(Scheme{6, 3}) == "6+3");
  for (const char* text : {"", "4", "4+", "2+1", "4+2 ", "04+2", "6+2", "255+255"}) CHECK_FALSE(scheme_of(text));
}

}  // namespace sluice::rdma

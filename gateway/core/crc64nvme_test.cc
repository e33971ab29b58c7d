#include "gateway/core/crc64nvme.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "gateway/core/digest.h"

namespace sluice {
namespace {

std::string noise(std::size_t size) {
  std::mt19937 random(64);  // NOLINT: the same bytes at each run.
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random() & 255);
  return text;
}

/// The definition, a bit at a time.
std::uint64_t by_definition(std::string_view bytes) {
  std::uint64_t crc = ~std::uint64_t{0};
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x9A6C9329AC4BC9B5ULL : crc >> 1;
  }
  return ~crc;
}

bool has_clmul() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
#else
  return true;
#endif
}

}  // namespace

TEST_CASE("CRC-64/NVME of known texts is what the specification says") {
  CHECK(crc64nvme_by_table("123456789", 0) == 0xAE8B14860A799888ULL);
  CHECK(crc64nvme_by_table("", 0) == 0);
  // NVM Command Set Specification, 64b CRC examples: 4096 bytes of zeros and of ones.
  CHECK(crc64nvme(std::string(4096, '\0')) == 0x6482D367EB22B64EULL);
  CHECK(crc64nvme(std::string(4096, '\xff')) == 0xC0DDBA7302ECA3ACULL);
}

TEST_CASE("both ways of CRC-64/NVME agree with the definition at every length") {
  const std::string text = noise(700);
  for (std::size_t size = 0; size <= 600; ++size) {
    const auto part = std::string_view(text).substr(size % 17, size);
    const std::uint64_t expected = by_definition(part);
    CAPTURE(size);
    CHECK(crc64nvme_by_table(part, 0) == expected);
    if (has_clmul()) CHECK(crc64nvme_by_clmul(part, 0) == expected);
    CHECK(crc64nvme(part) == expected);
  }
}

TEST_CASE("CRC-64/NVME continues from any split") {
  const std::string text = noise(600);
  const std::uint64_t whole = by_definition(text);
  for (std::size_t split = 0; split <= text.size(); ++split) {
    const auto left = std::string_view(text).substr(0, split);
    const auto right = std::string_view(text).substr(split);
    CAPTURE(split);
    CHECK(crc64nvme_by_table(right, crc64nvme_by_table(left, 0)) == whole);
    if (has_clmul()) CHECK(crc64nvme_by_clmul(right, crc64nvme_by_clmul(left, 0)) == whole);
  }
}

}  // namespace sluice

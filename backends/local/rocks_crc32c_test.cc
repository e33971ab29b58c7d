#include "backends/local/rocks_crc32c.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

using sluice::local::crc32c_of_rocks;
using sluice::local::crc32c_that_rocks_calls;

TEST_CASE("RocksDB's calls of CRC32C come to the function that has the CPU's instruction") {
  REQUIRE(crc32c_of_rocks() != nullptr);
  REQUIRE(crc32c_that_rocks_calls() != nullptr);
  CHECK(crc32c_that_rocks_calls() != crc32c_of_rocks());
}

TEST_CASE("it gives what RocksDB's own gives, of every length and from every beginning") {
  REQUIRE(crc32c_of_rocks() != nullptr);
  std::minstd_rand random(1);
  std::string bytes(6000, '\0');
  for (char& c : bytes) c = static_cast<char>(random());

  for (std::size_t size = 0; size < 300; ++size) {
    const std::size_t at = size % 17;
    const auto before = static_cast<std::uint32_t>(random());
    CHECK(crc32c_that_rocks_calls()(before, bytes.data() + at, size) ==
          crc32c_of_rocks()(before, bytes.data() + at, size));
  }
  CHECK(crc32c_that_rocks_calls()(0, bytes.data(), bytes.size()) == crc32c_of_rocks()(0, bytes.data(), bytes.size()));
}

#include "backends/postgres/parameters.h"

#include <catch2/catch.hpp>

#include "gateway/core/encoding.h"

namespace sluice::postgres {
namespace {

TEST_CASE("numbers come back as they were") {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN, INT64_MAX, std::int64_t{0x0102}}) {
    CHECK(number(number(value)) == value);
  }
  CHECK(to_hex(*number(0x0102)) == "0000000000000102");
  CHECK(number(Field("short")) == std::nullopt);
  CHECK(number(Field()) == std::nullopt);
}

TEST_CASE("an array is its header and its elements with their lengths") {
  CHECK(to_hex(*byte_strings({"ab", ""})) ==
        "00000001"
        "00000000"
        "00000011"
        "00000002"
        "00000001"
        "00000002"
        "6162"
        "00000000");
  CHECK(to_hex(*numbers({7, std::nullopt})) ==
        "00000001"
        "00000001"
        "00000014"
        "00000002"
        "00000001"
        "00000008"
        "0000000000000007"
        "ffffffff");
  CHECK(to_hex(*truths({true, false})) ==
        "00000001"
        "00000000"
        "00000010"
        "00000002"
        "00000001"
        "00000001"
        "01"
        "00000001"
        "00");
}

TEST_CASE("an empty array has no dimension") {
  CHECK(to_hex(*byte_strings({})) ==
        "00000000"
        "00000000"
        "00000011");
}

}  // namespace
}  // namespace sluice::postgres

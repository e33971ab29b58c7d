#include "auth/address_range.h"

#include <catch2/catch.hpp>

namespace sluice::auth {
namespace {

bool contains(std::string_view range, std::string_view address) {
  return parse_address_range(range).value().contains(parse_address(address).value());
}

TEST_CASE("a range holds both its ends and what lies between") {
  CHECK(contains("168.1.5.60-168.1.5.70", "168.1.5.60"));
  CHECK(contains("168.1.5.60-168.1.5.70", "168.1.5.70"));
  CHECK_FALSE(contains("168.1.5.60-168.1.5.70", "168.1.5.59"));
  CHECK_FALSE(contains("168.1.5.60-168.1.5.70", "168.1.5.71"));
  CHECK(contains("9.255.255.255-10.0.0.1", "10.0.0.0"));
}

TEST_CASE("one address is a range of itself") {
  CHECK(contains("168.1.5.65", "168.1.5.65"));
  CHECK(contains("168.1.5.65", "::ffff:168.1.5.65"));
  CHECK_FALSE(contains("168.1.5.65", "168.1.5.66"));
  CHECK(contains("fe80::1", "fe80::1%eth0"));
}

TEST_CASE("what is no range is none") {
  for (const char* const text : {"", "-", "1.2.3", "1.2.3.4-", "-1.2.3.4", "1.2.3.9-1.2.3.4", "1.2.3.4/24", "1.2.3.256",
                                 "1.2.3.4-1.2.3.5-1.2.3.6", "host"}) {
    INFO(text);
    CHECK_FALSE(parse_address_range(text).has_value());
  }
}

}  // namespace
}  // namespace sluice::auth

#include "auth/date.h"

#include <catch2/catch.hpp>

namespace sluice::auth {

using std::chrono::seconds;
using std::chrono::sys_seconds;

TEST_CASE("a basic ISO 8601 date is read and written") {
  const auto time = parse_iso_basic("20130524T010203Z");

  REQUIRE(time);
  CHECK(*time == sys_seconds(seconds(1369357323)));
  CHECK(to_iso_basic(*time) == "20130524T010203Z");
  CHECK(to_iso_extended(*time) == "2013-05-24T01:02:03Z");
}

TEST_CASE("a date of RFC 1123 is read, whichever way its zone says UTC") {
  const auto time = parse_iso_basic("20130504T010203Z");

  CHECK(parse_rfc1123("Sat, 04 May 2013 01:02:03 GMT") == time);
  CHECK(parse_rfc1123("Sat, 4 May 2013 01:02:03 UTC") == time);
  CHECK(parse_rfc1123("Sat, 04 May 2013 01:02:03 +0000") == time);
  CHECK(parse_rfc1123("Sat, 04 May 2013 01:02:03 -0000") == time);
}

TEST_CASE("what is not a date in UTC is not read") {
  CHECK_FALSE(parse_iso_basic(""));
  CHECK_FALSE(parse_iso_basic("2013-05-24T00:00:00Z"));
  CHECK_FALSE(parse_iso_basic("20130524T000000"));
  CHECK_FALSE(parse_iso_basic("20130230T000000Z"));
  CHECK_FALSE(parse_iso_basic("20130524T240000Z"));
  CHECK_FALSE(parse_iso_basic("2013 524T000000Z"));
  CHECK_FALSE(parse_rfc1123(""));
  CHECK_FALSE(parse_rfc1123("Fri,"));
  CHECK_FALSE(parse_rfc1123("Fri, 24 May 2013 00:00:00"));
  CHECK_FALSE(parse_rfc1123("Fri, 24 May 2013 00:00:00 +0200"));
  CHECK_FALSE(parse_rfc1123("Fri, 24 Mai 2013 00:00:00 GMT"));
  CHECK_FALSE(parse_rfc1123("Fri, 31 Feb 2013 00:00:00 GMT"));
}

}  // namespace sluice::auth

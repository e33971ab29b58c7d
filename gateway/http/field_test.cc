#include "gateway/http/field.h"

#include <catch2/catch.hpp>
#include <limits>

namespace sluice::http {
namespace {

namespace chrono = std::chrono;
using chrono::sys_seconds;

constexpr sys_seconds kExample =
    chrono::sys_days(chrono::year(1994) / 11 / 6) + chrono::hours(8) + chrono::minutes(49) + chrono::seconds(37);
constexpr sys_seconds kNow = chrono::sys_days(chrono::year(2026) / 6 / 1);

TEST_CASE("all three forms of a date are one moment") {
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == kExample);
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow) == kExample);
  CHECK(parse_http_date("Sun Nov  6 08:49:37 1994") == kExample);
  CHECK(parse_http_date(" Sun, 06 Nov 1994 08:49:37 GMT ") == kExample);
}

TEST_CASE("a date is written as it is read") {
  CHECK(format_http_date(kExample) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(format_http_date(sys_seconds{}) == "Thu, 01 Jan 1970 00:00:00 GMT");
  for (int day = 0; day < 1000; ++day) {
    const sys_seconds time = kNow + chrono::days(day) + chrono::seconds(day * 37);
    REQUIRE(parse_http_date(format_http_date(time)) == time);
  }
}

TEST_CASE("a year of two digits lies no more than fifty years ahead") {
  const auto year_of = [](std::string_view digits) {
    const auto time = parse_http_date("Monday, 01-Jan-" + std::string(digits) + " 00:00:00 GMT", kNow);
    return static_cast<int>(chrono::year_month_day(chrono::floor<chrono::days>(time.value())).year());
  };
  CHECK(year_of("26") == 2026);
  CHECK(year_of("76") == 2076);
  CHECK(year_of("77") == 1977);
  CHECK(year_of("99") == 1999);
}

TEST_CASE("what is no date is nothing") {
  for (const auto* bad :
       {"", "yesterday", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT+1", "Son, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
        "1994-11-06T08:49:37Z", "Sun Nov 6 08:49:37 1994"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_http_date(bad));
  }
}

TEST_CASE("one range of bytes is read") {
  CHECK(parse_range("bytes=0-499") == RangeSpec{0, 499});
  CHECK(parse_range("bytes=9500-") == RangeSpec{9500, {}});
  CHECK(parse_range("bytes=-500") == RangeSpec{{}, 500});
  CHECK(parse_range("bytes=-0") == RangeSpec{{}, 0});
  CHECK(parse_range("bytes=5-5") == RangeSpec{5, 5});
  CHECK(parse_range(" Bytes=0-1 ") == RangeSpec{0, 1});
}

TEST_CASE("positions beyond every size are the largest") {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  CHECK(parse_range("bytes=0-99999999999999999999999") == RangeSpec{0, kMax});
  CHECK(parse_range("bytes=99999999999999999999999-") == RangeSpec{kMax, {}});
}

TEST_CASE("a range that is not one is ignored") {
  for (const auto* bad : {"", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "bytes=0-1,",
                          "lines=0-1", "bytes=0 - 1", "bytes=+0-1", "bytes=0--1", "bytes 0-1", "bytes=0x0-0x1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_range(bad));
  }
}

TEST_CASE("entity tags lose quotes and weakness") {
  using Tags = std::vector<std::string>;
  CHECK(parse_entity_tags("\"xyzzy\"").tags == Tags{"xyzzy"});
  CHECK(parse_entity_tags("W/\"xyzzy\"").tags == Tags{"xyzzy"});
  CHECK(parse_entity_tags("xyzzy").tags == Tags{"xyzzy"});
  CHECK(parse_entity_tags("\"a\", W/\"b\" ,c,\"d\"").tags == Tags{"a", "b", "c", "d"});
  CHECK(parse_entity_tags("\"a,b\"").tags == Tags{"a,b"});
  CHECK(parse_entity_tags("\"\"").tags == Tags{""});
  CHECK(parse_entity_tags("\"open").tags == Tags{"open"});
  CHECK(parse_entity_tags(" , ,").tags.empty());
}

TEST_CASE("a star is any tag, but a quoted one is a tag") {
  CHECK(parse_entity_tags("*").any);
  CHECK(parse_entity_tags(" * ").any);
  CHECK_FALSE(parse_entity_tags("\"*\"").any);
  CHECK_FALSE(parse_entity_tags("").any);
}

}  // namespace
}  // namespace sluice::http

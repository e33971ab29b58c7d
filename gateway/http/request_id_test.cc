#include "gateway/http/request_id.h"

#include <catch2/catch.hpp>
#include <set>

namespace sluice::http {
namespace {

TEST_CASE("ids are sixteen upper-case hex digits and do not repeat") {
  RequestIds ids;
  std::set<std::string> seen;
  std::string id;
  for (int i = 0; i < 1000; ++i) {
    ids.next(id);
    REQUIRE(id.size() == 16);
    REQUIRE(id.find_first_not_of("0123456789ABCDEF") == std::string::npos);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("two sequences start at different places") {
  RequestIds left, right;
  std::string a, b;
  left.next(a);
  right.next(b);
  CHECK(a != b);
}

}  // namespace
}  // namespace sluice::http

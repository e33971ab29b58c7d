#include "auth/target.h"

#include <catch2/catch.hpp>

namespace sluice::auth {

TEST_CASE("a target without a query is a path alone") {
  CHECK(Target("/b/k").path == "/b/k");
  CHECK(Target("/b/k").query.empty());
  CHECK(Target("/b/k?").path == "/b/k");
  CHECK(Target("/b/k?").query.empty());
  CHECK(Target("").path.empty());
}

TEST_CASE("a query is its pairs in the order they came, undecoded") {
  const Target target("/b/k?b=%20&a&=v&c=x=y?z");

  REQUIRE(target.query.size() == 4);
  CHECK(target.query[0].name == "b");
  CHECK(target.query[0].value == "%20");
  CHECK(target.query[1].name == "a");
  CHECK(target.query[1].value.empty());
  CHECK(target.query[2].name.empty());
  CHECK(target.query[2].value == "v");
  CHECK(target.query[3].name == "c");
  CHECK(target.query[3].value == "x=y?z");
}

TEST_CASE("empty pairs of a query are left out") {
  const Target target("/?&a=1&&b=2&");

  REQUIRE(target.query.size() == 2);
  CHECK(target.query[0].name == "a");
  CHECK(target.query[1].name == "b");
}

TEST_CASE("the first parameter of a name is found, in its own case") {
  const Target target("/?A=1&a=2&a=3");

  CHECK(target.find("a") == "2");
  CHECK(target.find("A") == "1");
  CHECK_FALSE(target.find("b"));
}

TEST_CASE("a plus is noticed in a query alone") {
  CHECK(Target("/a?b=+").query_has_plus);
  CHECK_FALSE(Target("/a+b?c=%2B").query_has_plus);
  CHECK_FALSE(Target("/a+b").query_has_plus);
}

}  // namespace sluice::auth

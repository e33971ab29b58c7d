#include "auth/credentials.h"

#include <catch2/catch.hpp>
#include <stdexcept>

namespace sluice::auth {
namespace {

User user(std::string access_key, std::string secret_key) {
  User made;
  made.name = "somebody";
  made.access_key = std::move(access_key);
  made.secret_key = std::move(secret_key);
  return made;
}

}  // namespace

TEST_CASE("a user is found by the access key, and nobody by another") {
  const Credentials credentials({user("one", "a"), user("two", "b")});

  REQUIRE(credentials.find("two"));
  CHECK(credentials.find("two")->secret_key == "b");
  CHECK_FALSE(credentials.find("three"));
  CHECK_FALSE(credentials.find(""));
  CHECK_FALSE(credentials.find("TWO"));
}

TEST_CASE("a users table with a repeated or empty key is refused") {
  CHECK_THROWS_AS(Credentials({user("one", "a"), user("one", "b")}), std::invalid_argument);
  CHECK_THROWS_AS(Credentials({user("", "a")}), std::invalid_argument);
  CHECK_THROWS_AS(Credentials({user("one", "")}), std::invalid_argument);
}

}  // namespace sluice::auth

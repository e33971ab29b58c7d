#include "gateway/core/fields.h"

#include <catch2/catch.hpp>

namespace sluice {
namespace {

Fields example() {
  Fields fields;
  fields.add("Host", "here");
  fields.add("X-Amz-Meta-A", "one");
  fields.add("x-amz-meta-a", "two");
  fields.add("Empty", "");
  return fields;
}

}  // namespace

TEST_CASE("fields keep the order and the case in which they came") {
  const Fields fields = example();

  REQUIRE(fields.size() == 4);
  CHECK(fields.at(1).name == "X-Amz-Meta-A");
  CHECK(fields.at(1).value == "one");
  CHECK(fields.at(2).name == "x-amz-meta-a");
  CHECK(fields.at(2).value == "two");
}

TEST_CASE("a field is found whatever the case of its name, the first of several") {
  const Fields fields = example();

  CHECK(fields.get("HOST") == "here");
  CHECK(fields.find("x-AMZ-meta-A") == "one");
  CHECK(fields.count("X-AMZ-META-A") == 2);
}

TEST_CASE("an empty field is there, an absent one is not") {
  const Fields fields = example();

  CHECK(fields.has("empty"));
  CHECK(fields.find("empty") == "");
  CHECK_FALSE(fields.has("absent"));
  CHECK(fields.get("absent").empty());
  CHECK(fields.count("absent") == 0);
  CHECK_FALSE(fields.has("hos"));
}

TEST_CASE("names that differ in the middle alone are told apart") {
  Fields fields = example();
  fields.add("x-amz-date", "now");

  CHECK_FALSE(fields.has("x-omz-date"));
  CHECK(fields.count("x-omz-date") == 0);
  CHECK(fields.find("X-Amz-Date") == "now");
}

TEST_CASE("the fields of a name are found one after the other") {
  const Fields fields = example();

  CHECK(fields.position("X-AMZ-META-A", 0) == 1);
  CHECK(fields.position("X-AMZ-META-A", 2) == 2);
  CHECK(fields.position("X-AMZ-META-A", 3) == fields.size());
  CHECK(fields.position("absent", 0) == fields.size());
}

TEST_CASE("cleared fields are none") {
  Fields fields = example();

  fields.clear();

  CHECK(fields.size() == 0);
  CHECK_FALSE(fields.has("host"));
}

}  // namespace sluice

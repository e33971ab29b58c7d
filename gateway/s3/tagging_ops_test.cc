#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"
#include "gateway/s3/tags.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Reply;

struct WithObject : Gateway {
  WithObject() {
    REQUIRE(put("/photos").status == 200);
    REQUIRE(put("/photos/a", "bar", {{"x-amz-tagging", "b=2&a=1%20&c"}}).status == 200);
  }
};

std::string tagging(const std::string& tags) { return "<Tagging><TagSet>" + tags + "</TagSet></Tagging>"; }

std::string tag(const std::string& key, const std::string& value) {
  return "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>";
}

std::string_view fault(const Outcome<object::Tags>& tags) {
  return tags ? std::string_view("none") : row_of(tags.error().code).name;
}

}  // namespace

TEST_CASE("an object has the tags it was put with, by key, and tells how many") {
  WithObject gateway;

  CHECK(gateway.get("/photos/a?tagging").has("<TagSet>" + tag("a", "1 ") + tag("b", "2") + tag("c", "") + "</TagSet>"));
  CHECK(gateway.get("/photos/a").header("x-amz-tagging-count") == "3");
  CHECK(gateway.head("/photos/a").header("x-amz-tagging-count") == "3");
}

TEST_CASE("tags are replaced and removed, and nothing else changes") {
  WithObject gateway;
  const auto etag = gateway.get("/photos/a").header("ETag");

  CHECK(gateway.put("/photos/a?tagging", tagging(tag("x", "y"))).status == 200);
  CHECK(gateway.get("/photos/a?tagging").has("<TagSet>" + tag("x", "y") + "</TagSet>"));
  CHECK(gateway.get("/photos/a").header("ETag") == etag);
  CHECK(gateway.del("/photos/a?tagging").status == 204);

  CHECK(gateway.get("/photos/a?tagging").has("<TagSet></TagSet>"));
  CHECK_FALSE(gateway.get("/photos/a").header("x-amz-tagging-count"));
  CHECK(gateway.get("/photos/a").body == "bar");
  CHECK(gateway.put("/photos/missing?tagging", tagging("")).element("Code") == "NoSuchKey");
}

TEST_CASE("tags that are refused leave those there are") {
  WithObject gateway;
  std::string many;
  for (int i = 0; i < 11; ++i) many += tag("k" + std::to_string(i), "v");

  CHECK(gateway.put("/photos/a?tagging", tagging(many)).element("Code") == "InvalidTag");
  CHECK(gateway.put("/photos/a?tagging", "<Tagging/>").element("Code") == "MalformedXML");
  CHECK(gateway.put("/photos/a", "new", {{"x-amz-tagging", "a=1&a=2"}}).element("Code") == "InvalidTag");

  CHECK(gateway.get("/photos/a").header("x-amz-tagging-count") == "3");
  CHECK(gateway.get("/photos/a").body == "bar");
}

TEST_CASE("a copy carries tags over, or has its own") {
  WithObject gateway;

  REQUIRE(gateway.put("/photos/same", "", {{"x-amz-copy-source", "photos/a"}}).status == 200);
  REQUIRE(gateway
              .put("/photos/other", "",
                   {{"x-amz-copy-source", "photos/a"},
                    {"x-amz-tagging-directive", "REPLACE"},
                    {"x-amz-tagging", "only=one"}})
              .status == 200);
  REQUIRE(gateway.put("/photos/a", "", {{"x-amz-copy-source", "photos/a"}, {"x-amz-tagging-directive", "REPLACE"}})
              .status == 200);

  CHECK(gateway.get("/photos/same").header("x-amz-tagging-count") == "3");
  CHECK(gateway.get("/photos/other?tagging").has("<TagSet>" + tag("only", "one") + "</TagSet>"));
  CHECK_FALSE(gateway.get("/photos/a").header("x-amz-tagging-count"));
  CHECK(gateway.put("/photos/b", "", {{"x-amz-copy-source", "photos/a"}, {"x-amz-tagging", "x=y"}}).status == 400);
}

TEST_CASE("a bucket has tags, or says that it has none") {
  WithObject gateway;

  CHECK(gateway.get("/photos?tagging").element("Code") == "NoSuchTagSet");
  CHECK(gateway.put("/photos?tagging", tagging(tag("team", "blue"))).status == 204);
  CHECK(gateway.get("/photos?tagging").has(tag("team", "blue")));
  CHECK(gateway.del("/photos?tagging").status == 204);
  CHECK(gateway.get("/photos?tagging").status == 404);
}

TEST_CASE("tags have limits") {
  const auto one = [](const std::string& key, const std::string& value) {
    return fault(read_tagging(tagging(tag(key, value)), kObjectTagsMax));
  };
  CHECK(one(std::string(128, 'k'), std::string(256, 'v')) == "none");
  CHECK(one("\xC3\xA4\xC3\xB6", "a b+-=._:/@9") == "none");
  CHECK(one(std::string(129, 'k'), "") == "InvalidTag");
  CHECK(one("k", std::string(257, 'v')) == "InvalidTag");
  CHECK(one("", "v") == "InvalidTag");
  CHECK(one("k", "semi;colon") == "InvalidTag");
  CHECK(one("aws:k", "v") == "InvalidTag");
  CHECK(fault(read_tagging(tagging("<Tag><Key>k</Key></Tag>"), 10)) == "MalformedXML");
  CHECK(fault(parse_tagging("a=%zz")) == "InvalidArgument");
  CHECK(parse_tagging("")->empty());
}

}  // namespace sluice::s3

#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/core/encoding.h"

namespace sluice::blob::test {
namespace {

std::string document(const Headers& tags) {
  std::string text = "<Tags><TagSet>";
  for (const auto& [key, value] : tags) {
    text += "<Tag><Key>" + key + "</Key><Value>" + value + "</Value></Tag>";
  }
  return text + "</TagSet></Tags>";
}

std::string where(const std::string& filter) { return "where=" + percent_encode(filter, false); }

/// A container "box", with a blob "cat".
struct TaggedGateway : Gateway {
  TaggedGateway() {
    REQUIRE(put("/box?restype=container").status == 201);
    REQUIRE(put_blob("/box/cat", "meow", {{"x-ms-tags", "kind=cat&full+name=M%2FB"}}).status == 201);
  }
};

}  // namespace

TEST_CASE("tags are given with a blob, read, replaced and taken away") {
  TaggedGateway gateway;
  const auto before = gateway.head("/box/cat");
  CHECK(before.header("x-ms-tag-count") == "2");
  CHECK(gateway.get("/box/cat?comp=tags").has("<Tag><Key>full name</Key><Value>M/B</Value></Tag>"));

  CHECK(gateway.put("/box/cat?comp=tags", document({{"kind", "dog"}})).status == 204);

  const auto tags = gateway.get("/box/cat?comp=tags");
  CHECK(tags.status == 200);
  CHECK(tags.element("Value") == "dog");
  CHECK_FALSE(tags.has("full name"));
  const auto after = gateway.head("/box/cat");
  CHECK(after.header("x-ms-tag-count") == "1");
  CHECK(after.header("ETag") == before.header("ETag"));
  CHECK(gateway.put("/box/cat?comp=tags", document({})).status == 204);
  CHECK_FALSE(gateway.head("/box/cat").header("x-ms-tag-count"));
  CHECK(gateway.get("/box/none?comp=tags").code() == "BlobNotFound");
  CHECK(gateway.put("/box/none?comp=tags", document({})).code() == "BlobNotFound");
}

TEST_CASE("tags that are none are refused, and change nothing") {
  TaggedGateway gateway;
  const auto set = [&](const Headers& tags) { return gateway.put("/box/cat?comp=tags", document(tags)).code(); };
  Headers eleven;
  for (int i = 0; i < 11; ++i) eleven.emplace_back("k" + std::to_string(i), "v");

  CHECK(set({{"", "v"}}) == "EmptyTagName");
  CHECK(set({{"a", "1"}, {"a", "2"}}) == "DuplicateTagNames");
  CHECK(set(eleven) == "TagsTooLarge");
  CHECK(set({{std::string(129, 'k'), ""}}) == "TagsTooLarge");
  CHECK(set({{"k", std::string(257, 'v')}}) == "TagsTooLarge");
  CHECK(set({{"k", "a*b"}}) == "InvalidTag");
  CHECK(gateway.put("/box/cat?comp=tags", "<Tags/>").code() == "InvalidXmlDocument");
  CHECK(gateway.put_blob("/box/cat", "x", {{"x-ms-tags", "nothing"}}).code() == "InvalidHeaderValue");
  CHECK(gateway.put_blob("/box/cat", "x", {{"x-ms-tags", "a=1&a=2"}}).code() == "DuplicateTagNames");
  CHECK(gateway.head("/box/cat").header("x-ms-tag-count") == "2");
  CHECK(gateway.get("/box/cat").body == "meow");
}

TEST_CASE("requests can depend on tags") {
  TaggedGateway gateway;
  const Headers cat{{"x-ms-if-tags", "\"kind\" = 'cat'"}};
  const Headers dog{{"x-ms-if-tags", "\"kind\" = 'dog'"}};

  CHECK(gateway.get("/box/cat", cat).body == "meow");
  CHECK(gateway.get("/box/cat", dog).code() == "ConditionNotMet");
  CHECK(gateway.head("/box/cat", dog).status == 412);
  CHECK(gateway.get("/box/none", cat).code() == "BlobNotFound");
  CHECK(gateway.put("/box/cat?comp=metadata", "", dog).code() == "ConditionNotMet");
  CHECK(gateway.put("/box/cat?comp=tags", document({}), dog).code() == "ConditionNotMet");
  CHECK(gateway.get("/box/cat?comp=tags", dog).code() == "ConditionNotMet");
  CHECK(gateway.put_blob("/box/cat", "x", dog).code() == "ConditionNotMet");
  CHECK(gateway.put_blob("/box/none", "x", cat).code() == "ConditionNotMet");
  CHECK(gateway.del("/box/cat", dog).code() == "ConditionNotMet");
  CHECK(gateway.get("/box/cat", {{"x-ms-if-tags", "kind"}}).code() == "InvalidHeaderValue");
  CHECK(gateway.del("/box/cat", cat).status == 202);
}

TEST_CASE("a copy has the tags it is given, or those of its source where it asks for them") {
  TaggedGateway gateway;
  const std::string source = "http://127.0.0.1:10000/alpha/box/cat";
  const auto copied = [&](Headers headers) {
    headers.emplace_back("x-ms-copy-source", source);
    return gateway.put("/box/copy", "", std::move(headers));
  };

  REQUIRE(copied({}).status == 202);
  CHECK_FALSE(gateway.head("/box/copy").header("x-ms-tag-count"));
  REQUIRE(copied({{"x-ms-tags", "a=1"}}).status == 202);
  CHECK(gateway.get("/box/copy?comp=tags").element("Key") == "a");
  const Headers keeps{{"x-ms-requires-sync", "true"}, {"x-ms-copy-source-tag-option", "COPY"}};
  REQUIRE(copied(keeps).status == 202);
  CHECK(gateway.head("/box/copy").header("x-ms-tag-count") == "2");
  auto both = keeps;
  both.emplace_back("x-ms-tags", "a=1");
  CHECK(copied(both).code() == "BothUserTagsAndSourceTagsCopyPresentException");
  CHECK(copied({{"x-ms-source-if-tags", "kind = 'dog'"}}).code() == "SourceConditionNotMet");
}

TEST_CASE("a listing shows tags where they are asked for") {
  TaggedGateway gateway;

  const auto with = gateway.get("/box?restype=container&comp=list&include=tags");
  CHECK(with.has("<Tags><TagSet><Tag><Key>full name</Key>"));
  CHECK(with.element("TagCount") == "2");
  CHECK_FALSE(gateway.get("/box?restype=container&comp=list").has("<Tags>"));
}

TEST_CASE("blobs are found by their tags") {
  TaggedGateway gateway;
  REQUIRE(gateway.put("/crate?restype=container").status == 201);
  REQUIRE(gateway.put_blob("/crate/tom", "meow", {{"x-ms-tags", "kind=cat"}}).status == 201);
  REQUIRE(gateway.put_blob("/crate/rex", "woof", {{"x-ms-tags", "kind=dog"}}).status == 201);
  REQUIRE(gateway.send({"PUT", "/theirs?restype=container", {}, "", "beta"}).status == 201);

  const auto all = gateway.get("/?comp=blobs&" + where("kind = 'cat'"));
  CHECK(all.status == 200);
  CHECK(
      all.has("<Blob><Name>cat</Name><ContainerName>box</ContainerName><Tags><TagSet><Tag><Key>kind</Key>"
              "<Value>cat</Value></Tag></TagSet></Tags></Blob>"));
  CHECK(all.has("<Name>tom</Name>"));
  CHECK_FALSE(all.has("rex"));
  CHECK(all.element("NextMarker").empty());

  const auto first = gateway.get("/?comp=blobs&maxresults=1&" + where("kind = 'cat'"));
  CHECK(first.has("<Name>cat</Name>"));
  CHECK_FALSE(first.has("<Name>tom</Name>"));
  const auto marker = "&marker=" + percent_encode(first.element("NextMarker"), false);
  const auto second = gateway.get("/?comp=blobs&maxresults=1&" + where("kind = 'cat'") + marker);
  CHECK(second.has("<Name>tom</Name>"));
  CHECK_FALSE(second.has("<Name>cat</Name>"));

  CHECK(gateway.get("/crate?restype=container&comp=blobs&" + where("kind > 'a'")).has("<Name>rex</Name>"));
  CHECK_FALSE(gateway.get("/?comp=blobs&" + where("@container = 'box' AND kind > 'a'")).has("<Name>rex</Name>"));
  CHECK(gateway.get("/?comp=blobs&" + where("@container = 'theirs' AND kind > 'a'")).status == 200);
  CHECK(gateway.get("/?comp=blobs").code() == "MissingRequiredQueryParameter");
  CHECK(gateway.get("/?comp=blobs&" + where("kind <> 'cat'")).code() == "InvalidQueryParameterValue");
}

TEST_CASE("a signature without the permission for tags tells nothing of them and writes none") {
  TaggedGateway gateway;
  const auto sas = container_sas(gateway, "box", "rwl");
  const auto tagging = container_sas(gateway, "box", "rwlt");
  const Headers type{{"x-ms-blob-type", "BlockBlob"}, {"x-ms-tags", "a=1"}};
  const Headers cat{{"x-ms-if-tags", "kind = 'cat'"}};

  CHECK(gateway.anonymous("PUT", "/box/new?" + sas, type, "x").code() == "AuthorizationPermissionMismatch");
  CHECK(gateway.anonymous("PUT", "/box/new?" + tagging, type, "x").status == 201);
  CHECK(gateway.anonymous("GET", "/box/cat?" + sas, cat).code() == "AuthorizationPermissionMismatch");
  CHECK(gateway.anonymous("GET", "/box/cat?" + tagging, cat).status == 200);
  CHECK(gateway.anonymous("GET", "/box/cat?comp=tags&" + sas).code() == "AuthorizationPermissionMismatch");
  CHECK(gateway.anonymous("GET", "/box/cat?comp=tags&" + tagging).status == 200);
  const std::string list = "/box?restype=container&comp=list&include=tags&";
  CHECK(gateway.anonymous("GET", list + sas).code() == "AuthorizationPermissionMismatch");
  CHECK(gateway.anonymous("GET", list + tagging).status == 200);
}

}  // namespace sluice::blob::test

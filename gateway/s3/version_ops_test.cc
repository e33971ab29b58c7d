#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Ask;
using test::Gateway;
using test::Reply;

std::string configuration(const std::string& status) {
  return "<VersioningConfiguration><Status>" + status + "</Status></VersioningConfiguration>";
}

/// A gateway with alice's versioned bucket in it.
struct Versioned : Gateway {
  Versioned() {
    REQUIRE(put("/photos").status == 200);
    REQUIRE(set("Enabled").status == 200);
  }
  Reply set(const std::string& status) { return put("/photos?versioning", configuration(status)); }
  std::string put_version(const std::string& key, const std::string& text) {
    return put("/photos/" + key, text).header("x-amz-version-id").value();
  }
};

}  // namespace

TEST_CASE("versioning is off, then enabled, then suspended") {
  Gateway gateway;
  gateway.put("/photos");

  CHECK(gateway.get("/photos?versioning").element("Status").empty());
  CHECK(gateway.put("/photos?versioning", configuration("Enabled")).status == 200);
  CHECK(gateway.get("/photos?versioning").element("Status") == "Enabled");
  CHECK(gateway.put("/photos?versioning", configuration("Suspended")).status == 200);
  CHECK(gateway.get("/photos?versioning").element("Status") == "Suspended");
}

TEST_CASE("a configuration that is none, or wants MFA, changes nothing") {
  Gateway gateway;
  gateway.put("/photos");

  CHECK(gateway.put("/photos?versioning", configuration("Off")).element("Code") == "MalformedXML");
  CHECK(gateway.put("/photos?versioning", "<VersioningConfiguration/>").element("Code") == "MalformedXML");
  CHECK(gateway
            .put("/photos?versioning",
                 "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
                 "</VersioningConfiguration>")
            .status == 501);
  CHECK(gateway.put("/photos?versioning", configuration("Enabled"), {{"x-amz-mfa", "1 2"}}).status == 501);
  CHECK(gateway.send({"PUT", "/photos?versioning", {}, configuration("Enabled"), "bob"}).status == 403);

  CHECK(gateway.get("/photos?versioning").element("Status").empty());
}

TEST_CASE("each put of a versioned bucket is a version that can be read, looked at and copied") {
  Versioned gateway;
  const auto first = gateway.put_version("a", "one");
  const auto second = gateway.put_version("a", "two");

  CHECK(first != second);
  CHECK(gateway.get("/photos/a").body == "two");
  CHECK(gateway.get("/photos/a").header("x-amz-version-id") == second);
  CHECK(gateway.get("/photos/a?versionId=" + first).body == "one");
  CHECK(gateway.head("/photos/a?versionId=" + first).header("x-amz-version-id") == first);
  const Reply attributes =
      gateway.get("/photos/a?attributes&versionId=" + first, {{"x-amz-object-attributes", "ObjectSize"}});
  CHECK(attributes.header("x-amz-version-id") == first);
  const Reply copied = gateway.put("/photos/b", "", {{"x-amz-copy-source", "photos/a?versionId=" + first}});
  CHECK(copied.header("x-amz-copy-source-version-id") == first);
  CHECK(copied.header("x-amz-version-id"));
  CHECK(gateway.get("/photos/b").body == "one");
  CHECK(gateway.put("/photos/a", "", {{"x-amz-copy-source", "photos/a?versionId=" + first}}).status == 200);
  CHECK(gateway.get("/photos/a").body == "one");
  CHECK(gateway.get("/photos/a?versionId=null").element("Code") == "NoSuchVersion");
}

TEST_CASE("a bucket without versioning tells no versions") {
  Gateway gateway;
  gateway.put("/photos");

  CHECK_FALSE(gateway.put("/photos/a", "one").header("x-amz-version-id"));
  CHECK_FALSE(gateway.get("/photos/a").header("x-amz-version-id"));
  CHECK(gateway.get("/photos/b").header("x-amz-delete-marker") == "false");
  const Reply removed = gateway.del("/photos/a");
  CHECK_FALSE(removed.header("x-amz-version-id"));
  CHECK_FALSE(removed.header("x-amz-delete-marker"));
}

TEST_CASE("a removal puts a delete marker, which is told and can be removed") {
  Versioned gateway;
  const auto first = gateway.put_version("a", "one");

  const Reply removed = gateway.del("/photos/a");
  CHECK(removed.status == 204);
  CHECK(removed.header("x-amz-delete-marker") == "true");
  const auto marker = removed.header("x-amz-version-id").value();
  const Reply gone = gateway.get("/photos/a");
  CHECK(gone.status == 404);
  CHECK(gone.element("Code") == "NoSuchKey");
  CHECK(gone.header("x-amz-delete-marker") == "true");
  CHECK(gone.header("x-amz-version-id") == marker);
  const Reply direct = gateway.get("/photos/a?versionId=" + marker);
  CHECK(direct.status == 405);
  CHECK(direct.header("x-amz-delete-marker") == "true");
  CHECK(gateway.head("/photos/a?versionId=" + marker).status == 405);
  CHECK(gateway.del("/photos").element("Code") == "BucketNotEmpty");

  const Reply undone = gateway.del("/photos/a?versionId=" + marker);
  CHECK(undone.status == 204);
  CHECK(undone.header("x-amz-delete-marker") == "true");
  CHECK(undone.header("x-amz-version-id") == marker);
  CHECK(gateway.get("/photos/a").body == "one");
  CHECK(gateway.del("/photos/a?versionId=" + first).status == 204);
  CHECK(gateway.del("/photos/a?versionId=" + first).status == 204);
  CHECK(gateway.del("/photos").status == 204);
}

TEST_CASE("versions and markers are listed, page by page") {
  Versioned gateway;
  const auto first = gateway.put_version("a", "one");
  const auto second = gateway.put_version("a", "two");
  gateway.del("/photos/a");
  gateway.put_version("b", "b");

  const Reply all = gateway.get("/photos?versions");
  CHECK(all.has("<DeleteMarker><Key>a</Key>"));
  CHECK(all.has("<Version><Key>a</Key><VersionId>" + second + "</VersionId><IsLatest>false</IsLatest>"));
  CHECK(all.body.find("<DeleteMarker>") < all.body.find(second));
  CHECK(all.body.find(second) < all.body.find(first));
  const Reply page = gateway.get("/photos?versions&max-keys=2");
  CHECK(page.element("NextKeyMarker") == "a");
  CHECK(page.element("NextVersionIdMarker") == second);
  const Reply next = gateway.get("/photos?versions&key-marker=a&version-id-marker=" + second);
  CHECK_FALSE(next.has(second + "</VersionId><IsLatest>"));
  CHECK(next.has("<Key>a</Key><VersionId>" + first));
  CHECK(next.has("<Key>b</Key>"));
  CHECK(gateway.get("/photos?list-type=2").element("Key") == "b");
  CHECK(gateway.get("/photos?versions&key-marker=a&version-id-marker=x").status == 400);
}

TEST_CASE("many versions and markers are removed at once") {
  Versioned gateway;
  const auto first = gateway.put_version("a", "one");
  const auto second = gateway.put_version("a", "two");
  const std::string body = "<Delete><Object><Key>a</Key><VersionId>" + first + "</VersionId></Object><Object><Key>a" +
                           "</Key><VersionId>" + second + "</VersionId></Object><Object><Key>b</Key></Object></Delete>";

  const Reply reply =
      gateway.post("/photos?delete", body, {{"Content-MD5", to_base64(digest_of(DigestAlgorithm::md5, body).bytes)}});

  CHECK(reply.has("<Deleted><Key>a</Key><VersionId>" + first + "</VersionId></Deleted>"));
  CHECK(reply.has("<Deleted><Key>b</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>"));
  CHECK_FALSE(gateway.get("/photos?versions").has("<Version>"));
}

TEST_CASE("tags are those of a version") {
  Versioned gateway;
  const auto first = gateway.put_version("a", "one");
  gateway.put_version("a", "two");
  const std::string tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";

  const Reply tagged = gateway.put("/photos/a?tagging&versionId=" + first, tags);

  CHECK(tagged.status == 200);
  CHECK(tagged.header("x-amz-version-id") == first);
  CHECK(gateway.get("/photos/a?tagging&versionId=" + first).has("<Key>k</Key>"));
  CHECK_FALSE(gateway.get("/photos/a?tagging").has("<Key>k</Key>"));
  const auto marker = gateway.del("/photos/a").header("x-amz-version-id").value();
  CHECK(gateway.get("/photos/a?tagging&versionId=" + marker).status == 405);
}

TEST_CASE("where versioning is suspended the null version is replaced") {
  Versioned gateway;
  const auto first = gateway.put_version("a", "one");
  REQUIRE(gateway.set("Suspended").status == 200);

  CHECK(gateway.put("/photos/a", "null").header("x-amz-version-id") == "null");
  CHECK(gateway.put("/photos/a", "null again").header("x-amz-version-id") == "null");
  CHECK(gateway.get("/photos/a?versionId=null").body == "null again");
  CHECK(gateway.get("/photos/a?versionId=" + first).body == "one");
  const Reply removed = gateway.del("/photos/a");
  CHECK(removed.header("x-amz-version-id") == "null");
  CHECK(removed.header("x-amz-delete-marker") == "true");
  CHECK(gateway.get("/photos/a?versionId=null").status == 405);
}

TEST_CASE("an upload is completed as a version, with its tags") {
  Versioned gateway;
  const Reply begun = gateway.post("/photos/a?uploads", "", {{"x-amz-tagging", "k=v"}});
  const auto upload = begun.element("UploadId");
  const Reply part = gateway.put("/photos/a?partNumber=1&uploadId=" + upload, "part");
  const Reply made = gateway.post("/photos/a?uploadId=" + upload,
                                  "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                                      part.header("ETag").value() + "</ETag></Part></CompleteMultipartUpload>");

  CHECK(made.status == 200);
  CHECK(gateway.get("/photos/a").header("x-amz-version-id") == made.header("x-amz-version-id"));
  CHECK(gateway.get("/photos/a").header("x-amz-tagging-count") == "1");
}

}  // namespace sluice::s3

#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Reply;

/// The texts of all elements of that name.
std::vector<std::string> all(const Reply& reply, const std::string& name) {
  std::vector<std::string> found;
  std::size_t at = 0;
  while ((at = reply.body.find("<" + name + ">", at)) != std::string::npos) {
    at += name.size() + 2;
    found.push_back(reply.body.substr(at, reply.body.find("</" + name + ">", at) - at));
  }
  return found;
}

using Names = std::vector<std::string>;

std::string encoded(const std::string& text) { return percent_encode(text, false); }

/// A gateway with a bucket of these keys.
struct WithKeys : Gateway {
  explicit WithKeys(const Names& keys) {
    REQUIRE(put("/b00").status == 200);
    for (const std::string& key : keys) REQUIRE(put("/b00/" + percent_encode(key, true), key).status == 200);
  }
};

/// The prefixes within CommonPrefixes.
Names prefixes(const Reply& reply) {
  Names found;
  for (const std::string& one : all(reply, "CommonPrefixes")) {
    found.push_back(one.substr(8, one.find("</Prefix>") - 8));
  }
  return found;
}

TEST_CASE("an empty bucket lists nothing") {
  WithKeys gateway({});

  const Reply reply = gateway.get("/b00");
  CHECK(reply.status == 200);
  CHECK(reply.header("x-amz-bucket-region") == "us-east-1");
  CHECK(
      reply.has("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b00</Name><Prefix>"
                "</Prefix><Marker></Marker><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
                "</ListBucketResult>"));
}

TEST_CASE("the first listing tells all about an object") {
  WithKeys gateway({"a"});

  const Reply reply = gateway.get("/b00");
  CHECK(
      reply.has("<Contents><Key>a</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>"
                "<ETag>\"0cc175b9c0f1b6a831c399e269772661\"</ETag><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>"
                "<ChecksumType>FULL_OBJECT</ChecksumType><Size>1</Size><Owner><ID>acct-alice</ID>"
                "<DisplayName>Alice</DisplayName></Owner><StorageClass>STANDARD</StorageClass></Contents>"));
}

TEST_CASE("the second listing tells owners only when asked") {
  WithKeys gateway({"a"});

  CHECK(gateway.get("/b00?list-type=2").has("<KeyCount>1</KeyCount>"));
  CHECK_FALSE(gateway.get("/b00?list-type=2").has("<Owner>"));
  CHECK_FALSE(gateway.get("/b00?list-type=2&fetch-owner=false").has("<Owner>"));
  CHECK(gateway.get("/b00?list-type=2&fetch-owner=true").has("<Owner><ID>acct-alice</ID>"));
  CHECK(gateway.get("/b00?list-type=3").element("Code") == "InvalidArgument");
}

TEST_CASE("a delimiter folds keys into prefixes") {
  WithKeys gateway({"foo/bar", "foo/bar/xyzzy", "quux/thud", "asdf"});

  for (const char* target : {"/b00?delimiter=%2F", "/b00?list-type=2&delimiter=%2F", "/b00?versions&delimiter=%2F"}) {
    CAPTURE(target);
    const Reply reply = gateway.get(target);
    CHECK(reply.element("Delimiter") == "/");
    CHECK(all(reply, "Key") == Names{"asdf"});
    CHECK(prefixes(reply) == Names{"foo/", "quux/"});
  }
}

TEST_CASE("an empty delimiter is none") {
  WithKeys gateway({"a/b"});

  const Reply reply = gateway.get("/b00?delimiter=&max-keys=1000&prefix=");
  CHECK(all(reply, "Key") == Names{"a/b"});
  CHECK_FALSE(reply.has("<Delimiter>"));
}

TEST_CASE("the first listing goes on at NextMarker") {
  WithKeys gateway({"asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla"});

  const Reply first = gateway.get("/b00?delimiter=%2F&max-keys=1");
  CHECK(first.element("IsTruncated") == "true");
  CHECK(first.element("NextMarker") == "asdf");
  const Reply second = gateway.get("/b00?delimiter=%2F&max-keys=1&marker=asdf");
  CHECK(prefixes(second) == Names{"boo/"});
  CHECK(second.element("NextMarker") == "boo/");
  const Reply third = gateway.get("/b00?delimiter=%2F&max-keys=1&marker=boo%2F");
  CHECK(prefixes(third) == Names{"cquux/"});
  CHECK(third.element("IsTruncated") == "false");
  CHECK_FALSE(third.has("NextMarker"));
}

TEST_CASE("without a delimiter there is no NextMarker") {
  WithKeys gateway({"a", "b"});

  const Reply reply = gateway.get("/b00?max-keys=1");
  CHECK(reply.element("IsTruncated") == "true");
  CHECK_FALSE(reply.has("NextMarker"));
}

TEST_CASE("the second listing goes on at its token") {
  WithKeys gateway({"bar", "baz", "foo", "quxx"});

  const Reply first = gateway.get("/b00?list-type=2&start-after=bar&max-keys=1");
  CHECK(all(first, "Key") == Names{"baz"});
  const std::string token = first.element("NextContinuationToken");
  const Reply second = gateway.get("/b00?list-type=2&start-after=bar&continuation-token=" + encoded(token));
  CHECK(all(second, "Key") == Names{"foo", "quxx"});
  CHECK(second.element("ContinuationToken") == token);
  CHECK(second.element("StartAfter") == "bar");
  CHECK(second.element("IsTruncated") == "false");
}

TEST_CASE("an empty token is the start, and a wrong one is refused") {
  WithKeys gateway({"bar", "baz"});

  const Reply reply = gateway.get("/b00?list-type=2&continuation-token=");
  CHECK(reply.has("<ContinuationToken></ContinuationToken>"));
  CHECK(all(reply, "Key") == Names{"bar", "baz"});
  CHECK(gateway.get("/b00?list-type=2&continuation-token=bar").element("Code") == "InvalidArgument");
}

TEST_CASE("max-keys is a number, at most 1000") {
  WithKeys gateway({"a", "b"});

  const Reply none = gateway.get("/b00?max-keys=0");
  CHECK(none.element("IsTruncated") == "false");
  CHECK(none.element("MaxKeys") == "0");
  CHECK(all(none, "Key").empty());
  CHECK(gateway.get("/b00?max-keys=5000").element("MaxKeys") == "1000");
  CHECK(gateway.get("/b00?max-keys=blah").element("Code") == "InvalidArgument");
  CHECK(gateway.get("/b00?max-keys=-1").element("Code") == "InvalidArgument");
  CHECK(gateway.get("/nowhere?max-keys=0").element("Code") == "NoSuchBucket");
}

TEST_CASE("keys are percent-encoded when asked, but for slashes") {
  WithKeys gateway({"foo+1/bar", "foo/bar/xyzzy", "quux ab/thud", "asdf+b", "\x01"});

  const Reply reply = gateway.get("/b00?delimiter=%2F&encoding-type=url");
  CHECK(reply.element("EncodingType") == "url");
  CHECK(reply.element("Delimiter") == "/");
  CHECK(all(reply, "Key") == Names{"%01", "asdf%2Bb"});
  CHECK(prefixes(reply) == Names{"foo%2B1/", "foo/", "quux%20ab/"});
  CHECK(gateway.get("/b00?encoding-type=url&prefix=a%0A").has("<Prefix>a&#xA;</Prefix>"));
  CHECK(gateway.get("/b00?encoding-type=url&prefix=a%01").has("<Prefix>a%01</Prefix>"));
  CHECK(gateway.get("/b00?list-type=2&encoding-type=url&prefix=a%0A").has("<Prefix>a%0A</Prefix>"));
  CHECK(gateway.get("/b00?encoding-type=base64").element("Code") == "InvalidArgument");
}

TEST_CASE("keys of any characters are listed as they are") {
  const Names keys{" ", "\"", "$", "%", "&", "'", "<", ">", "_", "_ ", "_ _", "__"};
  WithKeys gateway(keys);

  CHECK(all(gateway.get("/b00"), "Key") ==
        Names{" ", "\"", "$", "%", "&amp;", "'", "&lt;", "&gt;", "_", "_ ", "_ _", "__"});
  for (const std::string& key : keys) CHECK(gateway.get("/b00/" + encoded(key)).body == key);
}

TEST_CASE("every object is the one version of itself") {
  WithKeys gateway({"a", "b", "c"});

  const Reply first = gateway.get("/b00?versions&max-keys=2");
  CHECK(first.has("<Version><Key>a</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>"));
  CHECK(first.element("IsTruncated") == "true");
  CHECK(first.element("NextKeyMarker") == "b");
  CHECK(first.element("NextVersionIdMarker") == "null");
  const Reply second = gateway.get("/b00?versions&key-marker=b&version-id-marker=null");
  CHECK(all(second, "Key") == Names{"c"});
  CHECK(gateway.get("/b00?versions&version-id-marker=null").element("Code") == "InvalidArgument");
}

TEST_CASE("many objects are removed at once") {
  WithKeys gateway({"a", "b", "c<", " "});
  const std::string body =
      "<Delete><Object><Key>a</Key></Object><Object><Key>c&lt;</Key><VersionId>null</VersionId></Object>"
      "<Object><Key>missing</Key></Object><Object><Key> </Key></Object></Delete>";

  const Reply reply =
      gateway.post("/b00?delete", body, {{"Content-MD5", to_base64(digest_of(DigestAlgorithm::md5, body).bytes)}});

  CHECK(reply.status == 200);
  CHECK(all(reply, "Deleted") ==
        Names{"<Key>a</Key>", "<Key>c&lt;</Key><VersionId>null</VersionId>", "<Key>missing</Key>", "<Key> </Key>"});
  CHECK(all(gateway.get("/b00"), "Key") == Names{"b"});
}

TEST_CASE("a quiet removal tells only what failed") {
  WithKeys gateway({"a", "b"});
  const std::string body =
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet><Object><Key>a</Key></Object>"
      "<Object><Key>b</Key><ETag>\"bad\"</ETag></Object><Object><Key>b</Key><VersionId>v1</VersionId></Object>"
      "<Object><Key>b</Key><Size>1</Size></Object></Delete>";

  const Reply reply = gateway.post(
      "/b00?delete", body, {{"x-amz-checksum-crc32", to_base64(digest_of(DigestAlgorithm::crc32, body).bytes)}});

  CHECK_FALSE(reply.has("<Deleted>"));
  CHECK(all(reply, "Code") == Names{"PreconditionFailed", "NoSuchVersion", "NotImplemented"});
  CHECK(all(gateway.get("/b00"), "Key") == Names{"b"});
}

TEST_CASE("a removal of many needs a digest of its list, and a sound list") {
  WithKeys gateway({"a"});
  const auto code = [&](const std::string& body) {
    return gateway.post("/b00?delete", body, {{"Content-MD5", to_base64(digest_of(DigestAlgorithm::md5, body).bytes)}})
        .element("Code");
  };
  std::string many = "<Delete>";
  for (int i = 0; i < 1001; ++i) many += "<Object><Key>k" + std::to_string(i) + "</Key></Object>";

  CHECK(gateway.post("/b00?delete", "<Delete><Object><Key>a</Key></Object></Delete>").element("Code") ==
        "InvalidRequest");
  CHECK(gateway
            .post("/b00?delete", "<Delete><Object><Key>a</Key></Object></Delete>",
                  {{"Content-MD5", "rL0Y20xC+Fzt72VPzMSk2A=="}})
            .element("Code") == "BadDigest");
  CHECK(code(many + "</Delete>") == "MalformedXML");
  CHECK(code("<Delete/>") == "MalformedXML");
  CHECK(code("<Delete><Object/></Delete>") == "MalformedXML");
  CHECK(code("<Delete><Object><Key>a</Key><Force>yes</Force></Object></Delete>") == "MalformedXML");
  CHECK(gateway.get("/b00/a").status == 200);
}

}  // namespace
}  // namespace sluice::s3

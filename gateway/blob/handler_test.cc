#include "gateway/blob/handler.h"

#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

using test::Ask;
using test::container_sas;
using test::Gateway;
using test::Headers;
using test::Reply;

/// A gateway with alpha's container in it.
struct WithContainer : Gateway {
  WithContainer() { REQUIRE(put("/photos?restype=container").status == 201); }
};

std::string md5_of(const std::string& text) { return to_base64(digest_of(DigestAlgorithm::md5, text).bytes); }

TEST_CASE("every answer names its request, its version and its client's id") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "bar");

  for (const Reply& reply : {gateway.get("/photos/a", {{"x-ms-client-request-id", "mine"}}),
                             gateway.get("/photos/none", {{"x-ms-client-request-id", "mine"}}),
                             gateway.get("/photos/a?comp=what", {{"x-ms-client-request-id", "mine"}})}) {
    CHECK(reply.header("x-ms-request-id") == "01234567-89ab-cdef-0000-000000000000");
    CHECK(reply.header("x-ms-version") == "2026-04-06");
    CHECK(reply.header("x-ms-client-request-id") == "mine");
  }
  CHECK_FALSE(
      gateway.get("/photos/a", {{"x-ms-client-request-id", std::string(1025, 'x')}}).header("x-ms-client-request-id"));
}

TEST_CASE("what memory has is answered at once, to whoever may have it") {
  WithContainer gateway;
  REQUIRE(gateway.put_blob("/photos/cat", "meow", {{"x-ms-meta-a", "b"}}).status == 201);
  const auto answers_at_once = [&](const Ask& ask, unsigned status) {
    const int before = gateway.answered_at_once();
    CHECK(gateway.send(ask).status == status);
    return gateway.answered_at_once() != before;
  };
  CHECK(answers_at_once({"GET", "/photos/cat"}, 200));
  CHECK(answers_at_once({"HEAD", "/photos/cat"}, 200));
  CHECK(answers_at_once({"GET", "/photos/cat", {{"x-ms-range", "bytes=1-2"}}}, 206));
  CHECK(answers_at_once({"GET", "/photos/cat", {{"If-Match", "*"}}}, 200));

  CHECK_FALSE(answers_at_once({"GET", "/photos/cat", {{"x-ms-range", "bytes=9-"}}}, 416));
  CHECK_FALSE(answers_at_once({"GET", "/photos/cat", {{"If-Modified-Since", Gateway::kDate}}}, 304));
  CHECK_FALSE(
      answers_at_once({"GET", "/photos/cat", {{"x-ms-lease-id", "6b3b4b4e-0000-4000-8000-000000000001"}}}, 412));
  CHECK_FALSE(answers_at_once(
      {"GET", "/photos/cat", {{"x-ms-range", "bytes=1-2"}, {"x-ms-range-get-content-md5", "true"}}}, 206));
  CHECK_FALSE(answers_at_once({.method = "GET", .target = "/photos/cat", .sign = false}, 404));
  CHECK_FALSE(answers_at_once({.method = "GET", .target = "/photos/cat", .account = "beta"}, 404));
  CHECK_FALSE(answers_at_once({"GET", "/photos/dog"}, 404));
  CHECK_FALSE(answers_at_once({"GET", "/photos/cat?comp=tags"}, 200));
  CHECK_FALSE(answers_at_once({"GET", "/photos/cat?snapshot=2026-01-02T03:04:05.0000000Z"}, 404));

  REQUIRE(gateway.put_blob("/photos/cat", "purr").status == 201);
  CHECK(answers_at_once({"GET", "/photos/cat"}, 200));
  CHECK(gateway.get("/photos/cat").body == "purr");
  REQUIRE(gateway.del("/photos/cat").status == 202);
  CHECK_FALSE(answers_at_once({"GET", "/photos/cat"}, 404));
}

TEST_CASE("readers by a signature and of what is public are answered at once too") {
  WithContainer gateway;
  REQUIRE(gateway.put_blob("/photos/cat", "meow").status == 201);
  const auto answers_at_once = [&](const std::string& query, unsigned status, Headers headers = {}) {
    const int before = gateway.answered_at_once();
    const std::string target = "/photos/cat" + (query.empty() ? query : "?" + query);
    CHECK(gateway.anonymous("GET", target, std::move(headers)).status == status);
    CHECK(gateway.anonymous("HEAD", target).status == status);
    return gateway.answered_at_once() - before;
  };
  const std::string reading = container_sas(gateway, "photos", "r");
  CHECK(answers_at_once(reading, 200) == 2);
  CHECK(answers_at_once(container_sas(gateway, "photos", "w"), 403) == 0);
  CHECK(answers_at_once(container_sas(gateway, "photos", "r", "2026-01-02T03:04:05Z"), 403) == 0);
  CHECK(answers_at_once(container_sas(gateway, "others", "r"), 403) == 0);
  CHECK(answers_at_once(reading.substr(0, reading.size() - 8) + "AAAAAA%3D", 403) == 0);
  gateway.clock().set(gateway.clock().now() + std::chrono::days(2));
  CHECK(answers_at_once(reading, 403) == 0);

  CHECK(answers_at_once("", 404) == 0);
  REQUIRE(gateway.put("/photos?restype=container&comp=acl", {}, {{"x-ms-blob-public-access", "blob"}}).status == 200);
  CHECK(answers_at_once("", 200) == 2);
  REQUIRE(gateway.put("/photos?restype=container&comp=acl").status == 200);
  CHECK(answers_at_once("", 404) == 0);
}

TEST_CASE("a policy that a signature names counts at once, and is gone at once") {
  WithContainer gateway;
  REQUIRE(gateway.put_blob("/photos/cat", "meow").status == 201);
  const auto named = [&](const std::string& permission) {
    return gateway
        .put("/photos?restype=container&comp=acl",
             "<SignedIdentifiers><SignedIdentifier><Id>readers</Id><AccessPolicy><Expiry>2026-01-03T00:00:00Z</Expiry>"
             "<Permission>" +
                 permission + "</Permission></AccessPolicy></SignedIdentifier></SignedIdentifiers>")
        .status;
  };
  const std::string target = "/photos/cat?" + policy_sas(gateway, "photos", "readers");

  CHECK(named("r") == 200);
  int before = gateway.answered_at_once();
  CHECK(gateway.anonymous("GET", target).body == "meow");
  CHECK(gateway.answered_at_once() == before + 1);
  CHECK(named("w") == 200);
  CHECK(gateway.anonymous("GET", target).status == 403);
  CHECK(gateway.put("/photos?restype=container&comp=acl").status == 200);
  CHECK(gateway.anonymous("GET", target).status == 403);
  CHECK(gateway.answered_at_once() == before + 1);
}

TEST_CASE("what is told of a blob at once is told as it is at that time") {
  WithContainer gateway;
  REQUIRE(gateway.put_blob("/photos/cat", "meow", {{"x-ms-blob-content-type", "text/plain"}}).status == 201);
  const auto header = [&](const std::string& name) { return gateway.get("/photos/cat").header(name); };
  CHECK(header("x-ms-lease-state") == "available");
  CHECK(header("x-ms-access-tier") == "Hot");
  CHECK(gateway.get("/photos/cat", {{"x-ms-range", "bytes=0-0"}}).header("x-ms-blob-content-md5"));
  CHECK_FALSE(gateway.get("/photos/cat", {{"x-ms-range", "bytes=0-0"}}).header("Content-MD5"));

  REQUIRE(gateway.put("/photos/cat?comp=lease", {}, {{"x-ms-lease-action", "acquire"}, {"x-ms-lease-duration", "15"}})
              .status == 201);
  CHECK(header("x-ms-lease-state") == "leased");
  CHECK(header("x-ms-lease-state") == "leased");
  gateway.clock().set(gateway.clock().now() + std::chrono::seconds(16));
  CHECK(header("x-ms-lease-state") == "expired");

  const std::string instead =
      gateway.anonymous("GET", "/photos/cat?" + typed_sas(gateway, "photos", "text/html")).lines;
  CHECK(instead.contains("Content-Type: text/html\r\n"));
  CHECK(header("Content-Type") == "text/plain");
}

TEST_CASE("any version from 2009 on is taken, and a newer one than is known") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "bar");

  CHECK(gateway.get("/photos/a", {{"x-ms-version", "2015-02-21"}}).status == 200);
  CHECK(gateway.get("/photos/a", {{"x-ms-version", "2031-12-31"}}).header("x-ms-version") == "2031-12-31");
  CHECK(gateway.get("/photos/a", {{"x-ms-version", "2008-01-01"}}).code() == "InvalidHeaderValue");
  CHECK(gateway.get("/photos/a", {{"x-ms-version", "latest"}}).code() == "InvalidHeaderValue");
}

TEST_CASE("a blob is put, read, looked at and removed") {
  WithContainer gateway;

  const Reply put = gateway.put_blob("/photos/a/cat.jpg", "bar",
                                     {{"x-ms-blob-content-type", "image/jpeg"},
                                      {"Content-Type", "application/octet-stream"},
                                      {"x-ms-meta-Album", "cats"}});
  CHECK(put.status == 201);
  CHECK(put.header("Content-MD5") == md5_of("bar"));
  CHECK(put.header("ETag")->starts_with("\"0x"));

  const Reply got = gateway.get("/photos/a/cat.jpg");
  CHECK(got.status == 200);
  CHECK(got.body == "bar");
  CHECK(got.header("ETag") == put.header("ETag"));
  CHECK(got.header("Last-Modified") == "Fri, 02 Jan 2026 03:04:05 GMT");
  CHECK(got.header("Content-Type") == "image/jpeg");
  CHECK(got.header("Content-MD5") == md5_of("bar"));
  CHECK(got.header("x-ms-blob-type") == "BlockBlob");
  CHECK(got.header("x-ms-meta-Album") == "cats");
  CHECK(got.context.operation == "GetBlob");
  CHECK(got.context.principal == "acct-alice");

  const Reply head = gateway.head("/photos/a/cat.jpg");
  CHECK(head.status == 200);
  CHECK(head.content_length == 3);
  CHECK(head.body.empty());

  CHECK(gateway.del("/photos/a/cat.jpg").status == 202);
  CHECK(gateway.del("/photos/a/cat.jpg").code() == "BlobNotFound");
  const Reply gone = gateway.get("/photos/a/cat.jpg");
  CHECK(gone.status == 404);
  CHECK(gone.code() == "BlobNotFound");
  CHECK(gone.element("Code") == "BlobNotFound");
  const Reply none = gateway.head("/photos/a/cat.jpg");
  CHECK(none.status == 404);
  CHECK(none.code() == "BlobNotFound");
  CHECK(none.body.empty());
}

TEST_CASE("a range is read by x-ms-range before Range, and is always partial") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "0123456789");
  gateway.put_blob("/photos/empty", "");

  const Reply part = gateway.get("/photos/a", {{"Range", "bytes=0-0"}, {"x-ms-range", "bytes=2-4"}});
  CHECK(part.status == 206);
  CHECK(part.body == "234");
  CHECK(part.header("Content-Range") == "bytes 2-4/10");
  CHECK(part.header("x-ms-blob-content-md5") == md5_of("0123456789"));
  CHECK_FALSE(part.header("Content-MD5"));
  CHECK(gateway.get("/photos/a", {{"x-ms-range", "bytes=0-"}}).status == 206);
  CHECK(gateway.get("/photos/a", {{"x-ms-range", "bytes=10-"}}).code() == "InvalidRange");
  CHECK(gateway.get("/photos/empty", {{"x-ms-range", "bytes=0-9"}}).code() == "InvalidRange");
  CHECK(gateway.get("/photos/a", {{"x-ms-range", "lines=1"}}).code() == "InvalidHeaderValue");
}

TEST_CASE("the digest of a range is told where it is asked for") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "0123456789");

  const Reply md5 = gateway.get("/photos/a", {{"x-ms-range", "bytes=2-4"}, {"x-ms-range-get-content-md5", "true"}});
  CHECK(md5.body == "234");
  CHECK(md5.header("Content-MD5") == md5_of("234"));
  const Reply crc = gateway.get("/photos/a", {{"x-ms-range", "bytes=0-8"}, {"x-ms-range-get-content-crc64", "true"}});
  CHECK(crc.body == "012345678");
  CHECK(from_base64(crc.header("x-ms-content-crc64").value_or(""))->size() == 8);
  CHECK(gateway.get("/photos/a", {{"x-ms-range-get-content-md5", "true"}}).code() == "InvalidHeaderValue");
  CHECK(gateway
            .get("/photos/a", {{"x-ms-range", "bytes=2-4"},
                               {"x-ms-range-get-content-md5", "true"},
                               {"x-ms-range-get-content-crc64", "true"}})
            .status == 400);
}

TEST_CASE("a body is held to the digests that came with it") {
  WithContainer gateway;

  CHECK(gateway.put_blob("/photos/a", "bar", {{"Content-MD5", md5_of("baz")}}).code() == "Md5Mismatch");
  CHECK(gateway.put_blob("/photos/a", "bar", {{"Content-MD5", "short"}}).code() == "InvalidMd5");
  CHECK(gateway.put_blob("/photos/a", "bar", {{"x-ms-blob-content-md5", md5_of("baz")}}).code() == "Md5Mismatch");
  CHECK(gateway.put_blob("/photos/a", "bar", {{"x-ms-content-crc64", "AAAAAAAAAAA="}}).code() == "Crc64Mismatch");
  CHECK(gateway.get("/photos/a").status == 404);
  CHECK(gateway.put_blob("/photos/a", "bar", {{"Content-MD5", md5_of("bar")}}).status == 201);
}

TEST_CASE("conditions have this protocol's codes") {
  WithContainer gateway;
  const std::string tag = gateway.put_blob("/photos/a", "bar").header("ETag").value();
  const Headers other{{"If-Match", "\"0x1\""}};

  CHECK(gateway.get("/photos/a", {{"If-Match", tag}}).status == 200);
  CHECK(gateway.get("/photos/a", other).code() == "ConditionNotMet");
  CHECK(gateway.get("/photos/none", other).status == 412);
  const Reply same = gateway.get("/photos/a", {{"If-None-Match", tag}});
  CHECK(same.status == 304);
  CHECK(same.code() == "ConditionNotMet");
  CHECK(same.body.empty());
  CHECK(gateway.get("/photos/a", {{"If-None-Match", "*"}}).code() == "UnsatisfiableCondition");
  CHECK(gateway.get("/photos/a", {{"If-Modified-Since", "yesterday"}}).code() == "InvalidHeaderValue");

  CHECK(gateway.put_blob("/photos/a", "new", {{"If-None-Match", "*"}}).code() == "BlobAlreadyExists");
  CHECK(gateway.put_blob("/photos/a", "new", other).code() == "ConditionNotMet");
  CHECK(gateway.put_blob("/photos/none", "new", other).code() == "ConditionNotMet");
  CHECK(gateway.put_blob("/photos/a", "new", {{"If-Match", tag}, {"If-None-Match", "\"x\""}}).code() ==
        "MultipleConditionHeadersNotSupported");
  CHECK(gateway.del("/photos/a", other).code() == "ConditionNotMet");
  CHECK(gateway.get("/photos/a").body == "bar");
  CHECK(gateway.put_blob("/photos/a", "new", {{"If-Match", tag}}).status == 201);
  CHECK(gateway.get("/photos/a").body == "new");
}

TEST_CASE("metadata has names of programs, and bounds") {
  WithContainer gateway;

  CHECK(gateway.put_blob("/photos/a", "", {{"x-ms-meta-a-b", "1"}}).code() == "InvalidMetadata");
  CHECK(gateway.put_blob("/photos/a", "", {{"x-ms-meta-1a", "1"}}).code() == "InvalidMetadata");
  CHECK(gateway.put_blob("/photos/a", "", {{"x-ms-meta-big", std::string(8193, 'x')}}).code() == "MetadataTooLarge");
}

TEST_CASE("a container is made, described and deleted with what is in it") {
  WithContainer gateway;
  CHECK(gateway.put("/photos?restype=container").code() == "ContainerAlreadyExists");
  CHECK(gateway.put("/Photos?restype=container").code() == "InvalidResourceName");
  CHECK(gateway.put("/a--b?restype=container").code() == "InvalidResourceName");
  CHECK(gateway.get("/Photos/cat").code() == "InvalidResourceName");
  CHECK(gateway.del("/a--b?restype=container").code() == "InvalidResourceName");
  CHECK(gateway.anonymous("GET", "/Photos/cat").code() == "ResourceNotFound");
  CHECK(gateway.put("/$root?restype=container").status == 201);

  CHECK(gateway.put("/photos?restype=container&comp=metadata", "", {{"x-ms-meta-Team", "cats"}}).status == 200);
  const Reply got = gateway.get("/photos?restype=container");
  CHECK(got.status == 200);
  CHECK(got.header("x-ms-meta-Team") == "cats");
  CHECK(got.header("x-ms-lease-state") == "available");
  gateway.put_blob("/photos/a", "bar");

  CHECK(gateway.del("/photos?restype=container").status == 202);
  CHECK(gateway.head("/photos?restype=container").code() == "ContainerNotFound");
  CHECK(gateway.get("/photos/a").code() == "ContainerNotFound");
  CHECK(gateway.put("/photos?restype=container").status == 201);
  CHECK(gateway.get("/photos/a").code() == "BlobNotFound");
}

TEST_CASE("a blob may be in the root container") {
  Gateway gateway;
  REQUIRE(gateway.put("/$root?restype=container").status == 201);

  CHECK(gateway.put_blob("/logo.png", "bar").status == 201);

  CHECK(gateway.get("/logo.png").body == "bar");
  CHECK(gateway.get("/$root/logo.png").body == "bar");
}

TEST_CASE("containers are listed page by page") {
  Gateway gateway;
  for (const char* name : {"aaa", "bbb", "bbc"}) {
    REQUIRE(gateway.put("/" + std::string(name) + "?restype=container", "", {{"x-ms-meta-n", name}}).status == 201);
  }

  const Reply first = gateway.get("/?comp=list&maxresults=2&include=metadata");
  CHECK(first.status == 200);
  CHECK(first.has("<Name>aaa</Name>"));
  CHECK(first.has("<n>bbb</n>"));
  CHECK_FALSE(first.has("bbc"));
  CHECK(first.has("ServiceEndpoint=\"http://127.0.0.1:10000/alpha/\""));
  const Reply second = gateway.get("/?comp=list&marker=" + percent_encode(first.element("NextMarker"), false));
  CHECK(second.has("<Name>bbc</Name>"));
  CHECK(second.has("<NextMarker></NextMarker>"));
  CHECK_FALSE(gateway.get("/?comp=list&prefix=bb").has("aaa"));
  CHECK(gateway.get("/?comp=list&include=what").code() == "InvalidQueryParameterValue");
  CHECK(gateway.get("/?comp=list&maxresults=0").code() == "OutOfRangeQueryParameterValue");
}

TEST_CASE("blobs are listed flat and by folder, in one order") {
  WithContainer gateway;
  for (const char* name : {"a/1", "a/2", "b", "c/1", "d%01"}) gateway.put_blob("/photos/" + std::string(name), "x");

  const Reply flat = gateway.get("/photos?restype=container&comp=list&maxresults=3");
  CHECK(flat.has("<Name>a/1</Name>"));
  CHECK(flat.has("<Content-MD5>" + md5_of("x") + "</Content-MD5>"));
  CHECK(flat.has("<Etag>0x"));
  const Reply rest =
      gateway.get("/photos?restype=container&comp=list&marker=" + percent_encode(flat.element("NextMarker"), false));
  CHECK(rest.has("<Name>c/1</Name>"));
  CHECK(rest.has("<Name Encoded=\"true\">d%01</Name>"));
  const Reply folders = gateway.get("/photos?restype=container&comp=list&delimiter=/");
  CHECK(folders.has("<BlobPrefix><Name>a/</Name></BlobPrefix><Blob><Name>b</Name>"));
  CHECK(folders.has("<Delimiter>/</Delimiter>"));
}

TEST_CASE("an account sees its own containers alone") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "bar");
  const auto as_beta = [&](const std::string& method, const std::string& target) {
    return gateway.send({.method = method, .target = target, .headers = {}, .body = {}, .account = "beta"}).code();
  };

  CHECK(as_beta("GET", "/photos/a") == "ContainerNotFound");
  CHECK(as_beta("DELETE", "/photos?restype=container") == "ContainerNotFound");
  CHECK(as_beta("PUT", "/photos?restype=container") == "ContainerAlreadyExists");
  CHECK_FALSE(gateway.send({.method = "GET", .target = "/?comp=list", .headers = {}, .body = {}, .account = "beta"})
                  .has("photos"));
}

TEST_CASE("a wrong signature, an unknown account and another scheme are refused") {
  WithContainer gateway;
  const auto with = [&](const std::string& authorization) {
    return gateway.anonymous("GET", "/photos/a", {{"Authorization", authorization}, {"x-ms-date", Gateway::kDate}});
  };

  const Reply wrong = with("SharedKey alpha:" + to_base64(std::string(32, 'x')));
  CHECK(wrong.status == 403);
  CHECK(wrong.code() == "AuthenticationFailed");
  CHECK(wrong.has("string to sign"));
  CHECK(with("SharedKey alpha").code() == "InvalidAuthenticationInfo");
  CHECK(with("Basic abc").code() == "InvalidAuthenticationInfo");
  const Reply bearer = with("Bearer abc");
  CHECK(bearer.status == 401);
  CHECK(bearer.header("WWW-Authenticate"));
}

TEST_CASE("a stranger reads what is public, and learns of nothing else") {
  Gateway gateway;
  REQUIRE(gateway.put("/open?restype=container", "", {{"x-ms-blob-public-access", "blob"}}).status == 201);
  REQUIRE(gateway.put("/wide?restype=container", "", {{"x-ms-blob-public-access", "container"}}).status == 201);
  REQUIRE(gateway.put("/shut?restype=container").status == 201);
  for (const char* name : {"open", "wide", "shut"}) gateway.put_blob("/" + std::string(name) + "/a", "bar");

  CHECK(gateway.anonymous("GET", "/open/a").body == "bar");
  CHECK(gateway.anonymous("GET", "/wide/a").body == "bar");
  CHECK(gateway.anonymous("GET", "/shut/a").code() == "ResourceNotFound");
  CHECK(gateway.anonymous("GET", "/missing/a").code() == "ResourceNotFound");
  CHECK(gateway.anonymous("GET", "/open?restype=container&comp=list").code() == "ResourceNotFound");
  CHECK(gateway.anonymous("GET", "/wide?restype=container&comp=list").status == 200);
  CHECK(gateway.anonymous("PUT", "/wide/b", {{"x-ms-blob-type", "BlockBlob"}}, "x").code() ==
        "NoAuthenticationInformation");
  CHECK(gateway.anonymous("DELETE", "/wide/a").status == 401);
  CHECK(gateway.anonymous("GET", "/?comp=list").status == 401);
  CHECK(gateway.put("/xyz?restype=container", "", {{"x-ms-blob-public-access", "all"}}).code() == "InvalidHeaderValue");
}

TEST_CASE("a shared access signature allows what it says, while it lasts") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "bar");
  const std::string reading = container_sas(gateway, "photos", "r");

  CHECK(gateway.anonymous("GET", "/photos/a?" + reading).body == "bar");
  CHECK(gateway.anonymous("DELETE", "/photos/a?" + reading).code() == "AuthorizationPermissionMismatch");
  CHECK(gateway.anonymous("GET", "/photos?restype=container&comp=list&" + reading).code() ==
        "AuthorizationPermissionMismatch");
  CHECK(gateway.anonymous("GET", "/other/a?" + reading).code() == "AuthenticationFailed");
  CHECK(gateway.anonymous("GET", "/photos/a?" + container_sas(gateway, "photos", "r", "2026-01-01T00:00:00Z")).code() ==
        "AuthenticationFailed");
  CHECK(gateway.anonymous("GET", "/photos?restype=container&comp=list&" + container_sas(gateway, "photos", "l"))
            .has("<Name>a</Name>"));

  const std::string creating = container_sas(gateway, "photos", "c");
  const Headers type{{"x-ms-blob-type", "BlockBlob"}};
  CHECK(gateway.anonymous("PUT", "/photos/new?" + creating, type, "x").status == 201);
  CHECK(gateway.anonymous("PUT", "/photos/new?" + creating, type, "y").code() == "UnauthorizedBlobOverwrite");
  CHECK(gateway.get("/photos/new").body == "x");
}

TEST_CASE("the secondary address reads and never writes") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "bar");
  const std::string sas = container_sas(gateway, "photos", "rw");
  const auto on_secondary = [&](const std::string& method) {
    return gateway.send({.method = method,
                         .target = "/photos/a?" + sas,
                         .headers = method == "PUT" ? Headers{{"x-ms-blob-type", "BlockBlob"}} : Headers{},
                         .body = {},
                         .account = "alpha-secondary",
                         .sign = false});
  };

  CHECK(on_secondary("GET").body == "bar");
  CHECK(on_secondary("PUT").code() == "InsufficientAccountPermissions");
}

TEST_CASE("what is not served says so, and what would be ignored is refused") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "bar");

  const Reply refused = gateway.post("/photos/a?comp=query");
  CHECK(refused.status == 501);
  CHECK(refused.code() == "NotImplemented");
  CHECK(refused.has("QueryBlobContents"));
  CHECK(gateway.put_blob("/photos/a", "new", {{"x-ms-encryption-scope", "s"}}).code() == "UnsupportedHeader");
  CHECK(gateway.put_blob("/photos/a", "new", {{"x-ms-structured-body", "XSM/1.0; properties=crc64"}}).status == 400);
  CHECK(gateway.get("/photos/a").body == "bar");
  CHECK(gateway
            .send({.method = "PUT",
                   .target = "/photos/b",
                   .headers = {{"x-ms-blob-type", "BlockBlob"}},
                   .body = {},
                   .account = "alpha",
                   .sign = true,
                   .bodyless = true})
            .code() == "MissingContentLengthHeader");
}

TEST_CASE("the account tells what it is") {
  Gateway gateway;

  const Reply information = gateway.get("/?restype=account&comp=properties");
  CHECK(information.header("x-ms-sku-name") == "Standard_LRS");
  CHECK(information.header("x-ms-account-kind") == "StorageV2");
  CHECK(gateway.get("/?restype=service&comp=properties").has("<StorageServiceProperties>"));
  CHECK(gateway.get("/?restype=service&comp=stats").has("<Status>live</Status>"));
}

}  // namespace
}  // namespace sluice::blob

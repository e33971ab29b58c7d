#include "gateway/s3/handler.h"

#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Ask;
using test::Gateway;
using test::Headers;
using test::Reply;

const std::string kMd5OfBar = "37b51d194a7513e45b56f6524f2d51f2";

/// A gateway with alice's bucket in it.
struct WithBucket : Gateway {
  WithBucket() { REQUIRE(put("/photos").status == 200); }
};

TEST_CASE("every answer carries the ids of its request") {
  WithBucket gateway;

  for (const Reply& reply : {gateway.put("/photos/a", "bar"), gateway.get("/photos/a"), gateway.del("/photos/a"),
                             gateway.get("/photos/a"), gateway.get("/")}) {
    CHECK(reply.header("x-amz-request-id") == "REQUEST1");
    CHECK(reply.header("x-amz-id-2") == "sluice");
  }
  CHECK(gateway.get("/photos/a").element("RequestId") == "REQUEST1");
}

TEST_CASE("an object is put, read, looked at and removed") {
  WithBucket gateway;

  const Reply put = gateway.put("/photos/a/cat.jpg", "bar", {{"Content-Type", "image/jpeg"}, {"x-amz-meta-x", "1"}});
  CHECK(put.status == 200);
  CHECK(put.header("ETag") == "\"" + kMd5OfBar + "\"");
  CHECK(put.content_length == 0);

  const Reply got = gateway.get("/photos/a/cat.jpg");
  CHECK(got.status == 200);
  CHECK(got.body == "bar");
  CHECK(got.content_length == 3);
  CHECK(got.header("ETag") == "\"" + kMd5OfBar + "\"");
  CHECK(got.header("Last-Modified") == "Fri, 02 Jan 2026 03:04:05 GMT");
  CHECK(got.header("Content-Type") == "image/jpeg");
  CHECK(got.header("Accept-Ranges") == "bytes");
  CHECK(got.header("x-amz-meta-x") == "1");
  CHECK(got.context.operation == "GetObject");
  CHECK(got.context.bucket == "photos");
  CHECK(got.context.key == "a/cat.jpg");
  CHECK(got.context.principal == "acct-alice");

  const Reply head = gateway.head("/photos/a/cat.jpg");
  CHECK(head.status == 200);
  CHECK(head.content_length == 3);
  CHECK(head.body.empty());

  CHECK(gateway.del("/photos/a/cat.jpg").status == 204);
  CHECK(gateway.del("/photos/a/cat.jpg").status == 204);
  const Reply gone = gateway.get("/photos/a/cat.jpg");
  CHECK(gone.status == 404);
  CHECK(gone.element("Code") == "NoSuchKey");
  CHECK(gone.element("Key") == "a/cat.jpg");
  CHECK(gone.context.error_code == "NoSuchKey");
}

TEST_CASE("what memory has is answered at once, to whoever may have it") {
  Gateway gateway;
  REQUIRE(gateway.send({"PUT", "/photos"}).status == 200);
  REQUIRE(gateway.send({.method = "PUT", .target = "/photos/cat", .body = "meow"}).status == 200);
  const auto answers_at_once = [&](const Ask& ask, unsigned status) {
    const int before = gateway.answered_at_once();
    CHECK(gateway.send(ask).status == status);
    return gateway.answered_at_once() != before;
  };
  CHECK(answers_at_once({"GET", "/photos/cat"}, 200));
  CHECK(answers_at_once({"HEAD", "/photos/cat"}, 200));
  CHECK(answers_at_once({.method = "GET", .target = "/photos/cat?x-id=GetObject", .user = "root"}, 200));
  CHECK(answers_at_once({.method = "GET", .target = "/photos/cat", .headers = {{"Range", "bytes=1-2"}}}, 206));
  CHECK(answers_at_once({.method = "GET", .target = "/photos/cat", .user = "reader"}, 200));

  CHECK_FALSE(answers_at_once({.method = "GET", .target = "/photos/cat", .user = "bob"}, 403));
  CHECK_FALSE(answers_at_once({.method = "GET", .target = "/photos/cat", .user = ""}, 403));
  CHECK_FALSE(answers_at_once({.method = "GET", .target = "/photos/cat", .headers = {{"Range", "bytes=9-"}}}, 416));
  CHECK_FALSE(answers_at_once({.method = "GET", .target = "/photos/cat", .headers = {{"If-Match", "\"no\""}}}, 412));
  CHECK_FALSE(answers_at_once({"GET", "/photos/dog"}, 404));
  CHECK_FALSE(answers_at_once({"GET", "/photos/cat?acl"}, 200));
  CHECK_FALSE(answers_at_once({"GET", "/photos/cat?unheard-of"}, 501));

  REQUIRE(gateway.send({.method = "PUT", .target = "/photos/cat", .body = "purr"}).status == 200);
  CHECK(answers_at_once({"GET", "/photos/cat"}, 200));
  CHECK(gateway.send({"GET", "/photos/cat"}).body == "purr");
  REQUIRE(gateway.send({"DELETE", "/photos/cat"}).status == 204);
  CHECK_FALSE(answers_at_once({"GET", "/photos/cat"}, 404));
}

TEST_CASE("an object without a type has the default one") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");

  CHECK(gateway.head("/photos/a").header("Content-Type") == "binary/octet-stream");
}

TEST_CASE("a missing bucket is told as such") {
  Gateway gateway;

  for (const Reply& reply : {gateway.get("/nowhere/a"), gateway.put("/nowhere/a", "x"), gateway.get("/nowhere"),
                             gateway.del("/nowhere"), gateway.del("/nowhere/a"), gateway.get("/nowhere?location")}) {
    CHECK(reply.status == 404);
    CHECK(reply.element("Code") == "NoSuchBucket");
  }
  CHECK(gateway.head("/nowhere").status == 404);
  CHECK(gateway.send({.method = "GET", .target = "/nowhere/a", .headers = {}, .body = {}, .user = ""}).status == 404);
  CHECK(gateway.send({.method = "GET", .target = "/nowhere/a", .headers = {}, .body = {}, .user = "root"}).status ==
        404);
}

TEST_CASE("a name that no bucket can have is refused") {
  Gateway gateway;

  for (const char* target : {"/_x", "/aa", "/UPPER", "/a..b", "/192.168.5.123", "//key"}) {
    CAPTURE(target);
    CHECK(gateway.put(target).element("Code") == "InvalidBucketName");
    CHECK(gateway.get(target).element("Code") == "InvalidBucketName");
  }
}

TEST_CASE("a bucket is its owner's alone") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");
  const auto as = [&](const std::string& user, const std::string& method, const std::string& target) {
    return gateway.send({.method = method, .target = target, .headers = {}, .body = "x", .user = user}).status;
  };

  for (const char* user : {"bob", ""}) {
    CHECK(as(user, "GET", "/photos/a") == 403);
    CHECK(as(user, "PUT", "/photos/a") == 403);
    CHECK(as(user, "DELETE", "/photos/a") == 403);
    CHECK(as(user, "GET", "/photos") == 403);
    CHECK(as(user, "DELETE", "/photos") == 403);
    CHECK(as(user, "GET", "/photos?acl") == 403);
    CHECK(as(user, "GET", "/photos/missing") == 403);
  }
  CHECK(as("root", "GET", "/photos/a") == 200);
  CHECK(as("reader", "GET", "/photos/a") == 200);
  CHECK(as("reader", "PUT", "/photos/a") == 403);
  CHECK(as("", "GET", "/") == 403);
}

TEST_CASE("a request refused for who sends it costs no transfer") {
  WithBucket gateway;

  gateway.send({.method = "PUT", .target = "/photos/a", .headers = {}, .body = "bar", .user = ""});
  CHECK(gateway.body_bytes_read() == 0);
  gateway.send({.method = "PUT", .target = "/photos/a", .headers = {}, .body = "bar", .user = "bob"});
  CHECK(gateway.body_bytes_read() == 0);
  gateway.put("/nowhere/a", "bar");
  CHECK(gateway.body_bytes_read() == 0);
  gateway.put("/photos/a", "bar", {{"If-Match", "\"x\""}});
  CHECK(gateway.body_bytes_read() == 0);
}

TEST_CASE("a wrong signature is told with what was signed") {
  WithBucket gateway;
  auto header = gateway.header_of({.method = "GET", .target = "/photos/a", .headers = {}, .body = {}});
  header.target = "/photos/b";

  const Reply reply = gateway.send(header, "");

  CHECK(reply.status == 403);
  CHECK(reply.element("Code") == "SignatureDoesNotMatch");
  CHECK(reply.has("<StringToSign>AWS4-HMAC-SHA256&#xA;"));
  CHECK(reply.has("<CanonicalRequest>GET&#xA;/photos/b&#xA;"));
}

TEST_CASE("an unknown access key, a wrong time and a wrong region are told apart") {
  WithBucket gateway;

  CHECK(gateway.send({.method = "GET", .target = "/", .headers = {}, .body = {}, .user = "mallory"}).element("Code") ==
        "InvalidAccessKeyId");

  gateway.clock().set(gateway.clock().now() + std::chrono::minutes(16));
  const Reply skewed = gateway.get("/");
  CHECK(skewed.status == 403);
  CHECK(skewed.element("Code") == "RequestTimeTooSkewed");
  CHECK(skewed.element("MaxAllowedSkewMilliseconds") == "900000");
  CHECK_FALSE(skewed.element("ServerTime").empty());
}

TEST_CASE("the expected owner of a bucket must be its owner") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");

  CHECK(gateway.get("/photos/a", {{"x-amz-expected-bucket-owner", "acct-alice"}}).status == 200);
  CHECK(gateway.get("/photos/a", {{"x-amz-expected-bucket-owner", "acct-bob"}}).status == 403);
  CHECK(gateway.put("/photos/a", "new", {{"x-amz-expected-bucket-owner", "acct-bob"}}).status == 403);
  CHECK(gateway.get("/photos/a").body == "bar");
}

TEST_CASE("what is not supported is refused by name and never done by half") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");

  const Reply renamed = gateway.put("/photos/a?renameObject", "x");
  CHECK(renamed.status == 501);
  CHECK(renamed.element("Code") == "NotImplemented");
  CHECK(renamed.element("Message") == "RenameObject is not supported.");
  CHECK(gateway.put("/photos/a?newthing", "x").status == 501);
  CHECK(gateway.put("/photos/a?versionId=null", "x").status == 400);
  CHECK(gateway.put("/photos/a?partNumber=1", "x").status == 400);
  CHECK(gateway.put("/photos/a", "x", {{"x-amz-write-offset-bytes", "0"}}).status == 501);
  CHECK(gateway.put("/photos/a", "x", {{"x-amz-acl", "aws-exec-read"}}).status == 501);
  CHECK(gateway.put("/photos/a?x-amz-acl=aws-exec-read", "x").status == 501);
  CHECK(gateway.post("/photos/a").status == 405);
  CHECK(gateway.post("/photos", "form").status == 501);
  CHECK(gateway.get("/photos/a").body == "bar");
}

TEST_CASE("headers that a presigned request carries in its query are headers") {
  WithBucket gateway;

  CHECK(gateway.put("/photos/a?x-amz-meta-colour=red&X-Amz-Meta-Size=big", "bar").status == 200);

  const Reply got = gateway.get("/photos/a");
  CHECK(got.header("x-amz-meta-colour") == "red");
  CHECK(got.header("x-amz-meta-size") == "big");
}

TEST_CASE("a range is answered with its bytes") {
  WithBucket gateway;
  gateway.put("/photos/a", "testcontent");
  const auto range = [&](const std::string& text) { return gateway.get("/photos/a", {{"Range", text}}); };

  const Reply middle = range("bytes=4-7");
  CHECK(middle.status == 206);
  CHECK(middle.body == "cont");
  CHECK(middle.content_length == 4);
  CHECK(middle.header("Content-Range") == "bytes 4-7/11");
  CHECK(range("bytes=4-").header("Content-Range") == "bytes 4-10/11");
  CHECK(range("bytes=-7").header("Content-Range") == "bytes 4-10/11");
  CHECK(range("bytes=-70").status == 206);
  CHECK(range("bytes=0-99").header("Content-Range") == "bytes 0-10/11");
  CHECK(gateway.head("/photos/a", {{"Range", "bytes=4-7"}}).header("Content-Range") == "bytes 4-7/11");
  CHECK(gateway.head("/photos/a", {{"Range", "bytes=4-7"}}).status == 206);
}

TEST_CASE("a range beyond the object is refused with its size") {
  WithBucket gateway;
  gateway.put("/photos/a", "testcontent");
  gateway.put("/photos/empty", "");

  const Reply reply = gateway.get("/photos/a", {{"Range", "bytes=40-50"}});
  CHECK(reply.status == 416);
  CHECK(reply.element("Code") == "InvalidRange");
  CHECK(reply.element("ActualObjectSize") == "11");
  CHECK(reply.element("RangeRequested") == "bytes=40-50");
  CHECK(reply.header("Content-Range") == "bytes */11");
  CHECK(gateway.get("/photos/empty", {{"Range", "bytes=0-5"}}).status == 416);
}

TEST_CASE("a range of bad syntax is ignored") {
  WithBucket gateway;
  gateway.put("/photos/a", "testcontent");

  for (const char* text : {"bytes=5-2", "lines=1-2", "bytes=0-1,3-4", "4-7"}) {
    CAPTURE(text);
    const Reply reply = gateway.get("/photos/a", {{"Range", text}});
    CHECK(reply.status == 200);
    CHECK(reply.body == "testcontent");
  }
}

TEST_CASE("reads are conditional") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar", {{"Cache-Control", "no-cache"}});
  const auto get = [&](const std::string& name, const std::string& value) {
    return gateway.get("/photos/a", {{name, value}});
  };

  CHECK(get("If-Match", "\"" + kMd5OfBar + "\"").status == 200);
  CHECK(get("If-Match", kMd5OfBar).status == 200);
  CHECK(get("If-Match", "\"ABCORZ\"").status == 412);
  CHECK(get("If-None-Match", "ABCORZ").status == 200);
  CHECK(get("If-Modified-Since", "Sat, 29 Oct 1994 19:43:31 GMT").status == 200);
  CHECK(get("If-Modified-Since", "Fri, 02 Jan 2026 03:04:05 GMT").status == 304);
  CHECK(get("If-Modified-Since", "Fri, 02 Jan 2026 03:04:06 GMT").status == 200);
  CHECK(get("If-Unmodified-Since", "Sat, 29 Oct 1994 19:43:31 GMT").status == 412);
  CHECK(get("If-Unmodified-Since", "Sat, 29 Oct 2100 19:43:31 GMT").status == 200);

  const Reply unchanged = get("If-None-Match", kMd5OfBar);
  CHECK(unchanged.status == 304);
  CHECK(unchanged.body.empty());
  CHECK(unchanged.header("ETag") == "\"" + kMd5OfBar + "\"");
  CHECK(unchanged.header("Last-Modified") == "Fri, 02 Jan 2026 03:04:05 GMT");
  CHECK(unchanged.header("Cache-Control") == "no-cache");
}

TEST_CASE("writes are conditional") {
  WithBucket gateway;
  const auto put = [&](const std::string& name, const std::string& value) {
    return gateway.put("/photos/a", "bar", {{name, value}});
  };

  CHECK(put("If-Match", "*").element("Code") == "NoSuchKey");
  CHECK(put("If-Match", "badetag").status == 404);
  CHECK(put("If-None-Match", "*").status == 200);
  CHECK(put("If-None-Match", "*").element("Code") == "PreconditionFailed");
  CHECK(put("If-None-Match", kMd5OfBar).status == 412);
  CHECK(put("If-None-Match", "badetag").status == 200);
  CHECK(put("If-Match", "badetag").status == 412);
  CHECK(put("If-Match", kMd5OfBar).status == 200);
  CHECK(put("If-Match", "*").status == 200);
}

TEST_CASE("deletions are conditional, and what is gone is gone") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");

  CHECK(gateway.del("/photos/a", {{"If-Match", "badetag"}}).status == 412);
  CHECK(gateway.get("/photos/a").status == 200);
  CHECK(gateway.del("/photos/a", {{"If-Match", kMd5OfBar}}).status == 204);
  CHECK(gateway.del("/photos/a", {{"If-Match", "*"}}).status == 204);
}

TEST_CASE("a signed read may override the system headers") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");

  const Reply reply = gateway.get(
      "/photos/a?response-cache-control=no-cache&response-content-disposition=bla&response-content-encoding=aaa"
      "&response-content-language=esperanto&response-content-type=foo%2Fbar&response-expires=123");

  CHECK(reply.header("Cache-Control") == "no-cache");
  CHECK(reply.header("Content-Disposition") == "bla");
  CHECK(reply.header("Content-Encoding") == "aaa");
  CHECK(reply.header("Content-Language") == "esperanto");
  CHECK(reply.header("Content-Type") == "foo/bar");
  CHECK(reply.header("Expires") == "123");
}

TEST_CASE("the version of an object without versions is null") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");

  CHECK(gateway.get("/photos/a?versionId=null").status == 200);
  CHECK(gateway.get("/photos/a?versionId=abc").element("Code") == "NoSuchVersion");
  CHECK(gateway.get("/photos/a?versionId=").status == 400);
  CHECK(gateway.del("/photos/a?versionId=abc").status == 404);
  CHECK(gateway.del("/photos/a?versionId=null").status == 204);
  CHECK(gateway.get("/photos/a").status == 404);
}

TEST_CASE("virtual-host style names the bucket in the host") {
  Options options;
  options.domains = {"s3.example.com"};
  Gateway gateway(options);
  gateway.put("/photos");

  CHECK(gateway.put("/a", "bar", {{"Host", "photos.s3.example.com"}}).status == 200);
  CHECK(gateway.get("/photos/a").body == "bar");
}

}  // namespace
}  // namespace sluice::s3

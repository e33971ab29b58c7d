#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Ask;
using test::Gateway;
using test::Headers;
using test::Reply;

std::string base64_of(DigestAlgorithm algorithm, std::string_view bytes) {
  return to_base64(digest_of(algorithm, bytes).bytes);
}

struct WithBucket : Gateway {
  explicit WithBucket(const Options& options = {}) : Gateway(options) { REQUIRE(put("/b00").status == 200); }
};

/// Small parts will do.
struct WithUploads : WithBucket {
  WithUploads() : WithBucket(small_parts()) {}
  static Options small_parts() {
    Options options;
    options.part_size_min = 4;
    return options;
  }
  std::string begin(const std::string& target, Headers headers = {}) {
    const Reply reply = post(target + "?uploads", "", std::move(headers));
    REQUIRE(reply.status == 200);
    return reply.element("UploadId");
  }
  Reply part(const std::string& target, const std::string& id, int number, const std::string& body,
             Headers headers = {}) {
    return put(target + "?partNumber=" + std::to_string(number) + "&uploadId=" + id, body, std::move(headers));
  }
  static std::string claim(int number, const std::string& tag, const std::string& more = {}) {
    return "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" + tag + "</ETag>" + more + "</Part>";
  }
  Reply complete(const std::string& target, const std::string& id, const std::string& claims, Headers headers = {}) {
    return post(target + "?uploadId=" + id, "<CompleteMultipartUpload>" + claims + "</CompleteMultipartUpload>",
                std::move(headers));
  }
};

std::string md5_hex(std::string_view bytes) { return to_hex(digest_of(DigestAlgorithm::md5, bytes).bytes); }

TEST_CASE("a body that does not match its Content-MD5 leaves the old object") {
  WithBucket gateway;
  gateway.put("/b00/a", "old");
  const auto code = [&](const std::string& md5) {
    return gateway.put("/b00/a", "bar", {{"Content-MD5", md5}}).element("Code");
  };

  CHECK(code("rL0Y20xC+Fzt72VPzMSk2A==") == "BadDigest");
  CHECK(code("YWJyYWNhZGFicmE=") == "InvalidDigest");
  CHECK(code("") == "InvalidDigest");
  CHECK(gateway.get("/b00/a").body == "old");
  CHECK(gateway.put("/b00/a", "bar", {{"Content-MD5", base64_of(DigestAlgorithm::md5, "bar")}}).status == 200);
}

TEST_CASE("a body that does not match its signed hash leaves the old object") {
  WithBucket gateway;
  gateway.put("/b00/a", "old");
  const std::string wrong = to_hex(digest_of(DigestAlgorithm::sha256, "other").bytes);

  const Reply refused = gateway.send({"PUT", "/b00/a", {}, "bar", "alice", wrong});
  CHECK(refused.status == 400);
  CHECK(refused.element("Code") == "XAmzContentSHA256Mismatch");
  CHECK(gateway.get("/b00/a").body == "old");
  CHECK(gateway.send({"PUT", "/b00/a", {}, "bar", "alice", "sha256"}).status == 200);
}

TEST_CASE("checksums by header are verified, kept and told when asked") {
  WithBucket gateway;
  for (const auto& [algorithm, header] :
       std::vector<std::pair<DigestAlgorithm, std::string>>{{DigestAlgorithm::crc32, "x-amz-checksum-crc32"},
                                                            {DigestAlgorithm::crc32c, "x-amz-checksum-crc32c"},
                                                            {DigestAlgorithm::crc64nvme, "x-amz-checksum-crc64nvme"},
                                                            {DigestAlgorithm::sha1, "x-amz-checksum-sha1"},
                                                            {DigestAlgorithm::sha256, "x-amz-checksum-sha256"}}) {
    CAPTURE(header);
    const std::string value = base64_of(algorithm, "bar");

    const Reply put = gateway.put("/b00/a", "bar", {{header, value}});
    CHECK(put.header(header) == value);
    CHECK(put.header("x-amz-checksum-type") == "FULL_OBJECT");
    CHECK_FALSE(gateway.head("/b00/a").header(header));
    CHECK(gateway.head("/b00/a", {{"x-amz-checksum-mode", "ENABLED"}}).header(header) == value);
    CHECK_FALSE(gateway.get("/b00/a", {{"x-amz-checksum-mode", "ENABLED"}, {"Range", "bytes=0-1"}}).header(header));
    CHECK(gateway.put("/b00/a", "other", {{header, value}}).element("Code") == "BadDigest");
    CHECK(gateway.put("/b00/a", "bar", {{header, "bad"}}).element("Code") == "BadDigest");
    CHECK(gateway.get("/b00/a").body == "bar");
  }
}

TEST_CASE("an unsigned chunked body with a trailing checksum is decoded and verified") {
  WithBucket gateway;
  const auto put = [&](const std::string& checksum) {
    const std::string body = "3\r\nbar\r\n0\r\nx-amz-checksum-crc32:" + checksum + "\r\n\r\n";
    const Headers headers{{"Content-Encoding", "gzip, aws-chunked"},
                          {"x-amz-decoded-content-length", "3"},
                          {"x-amz-trailer", "x-amz-checksum-crc32"},
                          {"x-amz-sdk-checksum-algorithm", "CRC32"}};
    return gateway.send({"PUT", "/b00/a", headers, body, "alice", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"});
  };
  const std::string right = base64_of(DigestAlgorithm::crc32, "bar");

  const Reply stored = put(right);
  CHECK(stored.status == 200);
  CHECK(stored.header("x-amz-checksum-crc32") == right);
  const Reply got = gateway.get("/b00/a");
  CHECK(got.body == "bar");
  CHECK(got.header("Content-Encoding") == "gzip");
  CHECK(put("AAAAAA==").element("Code") == "BadDigest");
  CHECK(put("bad").element("Code") == "BadDigest");
  CHECK(gateway.get("/b00/a").body == "bar");
}

TEST_CASE("a body of signed chunks is verified chunk by chunk") {
  WithBucket gateway;
  const auto put = [&](const std::string& sent) {
    const Headers headers{{"Content-Encoding", "aws-chunked"}, {"x-amz-decoded-content-length", "3"}};
    Ask ask{"PUT", "/b00/a", headers, "", "alice", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"};
    gateway.header_of(ask);  // For its signature, which does not cover the body.
    std::string previous = gateway.seed();
    const auto sign = [&](std::string_view chunk) {
      const std::string empty = to_hex(digest_of(DigestAlgorithm::sha256, "").bytes);
      const std::string text = std::string("AWS4-HMAC-SHA256-PAYLOAD\n") + Gateway::kAmzDate + "\n" + gateway.scope() +
                               "\n" + previous + "\n" + empty + "\n" +
                               to_hex(digest_of(DigestAlgorithm::sha256, chunk).bytes);
      previous = to_hex(hmac_sha256(gateway.signing_key_of("alice"), text));
      return previous;
    };
    ask.body = "3;chunk-signature=" + sign("bar") + "\r\n" + sent + "\r\n";
    ask.body += "0;chunk-signature=" + sign("") + "\r\n\r\n";
    return gateway.send(ask);
  };

  CHECK(put("bar").status == 200);
  const Reply got = gateway.get("/b00/a");
  CHECK(got.body == "bar");
  CHECK_FALSE(got.header("Content-Encoding"));
  const Reply forged = put("baz");
  CHECK(forged.status == 403);
  CHECK(forged.element("Code") == "SignatureDoesNotMatch");
  CHECK(gateway.get("/b00/a").body == "bar");
}

TEST_CASE("a coding that only says aws-chunked does not make a body chunked") {
  WithBucket gateway;

  CHECK(gateway.send({"PUT", "/b00/a", {{"Content-Encoding", "aws-chunked"}}, "bar", "alice", "sha256"}).status == 200);
  CHECK(gateway.get("/b00/a").body == "bar");
}

TEST_CASE("a body needs a length, or chunked transfer") {
  WithBucket gateway;

  const Reply none = gateway.send({"PUT", "/b00/a", {}, "", "alice", "UNSIGNED-PAYLOAD", false, true});
  CHECK(none.status == 411);
  CHECK(none.element("Code") == "MissingContentLength");
  CHECK(gateway.send({"PUT", "/b00/a", {}, "bar", "alice", "UNSIGNED-PAYLOAD", true}).status == 200);
  CHECK(gateway.get("/b00/a").body == "bar");
  CHECK(gateway.send({"PUT", "/b00/a", {}, "x", "alice", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}).status == 411);
}

TEST_CASE("a body that is too long is refused, before it is read where its length is known") {
  Options options;
  options.put_size_max = 10;
  WithBucket gateway(options);

  CHECK(gateway.put("/b00/a", "eleven bytes").element("Code") == "EntityTooLarge");
  CHECK(gateway.body_bytes_read() == 0);
  CHECK(gateway.send({"PUT", "/b00/a", {}, "eleven bytes", "alice", "UNSIGNED-PAYLOAD", true}).element("Code") ==
        "EntityTooLarge");
  CHECK(gateway.get("/b00/a").status == 404);
}

TEST_CASE("an object is copied with what it has") {
  WithBucket gateway;
  gateway.put("/b00/a", "bar", {{"Content-Type", "text/bla"}, {"x-amz-meta-k", "v"}});

  const Reply copied = gateway.put("/b00/c", "", {{"x-amz-copy-source", "b00/a"}});
  CHECK(copied.status == 200);
  CHECK(copied.has("<CopyObjectResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LastModified>"));
  CHECK(copied.element("ETag") == "\"" + md5_hex("bar") + "\"");
  const Reply got = gateway.get("/b00/c");
  CHECK(got.body == "bar");
  CHECK(got.header("Content-Type") == "text/bla");
  CHECK(got.header("x-amz-meta-k") == "v");
  CHECK(got.context.operation == "GetObject");
}

TEST_CASE("a copy may replace the metadata") {
  WithBucket gateway;
  gateway.put("/b00/a", "bar", {{"Content-Type", "text/bla"}, {"x-amz-meta-k", "v"}});

  gateway.put("/b00/a", "",
              {{"x-amz-copy-source", "/b00/a"}, {"x-amz-metadata-directive", "REPLACE"}, {"x-amz-meta-n", "w"}});
  const Reply got = gateway.get("/b00/a");
  CHECK(got.header("x-amz-meta-n") == "w");
  CHECK_FALSE(got.header("x-amz-meta-k"));
  CHECK(got.header("Content-Type") == "binary/octet-stream");
}

TEST_CASE("a copy that cannot be is refused") {
  WithBucket gateway;
  gateway.put("/b00/a", "bar");
  const auto code = [&](const std::string& target, Headers headers) {
    return gateway.put(target, "", std::move(headers)).element("Code");
  };

  CHECK(code("/b00/a", {{"x-amz-copy-source", "b00/a"}}) == "InvalidRequest");
  CHECK(code("/b00/c", {{"x-amz-copy-source", "b00/missing"}}) == "NoSuchKey");
  CHECK(code("/b00/c", {{"x-amz-copy-source", "nowhere/a"}}) == "NoSuchBucket");
  CHECK(code("/b00/c", {{"x-amz-copy-source", "b00/a"}, {"x-amz-metadata-directive", "KEEP"}}) == "InvalidArgument");
  CHECK(code("/b00/c", {{"x-amz-copy-source", "b00/a"}, {"x-amz-copy-source-if-match", "x"}}) == "PreconditionFailed");
  CHECK(code("/b00/c", {{"x-amz-copy-source", "b00/a"}, {"x-amz-copy-source-if-none-match", md5_hex("bar")}}) ==
        "PreconditionFailed");
  CHECK(code("/b00/a",
             {{"x-amz-copy-source", "b00/a"}, {"x-amz-metadata-directive", "REPLACE"}, {"If-None-Match", "*"}}) ==
        "PreconditionFailed");
}

TEST_CASE("another's object is not copied") {
  WithBucket gateway;
  gateway.put("/b00/a", "bar");
  gateway.send({"PUT", "/bobs", {}, "", "bob"});

  CHECK(gateway.send({"PUT", "/bobs/a", {{"x-amz-copy-source", "b00/a"}}, "", "bob"}).status == 403);
}

TEST_CASE("an upload makes one object of its parts") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m", {{"Content-Type", "text/bla"}, {"x-amz-meta-foo", "bar"}});

  const Reply second = gateway.part("/b00/m", id, 2, "22");
  const Reply first = gateway.part("/b00/m", id, 1, "1111");
  CHECK(first.header("ETag") == "\"" + md5_hex("1111") + "\"");
  CHECK(gateway.get("/b00/m").status == 404);
  CHECK_FALSE(gateway.get("/b00").has("<Contents>"));
  const std::string claims = gateway.claim(1, *first.header("ETag")) + "<Part><ETag>&#34;" + md5_hex("22") +
                             "&#34;</ETag><PartNumber>2</PartNumber></Part>";
  const Reply made = gateway.complete("/b00/m", id, claims);

  CHECK(made.status == 200);
  CHECK(made.element("Location") == "http://localhost:9000/b00/m");
  CHECK(made.element("Key") == "m");
  const std::string tag = md5_hex(*from_hex(md5_hex("1111")) + *from_hex(md5_hex("22"))) + "-2";
  CHECK(made.element("ETag") == "\"" + tag + "\"");
  const Reply got = gateway.get("/b00/m");
  CHECK(got.body == "111122");
  CHECK(got.header("ETag") == "\"" + tag + "\"");
  CHECK(got.header("Content-Type") == "text/bla");
  CHECK(got.header("x-amz-meta-foo") == "bar");
  CHECK(gateway.complete("/b00/m", id, claims).element("ETag") == "\"" + tag + "\"");
}

TEST_CASE("a commit that names what is not there is refused") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m");
  gateway.part("/b00/m", id, 1, "11");
  gateway.part("/b00/m", id, 2, "22");
  const std::string one = gateway.claim(1, md5_hex("11"));
  const std::string two = gateway.claim(2, md5_hex("22"));
  const auto code = [&](const std::string& claims) { return gateway.complete("/b00/m", id, claims).element("Code"); };

  CHECK(code("") == "MalformedXML");
  CHECK(gateway.post("/b00/m?uploadId=" + id).element("Code") == "MalformedXML");
  CHECK(code(gateway.claim(9999, md5_hex("11"))) == "InvalidPart");
  CHECK(code(gateway.claim(1, std::string(32, 'f'))) == "InvalidPart");
  CHECK(code(two + one) == "InvalidPartOrder");
  CHECK(code(one + two + one) == "InvalidPartOrder");
  const Reply small = gateway.complete("/b00/m", id, one + two);
  CHECK(small.element("Code") == "EntityTooSmall");
  CHECK(small.element("PartNumber") == "1");
  CHECK(small.element("ProposedSize") == "2");
  CHECK(small.element("MinSizeAllowed") == "4");
  CHECK(gateway.complete("/b00/m", "abc1234def", one).element("Code") == "NoSuchUpload");
  CHECK(gateway.complete("/b00/m", id, two, {{"x-amz-mp-object-size", "3"}}).status == 400);
  CHECK(gateway.complete("/b00/m", id, two, {{"If-Match", "*"}}).element("Code") == "NoSuchKey");
  CHECK(gateway.complete("/b00/m", id, two, {{"x-amz-mp-object-size", "2"}}).status == 200);
}

TEST_CASE("of a part that is listed twice in a row the last is meant") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m");
  gateway.part("/b00/m", id, 1, "old");
  gateway.part("/b00/m", id, 1, "new");

  const std::string claims = gateway.claim(1, md5_hex("old")) + gateway.claim(1, md5_hex("new"));
  CHECK(gateway.complete("/b00/m", id, claims).status == 200);
  CHECK(gateway.get("/b00/m").body == "new");
}

TEST_CASE("part numbers are 1 to 10000") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m");

  for (const int number : {0, 10001, -1}) {
    CHECK(gateway.part("/b00/m", id, number, "x").element("Code") == "InvalidArgument");
  }
  CHECK(gateway.put("/b00/m?uploadId=" + id, "x").element("Code") == "InvalidArgument");
  CHECK(gateway.part("/b00/m", id, 10000, "x").status == 200);
}

TEST_CASE("an upload is abandoned once") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m");
  gateway.part("/b00/m", id, 1, "11");

  CHECK(gateway.del("/b00/m?uploadId=" + id).status == 204);
  CHECK(gateway.del("/b00/m?uploadId=" + id).element("Code") == "NoSuchUpload");
  CHECK(gateway.part("/b00/m", id, 1, "x").element("Code") == "NoSuchUpload");
}

TEST_CASE("uploads and their parts are listed") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m", {{"x-amz-checksum-algorithm", "CRC32"}});
  gateway.begin("/b00/n/x");
  gateway.part("/b00/m", id, 1, "11");
  gateway.part("/b00/m", id, 2, "22");

  const Reply uploads = gateway.get("/b00?uploads");
  CHECK(uploads.has("<Upload><Key>m</Key><UploadId>" + id +
                    "</UploadId><Initiator><ID>acct-alice</ID><DisplayName>Alice</DisplayName></Initiator><Owner>"));
  CHECK(uploads.has("<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType>"));
  CHECK(gateway.get("/b00?uploads&delimiter=%2F").has("<CommonPrefixes><Prefix>n/</Prefix></CommonPrefixes>"));
  CHECK(gateway.get("/b00?uploads&max-uploads=1").element("NextKeyMarker") == "m");
  CHECK_FALSE(gateway.get("/b00?uploads&key-marker=m").has("<Key>m</Key>"));

  const Reply parts = gateway.get("/b00/m?max-parts=1&uploadId=" + id);
  CHECK(parts.has("<Part><PartNumber>1</PartNumber>"));
  CHECK(parts.has("<Size>2</Size><ChecksumCRC32>" + base64_of(DigestAlgorithm::crc32, "11") + "</ChecksumCRC32>"));
  CHECK(parts.element("NextPartNumberMarker") == "1");
  CHECK(parts.element("IsTruncated") == "true");
  CHECK(gateway.get("/b00/m?part-number-marker=1&uploadId=" + id).has("<PartNumber>2</PartNumber>"));
  CHECK(gateway.get("/b00/m?uploadId=nope").element("Code") == "NoSuchUpload");
}

TEST_CASE("a part is copied from an object") {
  WithUploads gateway;
  gateway.put("/b00/source", "0123456789");
  const std::string id = gateway.begin("/b00/m");
  const std::string target = "/b00/m?partNumber=1&uploadId=" + id;

  const Reply copied =
      gateway.put(target, "", {{"x-amz-copy-source", "b00/source"}, {"x-amz-copy-source-range", "bytes=2-5"}});
  CHECK(copied.status == 200);
  CHECK(copied.element("ETag") == "\"" + md5_hex("2345") + "\"");
  const Reply beyond =
      gateway.put(target, "", {{"x-amz-copy-source", "b00/source"}, {"x-amz-copy-source-range", "bytes=0-21"}});
  CHECK(beyond.element("Code") == "InvalidRange");
  CHECK(gateway.put(target, "", {{"x-amz-copy-source", "b00/source"}, {"x-amz-copy-source-range", "0-2"}})
            .element("Code") == "InvalidArgument");
  CHECK(gateway.complete("/b00/m", id, gateway.claim(1, md5_hex("2345"))).status == 200);
  CHECK(gateway.get("/b00/m").body == "2345");
}

TEST_CASE("an upload's checksum is of its parts' checksums") {
  WithUploads gateway;
  const Reply begun = gateway.post("/b00/m?uploads", "", {{"x-amz-checksum-algorithm", "SHA256"}});
  CHECK(begun.header("x-amz-checksum-algorithm") == "SHA256");
  CHECK(begun.header("x-amz-checksum-type") == "COMPOSITE");
  const std::string id = begun.element("UploadId");
  const std::string one = base64_of(DigestAlgorithm::sha256, "1111");
  CHECK(gateway.part("/b00/m", id, 1, "1111", {{"x-amz-checksum-sha256", one}}).header("x-amz-checksum-sha256") == one);
  CHECK(gateway.part("/b00/m", id, 2, "22").status == 200);
  CHECK(gateway.part("/b00/m", id, 2, "22", {{"x-amz-checksum-crc32", "AAAAAA=="}}).element("Code") ==
        "InvalidRequest");
  const std::string claims = gateway.claim(1, md5_hex("1111"), "<ChecksumSHA256>" + one + "</ChecksumSHA256>") +
                             gateway.claim(2, md5_hex("22"));
  const std::string whole = base64_of(DigestAlgorithm::sha256, digest_of(DigestAlgorithm::sha256, "1111").bytes +
                                                                   digest_of(DigestAlgorithm::sha256, "22").bytes) +
                            "-2";

  CHECK(gateway.complete("/b00/m", id, claims, {{"x-amz-checksum-sha256", "bad"}}).element("Code") == "BadDigest");
  CHECK(gateway.complete("/b00/m", id, claims, {{"x-amz-checksum-sha256", one}}).status == 400);
  const Reply made = gateway.complete("/b00/m", id, claims, {{"x-amz-checksum-sha256", whole}});
  CHECK(made.element("ChecksumSHA256") == whole);
  CHECK(made.element("ChecksumType") == "COMPOSITE");
  const Headers mode{{"x-amz-checksum-mode", "ENABLED"}};
  CHECK(gateway.head("/b00/m", mode).header("x-amz-checksum-sha256") == whole);
  CHECK(gateway.get("/b00/m?partNumber=1", mode).header("x-amz-checksum-sha256") == one);
  CHECK(gateway.complete("/b00/m", id, claims, {{"x-amz-checksum-sha256", whole}}).element("ChecksumSHA256") == whole);
}

TEST_CASE("a full-object checksum of an upload is of all its bytes") {
  WithUploads gateway;
  const Reply begun = gateway.post("/b00/m?uploads", "",
                                   {{"x-amz-checksum-algorithm", "CRC32C"}, {"x-amz-checksum-type", "FULL_OBJECT"}});
  CHECK(begun.header("x-amz-checksum-type") == "FULL_OBJECT");
  const std::string id = begun.element("UploadId");
  gateway.part("/b00/m", id, 1, "1111");
  gateway.part("/b00/m", id, 2, "22");
  const std::string claims = gateway.claim(1, md5_hex("1111")) + gateway.claim(2, md5_hex("22"));
  const std::string whole = base64_of(DigestAlgorithm::crc32c, "111122");

  CHECK(gateway.complete("/b00/m", id, claims, {{"x-amz-checksum-crc32c", "AAAAAA=="}}).element("Code") == "BadDigest");
  const Reply made = gateway.complete("/b00/m", id, claims, {{"x-amz-checksum-crc32c", whole}});
  CHECK(made.element("ChecksumCRC32C") == whole);
  CHECK(gateway.get("/b00/m", {{"x-amz-checksum-mode", "ENABLED"}}).header("x-amz-checksum-crc32c") == whole);
}

TEST_CASE("checksum types that cannot be are refused at the start") {
  WithUploads gateway;
  const auto code = [&](Headers headers) {
    return gateway.post("/b00/m?uploads", "", std::move(headers)).element("Code");
  };

  CHECK(code({{"x-amz-checksum-algorithm", "SHA256"}, {"x-amz-checksum-type", "FULL_OBJECT"}}) == "InvalidRequest");
  CHECK(code({{"x-amz-checksum-algorithm", "CRC64NVME"}, {"x-amz-checksum-type", "COMPOSITE"}}) == "InvalidRequest");
  CHECK(code({{"x-amz-checksum-type", "COMPOSITE"}}) == "InvalidRequest");
  CHECK(code({{"x-amz-checksum-algorithm", "XXHASH3"}}) == "NotImplemented");
}

TEST_CASE("a part of an object is read by its number") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m");
  gateway.part("/b00/m", id, 1, "1111");
  gateway.part("/b00/m", id, 2, "22");
  gateway.complete("/b00/m", id, gateway.claim(1, md5_hex("1111")) + gateway.claim(2, md5_hex("22")));

  const Reply second = gateway.get("/b00/m?partNumber=2");
  CHECK(second.status == 206);
  CHECK(second.body == "22");
  CHECK(second.header("x-amz-mp-parts-count") == "2");
  CHECK(second.header("Content-Range") == "bytes 4-5/6");
  CHECK(gateway.head("/b00/m?partNumber=1").content_length == 4);
  CHECK(gateway.get("/b00/m?partNumber=5").element("Code") == "InvalidPart");
  CHECK(gateway.get("/b00/m?partNumber=1", {{"Range", "bytes=0-1"}}).status == 400);

  gateway.put("/b00/plain", "body");
  CHECK(gateway.get("/b00/plain?partNumber=1").body == "body");
  CHECK(gateway.get("/b00/plain?partNumber=2").status == 400);
}

TEST_CASE("attributes of an object are told as asked") {
  WithUploads gateway;
  const std::string id = gateway.begin("/b00/m");
  for (int i = 1; i <= 3; ++i) gateway.part("/b00/m", id, i, "1111");
  gateway.complete(
      "/b00/m", id,
      gateway.claim(1, md5_hex("1111")) + gateway.claim(2, md5_hex("1111")) + gateway.claim(3, md5_hex("1111")));
  const std::string everything = "ETag,Checksum, ObjectParts,StorageClass,ObjectSize";

  const Reply reply = gateway.get("/b00/m?attributes", {{"x-amz-object-attributes", everything}});
  CHECK(reply.status == 200);
  CHECK(reply.header("Last-Modified"));
  CHECK(reply.element("ETag").ends_with("-3"));
  CHECK(reply.element("ObjectSize") == "12");
  CHECK(reply.element("StorageClass") == "STANDARD");
  CHECK(reply.element("PartsCount") == "3");
  CHECK(reply.has("<PartNumber>3</PartNumber><Size>4</Size></Part></ObjectParts>"));

  const Reply page = gateway.get(
      "/b00/m?attributes",
      {{"x-amz-object-attributes", "ObjectParts"}, {"x-amz-max-parts", "1"}, {"x-amz-part-number-marker", "1"}});
  CHECK(page.element("PartNumberMarker") == "1");
  CHECK(page.element("NextPartNumberMarker") == "2");
  CHECK(page.element("MaxParts") == "1");
  CHECK(page.element("IsTruncated") == "true");
  CHECK_FALSE(page.has("<ETag>"));

  gateway.put("/b00/plain", "bar", {{"x-amz-checksum-sha1", base64_of(DigestAlgorithm::sha1, "bar")}});
  const Reply plain = gateway.get("/b00/plain?attributes", {{"x-amz-object-attributes", everything}});
  CHECK(plain.element("ETag") == md5_hex("bar"));
  CHECK(plain.element("ChecksumSHA1") == base64_of(DigestAlgorithm::sha1, "bar"));
  CHECK_FALSE(plain.has("ObjectParts"));
  CHECK(gateway.get("/b00/plain?attributes").status == 400);
  CHECK(gateway.get("/b00/plain?attributes", {{"x-amz-object-attributes", "Colour"}}).status == 400);
}

}  // namespace
}  // namespace sluice::s3

#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Headers;
using test::Reply;

Options options() {
  Options options;
  options.part_size_min = 4;
  options.customer_keys_over_http = true;
  return options;
}

struct WithBucket : Gateway {
  explicit WithBucket(const Options& with = options()) : Gateway(with) { REQUIRE(put("/b00").status == 200); }
};

std::string md5_of(char fill) { return to_base64(digest_of(DigestAlgorithm::md5, std::string(32, fill)).bytes); }

Headers key(char fill, const std::string& of = "x-amz-server-side-encryption-customer-") {
  return {{of + "algorithm", "AES256"}, {of + "key", to_base64(std::string(32, fill))}, {of + "key-MD5", md5_of(fill)}};
}

Headers source_key(char fill) { return key(fill, "x-amz-copy-source-server-side-encryption-customer-"); }

Headers operator+(Headers left, const Headers& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Headers kManaged = {{"x-amz-server-side-encryption", "AES256"}};
const std::string kText = "nobody shall read this";

TEST_CASE("what is put with a customer's key is got with it alone") {
  WithBucket gateway;
  const Reply put = gateway.put("/b00/a", kText, key('k'));
  REQUIRE(put.status == 200);
  CHECK(put.header("x-amz-server-side-encryption-customer-algorithm") == "AES256");
  CHECK(put.header("x-amz-server-side-encryption-customer-key-MD5") == md5_of('k'));
  CHECK(put.header("ETag") != "\"" + to_hex(digest_of(DigestAlgorithm::md5, kText).bytes) + "\"");

  const Reply got = gateway.get("/b00/a", key('k'));
  CHECK(got.body == kText);
  CHECK(got.header("ETag") == put.header("ETag"));
  CHECK(got.header("x-amz-server-side-encryption-customer-key-MD5") == md5_of('k'));
  CHECK(gateway.get("/b00/a", key('k') + Headers{{"Range", "bytes=7-11"}}).body == "shall");
  CHECK(gateway.head("/b00/a", key('k')).status == 200);

  CHECK(gateway.get("/b00/a").status == 400);
  CHECK(gateway.get("/b00/a").element("Code") == "InvalidRequest");
  CHECK(gateway.get("/b00/a", key('x')).status == 400);
  CHECK(gateway.head("/b00/a").status == 400);
  CHECK(gateway.head("/b00/a", key('x')).status == 400);
  CHECK(gateway.get("/b00/a?tagging").status == 200);
  CHECK(gateway.get("/b00/a?acl").status == 200);
}

TEST_CASE("a customer's key needs all its headers, and they must be right") {
  WithBucket gateway;
  const auto refused = [&](Headers headers) {
    const Reply reply = gateway.put("/b00/a", kText, std::move(headers));
    CHECK(reply.status == 400);
    return reply.element("Code");
  };
  const auto without = [](std::size_t which) {
    Headers headers = key('k');
    headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(which));
    return headers;
  };
  const auto with = [](std::size_t which, const std::string& value) {
    Headers headers = key('k');
    headers[which].second = value;
    return headers;
  };

  for (std::size_t i = 0; i < 3; ++i) CHECK(refused(without(i)) == "InvalidArgument");
  CHECK(refused(with(0, "AES192")) == "InvalidEncryptionAlgorithmError");
  CHECK(refused(with(1, "c2hvcnQ=")) == "InvalidArgument");
  CHECK(refused(with(1, "not base64")) == "InvalidArgument");
  CHECK(refused(with(2, md5_of('x'))) == "InvalidArgument");
  CHECK(refused(key('k') + kManaged) == "InvalidArgument");
  CHECK(gateway.get("/b00/a").status == 404);
}

TEST_CASE("a key that fits no object is refused") {
  WithBucket gateway;
  gateway.put("/b00/plain", kText);
  gateway.put("/b00/managed", kText, kManaged);

  CHECK(gateway.get("/b00/plain", key('k')).status == 400);
  CHECK(gateway.get("/b00/managed", key('k')).status == 400);
}

TEST_CASE("customers' keys come over TLS, or from this machine, unless said otherwise") {
  Options strict = options();
  strict.customer_keys_over_http = false;
  WithBucket gateway(strict);

  const Reply reply = gateway.put("/b00/a", kText, key('k'));

  CHECK(reply.status == 400);
  CHECK(reply.has("secure connection"));
}

TEST_CASE("the deployment's keys are asked for by a header, and told of by one") {
  WithBucket gateway;
  const Reply put = gateway.put("/b00/a", kText, kManaged);

  CHECK(put.header("x-amz-server-side-encryption") == "AES256");
  CHECK(put.header("ETag") == "\"" + to_hex(digest_of(DigestAlgorithm::md5, kText).bytes) + "\"");
  CHECK(gateway.get("/b00/a").body == kText);
  CHECK(gateway.get("/b00/a").header("x-amz-server-side-encryption") == "AES256");
  CHECK(gateway.head("/b00/a", kManaged).status == 400);
}

TEST_CASE("a key of the ring may be named, and what is not known is refused") {
  WithBucket gateway;
  const std::string method = "x-amz-server-side-encryption";
  const std::string id = "x-amz-server-side-encryption-aws-kms-key-id";
  const auto put = [&](Headers headers) { return gateway.put("/b00/a", kText, std::move(headers)); };

  CHECK(put({{method, "aws:kms"}, {id, "master"}}).header(id) == "master");
  CHECK(gateway.get("/b00/a").header(method) == "aws:kms");
  CHECK(gateway.get("/b00/a").body == kText);
  CHECK(put({{method, "aws:kms"}, {id, "absent"}}).element("Code") == "KMS.NotFoundException");
  CHECK(put({{method, "aws:kms"}}).status == 400);
  CHECK(put({{id, "master"}}).element("Code") == "InvalidArgument");
  CHECK(put({{method, "AES256"}, {id, "master"}}).element("Code") == "InvalidArgument");
  CHECK(put({{method, "aes:kms"}}).element("Code") == "InvalidArgument");
  CHECK(put({{method, "aws:kms:dsse"}}).status == 501);
  CHECK(put({{method, "aws:kms"}, {"x-amz-server-side-encryption-context", "e30="}}).status == 501);
}

TEST_CASE("an upload under a customer's key takes the key with each part and at its end") {
  WithBucket gateway;
  const Reply begun = gateway.post("/b00/a?uploads", "", key('k') + Headers{{"x-amz-checksum-algorithm", "CRC32"}});
  REQUIRE(begun.status == 200);
  CHECK(begun.header("x-amz-server-side-encryption-customer-algorithm") == "AES256");
  const std::string id = begun.element("UploadId");
  const std::string part = "/b00/a?partNumber=1&uploadId=" + id;

  CHECK(gateway.put(part, kText).status == 400);
  CHECK(gateway.put(part, kText, key('x')).status == 400);
  const Reply staged = gateway.put(part, kText, key('k'));
  REQUIRE(staged.status == 200);
  CHECK(staged.header("x-amz-server-side-encryption-customer-key-MD5") == md5_of('k'));

  const std::string claims = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                             staged.header("ETag").value() + "</ETag></Part></CompleteMultipartUpload>";
  CHECK(gateway.post("/b00/a?uploadId=" + id, claims).status == 400);
  CHECK(gateway.post("/b00/a?uploadId=" + id, claims, key('x')).status == 400);
  CHECK(gateway.post("/b00/a?uploadId=" + id, claims, key('k')).status == 200);
  CHECK(gateway.get("/b00/a?partNumber=1", key('k')).body == kText);
}

TEST_CASE("a copy names the key of its source and its own") {
  WithBucket gateway;
  gateway.put("/b00/a", kText, key('k'));
  const Headers from = {{"x-amz-copy-source", "/b00/a"}};

  CHECK(gateway.put("/b00/b", "", from).status == 400);
  CHECK(gateway.put("/b00/b", "", from + source_key('x')).status == 400);
  CHECK(gateway.put("/b00/b", "", from + source_key('k') + key('l')).status == 200);
  CHECK(gateway.get("/b00/b", key('l')).body == kText);
  CHECK(gateway.put("/b00/c", "", from + source_key('k') + kManaged).header("x-amz-server-side-encryption") ==
        "AES256");
  CHECK(gateway.get("/b00/c").body == kText);
  CHECK(gateway.put("/b00/a", "", from + source_key('k') + key('m')).status == 200);
  CHECK(gateway.get("/b00/a", key('m')).body == kText);
}

TEST_CASE("attributes of an object under a customer's key are told to who has it") {
  WithBucket gateway;
  gateway.put("/b00/a", kText, key('k'));
  for (const std::string wanted : {"ObjectSize", "ObjectParts,ObjectSize"}) {
    const Headers ask = {{"x-amz-object-attributes", wanted}};

    CHECK(gateway.get("/b00/a?attributes", ask).status == 400);
    CHECK(gateway.get("/b00/a?attributes", ask + key('x')).status == 400);
    CHECK(gateway.get("/b00/a?attributes", ask + key('k')).element("ObjectSize") == std::to_string(kText.size()));
  }
}

std::string configuration(const std::string& rule) {
  return "<ServerSideEncryptionConfiguration><Rule>" + rule + "</Rule></ServerSideEncryptionConfiguration>";
}

std::string by_default(const std::string& algorithm, const std::string& more = {}) {
  return configuration("<ApplyServerSideEncryptionByDefault><SSEAlgorithm>" + algorithm + "</SSEAlgorithm>" + more +
                       "</ApplyServerSideEncryptionByDefault>");
}

TEST_CASE("a bucket encrypts by default once it is set to") {
  WithBucket gateway;
  CHECK(gateway.get("/b00?encryption").element("Code") == "ServerSideEncryptionConfigurationNotFoundError");

  REQUIRE(gateway.put("/b00?encryption", by_default("AES256")).status == 200);
  CHECK(gateway.get("/b00?encryption").element("SSEAlgorithm") == "AES256");
  CHECK(gateway.put("/b00/a", kText).header("x-amz-server-side-encryption") == "AES256");
  CHECK(gateway.get("/b00/a").body == kText);

  const std::string named = "<KMSMasterKeyID>master</KMSMasterKeyID>";
  REQUIRE(gateway.put("/b00?encryption", by_default("aws:kms", named)).status == 200);
  CHECK(gateway.get("/b00?encryption").element("KMSMasterKeyID") == "master");
  CHECK(gateway.put("/b00/b", kText).header("x-amz-server-side-encryption") == "aws:kms");

  CHECK(gateway.del("/b00?encryption").status == 204);
  CHECK(gateway.get("/b00?encryption").status == 404);
  CHECK_FALSE(gateway.put("/b00/c", kText).header("x-amz-server-side-encryption"));
  CHECK(gateway.get("/b00/a").body == kText);
}

TEST_CASE("a default that could not be kept is refused") {
  WithBucket gateway;
  const auto code = [&](const std::string& text) { return gateway.put("/b00?encryption", text).element("Code"); };

  CHECK(code("") == "MalformedXML");
  CHECK(code(configuration("")) == "MalformedXML");
  CHECK(code(by_default("rot13")) == "InvalidArgument");
  CHECK(code(by_default("aws:kms:dsse")) == "NotImplemented");
  CHECK(code(by_default("aws:kms", "<KMSMasterKeyID>absent</KMSMasterKeyID>")) == "KMS.NotFoundException");
  CHECK(code(configuration("<BlockedEncryptionTypes/>")) == "NotImplemented");
  CHECK(gateway.get("/b00?encryption").status == 404);
}

}  // namespace
}  // namespace sluice::s3

#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/blob/customer_key.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

using test::Gateway;
using test::Headers;
using test::Reply;

const std::string kText = "nobody shall read this";

struct WithContainer : Gateway {
  WithContainer() { REQUIRE(put("/photos?restype=container").status == 201); }
};

std::string hash_of(char fill) { return to_base64(digest_of(DigestAlgorithm::sha256, std::string(32, fill)).bytes); }

Headers key(char fill, const std::string& of = "x-ms-encryption-") {
  return {
      {of + "key", to_base64(std::string(32, fill))}, {of + "key-sha256", hash_of(fill)}, {of + "algorithm", "AES256"}};
}

Headers operator+(Headers left, const Headers& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

TEST_CASE("a blob put with a customer's key is told to who has it alone") {
  WithContainer gateway;
  const Reply put = gateway.put_blob("/photos/a", kText, key('k') + Headers{{"x-ms-meta-what", "cat"}});
  REQUIRE(put.status == 201);
  CHECK(put.header("x-ms-request-server-encrypted") == "true");
  CHECK(put.header("x-ms-encryption-key-sha256") == hash_of('k'));
  CHECK(put.header("Content-MD5") == to_base64(digest_of(DigestAlgorithm::md5, kText).bytes));

  const Reply got = gateway.get("/photos/a", key('k'));
  CHECK(got.body == kText);
  CHECK(got.header("x-ms-server-encrypted") == "true");
  CHECK(got.header("x-ms-encryption-key-sha256") == hash_of('k'));
  CHECK_FALSE(got.header("Content-MD5"));
  CHECK(gateway.get("/photos/a", key('k') + Headers{{"x-ms-range", "bytes=7-11"}}).body == "shall");
  CHECK(gateway.head("/photos/a", key('k')).header("x-ms-meta-what") == "cat");
  CHECK(gateway.head("/photos/a?comp=metadata", key('k')).header("x-ms-meta-what") == "cat");

  for (const std::string target : {"/photos/a", "/photos/a?comp=metadata"}) {
    CHECK(gateway.get(target).code() == "BlobUsesCustomerSpecifiedEncryption");
    CHECK(gateway.get(target).status == 409);
    CHECK(gateway.get(target, key('x')).code() == "BlobCustomerSpecifiedEncryptionMismatch");
  }
  CHECK(gateway.head("/photos/a").status == 409);
}

TEST_CASE("metadata and properties of a blob under a customer's key change with it alone") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", kText, key('k'));
  const Headers metadata = {{"x-ms-meta-what", "dog"}};
  const Headers type = {{"x-ms-blob-content-type", "text/plain"}};

  CHECK(gateway.put("/photos/a?comp=metadata", {}, metadata).code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(gateway.put("/photos/a?comp=properties", {}, type + key('x')).code() ==
        "BlobCustomerSpecifiedEncryptionMismatch");
  CHECK(gateway.put("/photos/a?comp=metadata", {}, metadata + key('k')).status == 200);
  CHECK(gateway.put("/photos/a?comp=properties", {}, type + key('k')).status == 200);

  const Reply got = gateway.get("/photos/a", key('k'));
  CHECK(got.body == kText);
  CHECK(got.header("x-ms-meta-what") == "dog");
  CHECK(got.header("Content-Type") == "text/plain");
}

TEST_CASE("a customer's key needs all three headers, and a refusal leaves the old blob") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "old");
  const auto refused = [&](std::size_t which, const std::string& value) {
    Headers headers = key('k');
    if (value.empty()) {
      headers.erase(headers.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      headers[which].second = value;
    }
    const Reply reply = gateway.put_blob("/photos/a", "new", headers);
    CHECK(reply.status == 400);
    return reply.code();
  };

  for (std::size_t i = 0; i < 3; ++i) CHECK(refused(i, "") == "MissingRequiredHeader");
  CHECK(refused(0, "c2hvcnQ=") == "InvalidHeaderValue");
  CHECK(refused(0, "not base64") == "InvalidHeaderValue");
  CHECK(refused(1, hash_of('x')) == "InvalidHeaderValue");
  CHECK(refused(2, "AES128") == "InvalidHeaderValue");
  CHECK(gateway.get("/photos/a", key('k')).code() == "BlobDoesNotUseCustomerSpecifiedEncryption");
  CHECK(gateway.get("/photos/a").body == "old");
}

TEST_CASE("a new blob made of another's bytes names the keys of both") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", kText, key('k'));
  const Headers from = {{"x-ms-copy-source", "/alpha/photos/a"}, {"x-ms-blob-type", "BlockBlob"}};
  const Headers source = key('k', "x-ms-source-encryption-");

  CHECK(gateway.put("/photos/b", {}, from).status == 409);
  CHECK(gateway.put("/photos/b", {}, from + key('x', "x-ms-source-encryption-")).status == 409);
  CHECK(gateway.get("/photos/b").status == 404);
  REQUIRE(gateway.put("/photos/b", {}, from + source + key('l')).status == 201);
  CHECK(gateway.get("/photos/b", key('l')).body == kText);
  REQUIRE(gateway.put("/photos/c", {}, from + source).status == 201);
  CHECK(gateway.get("/photos/c").body == kText);
}

TEST_CASE("blocks under a customer's key make a blob that is told to who has it alone") {
  WithContainer gateway;
  const auto block = [&](const std::string& id, const std::string& text, const Headers& headers) {
    return gateway.put("/photos/a?comp=block&blockid=" + percent_encode(to_base64(id), false), text, headers);
  };
  const std::string list =
      "<BlockList><Latest>" + to_base64("1") + "</Latest><Latest>" + to_base64("2") + "</Latest></BlockList>";

  const Reply staged = block("1", kText, key('k'));
  REQUIRE(staged.status == 201);
  CHECK(staged.header("x-ms-request-server-encrypted") == "true");
  CHECK(staged.header("x-ms-encryption-key-sha256") == hash_of('k'));
  CHECK(staged.header("Content-MD5") == to_base64(digest_of(DigestAlgorithm::md5, kText).bytes));
  CHECK(block("2", kText, {}).code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(block("2", kText, key('x')).code() == "BlobCustomerSpecifiedEncryptionMismatch");
  REQUIRE(block("2", kText, key('k')).status == 201);
  CHECK(gateway.put("/photos/a?comp=blocklist", list).code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(gateway.put("/photos/a?comp=blocklist", list, key('x')).code() == "BlobCustomerSpecifiedEncryptionMismatch");
  const Reply made = gateway.put("/photos/a?comp=blocklist", list, key('k'));
  REQUIRE(made.status == 201);
  CHECK(made.header("x-ms-request-server-encrypted") == "true");

  CHECK(gateway.get("/photos/a", key('k')).body == kText + kText);
  CHECK(gateway.get("/photos/a").code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(gateway.get("/photos/a?comp=blocklist").status == 200);
  CHECK(gateway.get("/photos?restype=container&comp=list").element("ServerEncrypted") == "true");
  CHECK(gateway.put("/photos/a?comp=snapshot").code() == "BlobUsesCustomerSpecifiedEncryption");
  const auto taken = gateway.put("/photos/a?comp=snapshot", {}, key('k')).header("x-ms-snapshot");
  REQUIRE(taken);
  CHECK(gateway.get("/photos/a?snapshot=" + percent_encode(*taken, false), key('k')).body == kText + kText);
}

TEST_CASE("a block made of another blob's bytes names the keys of both") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", kText, key('k'));
  const std::string target = "/photos/b?comp=block&blockid=" + percent_encode(to_base64("1"), false);
  const Headers from = {{"x-ms-copy-source", "/alpha/photos/a"}, {"x-ms-source-range", "bytes=7-11"}};

  CHECK(gateway.put(target, {}, from + key('l')).status == 409);
  REQUIRE(gateway.put(target, {}, from + key('l') + key('k', "x-ms-source-encryption-")).status == 201);
  REQUIRE(
      gateway
          .put("/photos/b?comp=blocklist", "<BlockList><Latest>" + to_base64("1") + "</Latest></BlockList>", key('l'))
          .status == 201);
  CHECK(gateway.get("/photos/b", key('l')).body == "shall");
}

TEST_CASE("an append blob under a customer's key grows with that key alone") {
  WithContainer gateway;
  const Headers type = {{"x-ms-blob-type", "AppendBlob"}};
  const std::string target = "/photos/log?comp=appendblock";
  const Reply made = gateway.put("/photos/log", {}, type + key('k'));
  REQUIRE(made.status == 201);
  CHECK(made.header("x-ms-request-server-encrypted") == "true");
  CHECK(made.header("x-ms-encryption-key-sha256") == hash_of('k'));

  CHECK(gateway.put(target, kText).code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(gateway.put(target, kText).status == 409);
  CHECK(gateway.put(target, kText, key('x')).code() == "BlobCustomerSpecifiedEncryptionMismatch");
  Headers broken = key('k');
  broken[1].second = hash_of('x');
  CHECK(gateway.put(target, kText, broken).code() == "InvalidHeaderValue");
  broken.pop_back();
  CHECK(gateway.put(target, kText, broken).code() == "MissingRequiredHeader");
  const Reply appended = gateway.put(target, kText, key('k'));
  REQUIRE(appended.status == 201);
  CHECK(appended.header("x-ms-blob-append-offset") == "0");
  CHECK(appended.header("x-ms-request-server-encrypted") == "true");
  CHECK(appended.header("x-ms-encryption-key-sha256") == hash_of('k'));
  CHECK(appended.header("Content-MD5") == to_base64(digest_of(DigestAlgorithm::md5, kText).bytes));
  const Headers from = {{"x-ms-copy-source", "/alpha/photos/log"}, {"x-ms-source-range", "bytes=7-11"}};
  CHECK(gateway.put(target, {}, from + key('k')).code() == "BlobUsesCustomerSpecifiedEncryption");
  REQUIRE(gateway.put(target, {}, from + key('k') + key('k', "x-ms-source-encryption-")).status == 201);

  CHECK(gateway.get("/photos/log", key('k')).body == kText + "shall");
  CHECK(gateway.get("/photos/log").code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(gateway.put("/photos/log?comp=seal").status == 200);
  CHECK(gateway.head("/photos/log", key('k')).header("x-ms-blob-sealed") == "true");
  REQUIRE(gateway.put("/photos/plain", {}, type).status == 201);
  CHECK(gateway.put("/photos/plain?comp=appendblock", kText, key('k')).code() ==
        "BlobDoesNotUseCustomerSpecifiedEncryption");
}

TEST_CASE("a page blob under a customer's key is written with that key alone") {
  WithContainer gateway;
  const std::string target = "/photos/disk?comp=page";
  const Headers type = {{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "2048"}};
  const Headers update = {{"x-ms-page-write", "update"}, {"x-ms-range", "bytes=0-511"}};
  const Headers erase = {{"x-ms-page-write", "clear"}, {"x-ms-range", "bytes=0-511"}};
  const Headers size = {{"x-ms-blob-content-length", "1024"}};
  const std::string page(512, 'p');
  CHECK(gateway.put("/photos/disk", {}, type + key('k')).header("x-ms-encryption-key-sha256") == hash_of('k'));

  for (const Headers& headers : {update, erase}) {
    const std::string body = headers == update ? page : "";
    CHECK(gateway.put(target, body, headers).code() == "BlobUsesCustomerSpecifiedEncryption");
    CHECK(gateway.put(target, body, headers + key('x')).code() == "BlobCustomerSpecifiedEncryptionMismatch");
  }
  const Reply written = gateway.put(target, page, update + key('k'));
  REQUIRE(written.status == 201);
  CHECK(written.header("x-ms-request-server-encrypted") == "true");
  CHECK(written.header("x-ms-encryption-key-sha256") == hash_of('k'));
  const Headers from = {{"x-ms-copy-source", "/alpha/photos/disk"},
                        {"x-ms-source-range", "bytes=0-511"},
                        {"x-ms-page-write", "update"},
                        {"x-ms-range", "bytes=1024-1535"}};
  CHECK(gateway.put(target, {}, from + key('k')).code() == "BlobUsesCustomerSpecifiedEncryption");
  REQUIRE(gateway.put(target, {}, from + key('k') + key('k', "x-ms-source-encryption-")).status == 201);

  const std::string zeros(512, '\0');
  CHECK(gateway.get("/photos/disk", key('k')).body == page + zeros + page + zeros);
  CHECK(gateway.get("/photos/disk").code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(gateway.get("/photos/disk?comp=pagelist").has("<PageRange><Start>0</Start><End>511</End></PageRange>"));
  CHECK(gateway.put("/photos/disk?comp=properties", {}, size).code() == "BlobUsesCustomerSpecifiedEncryption");
  CHECK(gateway.put("/photos/disk?comp=properties", {}, size + key('k')).status == 200);
  CHECK(gateway.put(target, {}, erase + key('k')).status == 201);
  CHECK(gateway.get("/photos/disk", key('k')).body == zeros + zeros);
}

TEST_CASE("customers' keys come over TLS or from this machine, unless said otherwise") {
  RequestContext context;
  context.remote_address = "192.0.2.1";
  Fields fields;
  for (const auto& [name, value] : key('k')) fields.add(name, value);

  const auto refused = read_customer_key(context, fields, false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::invalid_input);
  CHECK(read_customer_key(context, fields, true));
  context.secure = true;
  CHECK(read_customer_key(context, fields, false));
  context.secure = false;
  context.remote_address = "127.0.0.1";
  CHECK(read_customer_key(context, fields, false));
}

}  // namespace
}  // namespace sluice::blob

#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/blob/headers.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

using test::container_sas;
using test::Gateway;
using test::Headers;
using test::Reply;

const std::string kOwn = "http://127.0.0.1:10000/alpha";

struct WithContainer : Gateway {
  WithContainer() { REQUIRE(put("/photos?restype=container").status == 201); }

  Reply block(const std::string& target, const std::string& id, const std::string& text, Headers headers = {}) {
    return put(target + "?comp=block&blockid=" + percent_encode(to_base64(id), false), text, std::move(headers));
  }
  Reply commit(const std::string& target, const std::string& list, Headers headers = {}) {
    return put(target + "?comp=blocklist", "<?xml version=\"1.0\"?><BlockList>" + list + "</BlockList>",
               std::move(headers));
  }
};

std::string named(const std::string& kind, const std::string& id) {
  return "<" + kind + ">" + to_base64(id) + "</" + kind + ">";
}

std::string md5_of(const std::string& text) { return to_base64(digest_of(DigestAlgorithm::md5, text).bytes); }

TEST_CASE("blocks are put, listed and committed") {
  WithContainer gateway;
  const Reply first = gateway.block("/photos/a", "b1", "one ");
  CHECK(first.status == 201);
  CHECK(first.header("Content-MD5") == md5_of("one "));
  gateway.block("/photos/a", "b2", "two");
  CHECK(gateway.get("/photos/a").code() == "BlobNotFound");
  CHECK(gateway.get("/photos/a?comp=blocklist&blocklisttype=uncommitted").has("<Name>" + to_base64("b2") + "</Name>"));

  const Reply made = gateway.commit(
      "/photos/a", named("Latest", "b1") + named("Uncommitted", "b2"),
      {{"x-ms-blob-content-type", "text/plain"}, {"x-ms-blob-content-md5", md5_of("one two")}, {"x-ms-meta-a", "1"}});

  CHECK(made.status == 201);
  const Reply got = gateway.get("/photos/a");
  CHECK(got.body == "one two");
  CHECK(got.header("ETag") == made.header("ETag"));
  CHECK(got.header("Content-Type") == "text/plain");
  CHECK(got.header("Content-MD5") == md5_of("one two"));
  CHECK(got.header("x-ms-meta-a") == "1");
  const Reply lists = gateway.get("/photos/a?comp=blocklist&blocklisttype=all");
  CHECK(lists.header("x-ms-blob-content-length") == "7");
  CHECK(lists.has("<CommittedBlocks><Block><Name>" + to_base64("b1") + "</Name><Size>4</Size></Block>"));
  CHECK(lists.has("<UncommittedBlocks></UncommittedBlocks>"));
}

TEST_CASE("what is wrong with a block or a list has its code") {
  WithContainer gateway;
  gateway.block("/photos/a", "b1", "one");

  CHECK(gateway.put("/photos/a?comp=block", "x").code() == "MissingRequiredQueryParameter");
  CHECK(gateway.put("/photos/a?comp=block&blockid=%21", "x").code() == "InvalidQueryParameterValue");
  CHECK(gateway.block("/photos/a", std::string(65, 'x'), "x").code() == "InvalidQueryParameterValue");
  CHECK(gateway.block("/photos/a", "longer", "x").code() == "InvalidBlobOrBlock");
  CHECK(gateway.block("/photos/a", "b2", "").code() == "InvalidHeaderValue");
  CHECK(gateway.block("/photos/a", "b2", "x", {{"Content-MD5", md5_of("y")}}).code() == "Md5Mismatch");
  CHECK(gateway.block("/none/a", "b2", "x").code() == "ContainerNotFound");
  CHECK(gateway.commit("/photos/a", named("Latest", "b9")).code() == "InvalidBlockList");
  CHECK(gateway.commit("/photos/a", named("Newest", "b1")).code() == "InvalidXmlDocument");
  CHECK(gateway.put("/photos/a?comp=blocklist", "<BlockList>").code() == "InvalidXmlDocument");
  CHECK(gateway.get("/photos/none?comp=blocklist").code() == "BlobNotFound");
  CHECK(gateway.get("/photos/a?comp=blocklist&blocklisttype=some").code() == "InvalidQueryParameterValue");
  gateway.put_blob("/photos/a", "there");
  gateway.block("/photos/a", "b1", "one");
  CHECK(gateway.commit("/photos/a", named("Latest", "b1"), {{"If-None-Match", "*"}}).code() == "BlobAlreadyExists");
}

TEST_CASE("a blob put whole discards what was staged for it") {
  WithContainer gateway;
  gateway.block("/photos/a", "b1", "one");

  gateway.put_blob("/photos/a", "whole");

  CHECK(gateway.commit("/photos/a", named("Latest", "b1")).code() == "InvalidBlockList");
  CHECK(gateway.get("/photos/a").body == "whole");
}

TEST_CASE("the block list of a snapshot is of the blocks it was made of") {
  WithContainer gateway;
  gateway.block("/photos/a", "b1", "one");
  REQUIRE(gateway.commit("/photos/a", named("Latest", "b1")).status == 201);
  const auto taken = gateway.put("/photos/a?comp=snapshot").header("x-ms-snapshot");
  REQUIRE(taken);
  gateway.block("/photos/a", "b2", "second");
  REQUIRE(gateway.commit("/photos/a", named("Latest", "b2")).status == 201);
  gateway.block("/photos/a", "b3", "third");
  const std::string list = "/photos/a?comp=blocklist&snapshot=" + percent_encode(*taken, false);

  const Reply got = gateway.get(list);

  CHECK(got.status == 200);
  CHECK(got.element("Name") == to_base64("b1"));
  CHECK_FALSE(got.has(to_base64("b2")));
  CHECK_FALSE(got.has("UncommittedBlocks"));
  CHECK(gateway.get(list + "&blocklisttype=all").code() == "InvalidQueryParameterValue");
  CHECK(gateway.get("/photos/a?comp=blocklist&snapshot=2026-01-01T00%3A00%3A00.0000000Z").code() == "BlobNotFound");
}

TEST_CASE("a block is taken from a blob of this server") {
  WithContainer gateway;
  gateway.put_blob("/photos/source", "0123456789");
  const auto from = [&](const std::string& url, Headers headers = {}) {
    headers.emplace_back("x-ms-copy-source", url);
    return gateway.block("/photos/a", "b1", "", std::move(headers));
  };

  CHECK(from(kOwn + "/photos/source", {{"x-ms-source-range", "bytes=2-4"}}).status == 201);
  REQUIRE(gateway.commit("/photos/a", named("Latest", "b1")).status == 201);
  CHECK(gateway.get("/photos/a").body == "234");
  CHECK(from(kOwn + "/photos/source", {{"x-ms-source-content-md5", md5_of("0123456789")}}).status == 201);
  CHECK(from(kOwn + "/photos/source", {{"x-ms-source-content-md5", md5_of("other")}}).code() == "Md5Mismatch");
  CHECK(from(kOwn + "/photos/source", {{"x-ms-source-range", "bytes=2-40"}}).code() == "InvalidRange");
  CHECK(from(kOwn + "/photos/source", {{"x-ms-source-if-match", "\"0x1\""}}).code() == "SourceConditionNotMet");
  CHECK(from(kOwn + "/photos/none").status == 404);
  CHECK(from("http://elsewhere:10000/alpha/photos/source").code() == "CannotVerifyCopySource");
  CHECK(from("not a url").code() == "InvalidHeaderValue");
}

TEST_CASE("a source needs its own right to be read, unless it is the signer's own") {
  WithContainer gateway;
  gateway.put_blob("/photos/source", "bar");
  const std::string writing = container_sas(gateway, "photos", "rw");
  const auto copy = [&](const std::string& url) {
    return gateway.anonymous("PUT", "/photos/copy?" + writing, {{"x-ms-copy-source", url}});
  };

  CHECK(copy(kOwn + "/photos/source").status == 403);
  CHECK(copy(kOwn + "/photos/source?" + container_sas(gateway, "photos", "w")).status == 403);
  CHECK(copy(kOwn + "/photos/source?" + container_sas(gateway, "photos", "r", "2026-01-01T00:00:00Z")).status == 403);
  CHECK(gateway.get("/photos/copy").status == 404);
  CHECK(copy(kOwn + "/photos/source?" + container_sas(gateway, "photos", "r")).status == 202);
  CHECK(gateway.get("/photos/copy").body == "bar");

  const auto as_beta = [&](const std::string& url) {
    return gateway.send({.method = "PUT",
                         .target = "/betas/copy",
                         .headers = {{"x-ms-copy-source", url}},
                         .body = {},
                         .account = "beta"});
  };
  REQUIRE(
      gateway
          .send({.method = "PUT", .target = "/betas?restype=container", .headers = {}, .body = {}, .account = "beta"})
          .status == 201);
  CHECK(as_beta(kOwn + "/photos/source").status == 403);
  CHECK(as_beta(kOwn + "/photos/source?" + container_sas(gateway, "photos", "r")).status == 202);
}

TEST_CASE("a copy is done when it is answered, and says what it is one of") {
  WithContainer gateway;
  gateway.put_blob("/photos/source", "bar", {{"x-ms-meta-a", "1"}, {"x-ms-blob-content-type", "image/png"}});

  const Reply copied = gateway.put("/photos/copy", "", {{"x-ms-copy-source", kOwn + "/photos/source"}});

  CHECK(copied.status == 202);
  CHECK(copied.header("x-ms-copy-status") == "success");
  const Reply got = gateway.get("/photos/copy");
  CHECK(got.body == "bar");
  CHECK(got.header("Content-Type") == "image/png");
  CHECK(got.header("x-ms-meta-a") == "1");
  CHECK(got.header("x-ms-copy-id") == copied.header("x-ms-copy-id"));
  CHECK(got.header("x-ms-copy-source") == kOwn + "/photos/source");
  CHECK(got.header("x-ms-copy-progress") == "3/3");
  CHECK(gateway
            .put("/photos/copy?comp=copy&copyid=" + *copied.header("x-ms-copy-id"), "", {{"x-ms-copy-action", "abort"}})
            .code() == "NoPendingCopyOperation");

  CHECK(gateway
            .put("/photos/named", "",
                 {{"x-ms-copy-source", kOwn + "/photos/source"}, {"x-ms-requires-sync", "true"}, {"x-ms-meta-b", "2"}})
            .status == 202);
  CHECK(gateway.get("/photos/named").header("x-ms-meta-b") == "2");
  CHECK_FALSE(gateway.get("/photos/named").header("x-ms-meta-a"));
  CHECK(
      gateway.put("/photos/copy", "", {{"x-ms-copy-source", kOwn + "/photos/source"}, {"If-None-Match", "*"}}).code() ==
      "BlobAlreadyExists");
}

TEST_CASE("a blob put from a URL is a blob of its own") {
  WithContainer gateway;
  gateway.put_blob("/photos/source", "bar", {{"x-ms-meta-a", "1"}, {"x-ms-blob-content-type", "image/png"}});
  const Headers headers{{"x-ms-copy-source", kOwn + "/photos/source"},
                        {"x-ms-blob-type", "BlockBlob"},
                        {"x-ms-source-content-md5", md5_of("bar")}};

  CHECK(gateway.put("/photos/new", "", headers).status == 201);

  const Reply got = gateway.get("/photos/new");
  CHECK(got.body == "bar");
  CHECK(got.header("Content-Type") == "image/png");
  CHECK_FALSE(got.header("x-ms-meta-a"));
  CHECK_FALSE(got.header("x-ms-copy-id"));
}

TEST_CASE("blobs of nothing but uncommitted blocks are listed where that is asked for") {
  WithContainer gateway;
  gateway.put_blob("/photos/b", "text");
  gateway.block("/photos/a", "b1", "one");
  gateway.block("/photos/b", "b1", "one");
  gateway.block("/photos/c/d", "b1", "one");
  const std::string list = "/photos?restype=container&comp=list";

  CHECK_FALSE(gateway.get(list).has("<Name>a</Name>"));
  const Reply all = gateway.get(list + "&include=uncommittedblobs");
  CHECK(all.has("<Blob><Name>a</Name><Properties>"));
  CHECK(all.has("<Name>b</Name>"));
  CHECK(all.body.find("<Name>b</Name>") == all.body.rfind("<Name>b</Name>"));
  CHECK(all.has("<Name>c/d</Name>"));
  CHECK(gateway.get(list + "&include=uncommittedblobs&delimiter=/").has("<BlobPrefix><Name>c/</Name></BlobPrefix>"));
  CHECK(gateway.get(list + "&include=uncommittedblobs,snapshots").code() == "InvalidQueryParameterValue");
}

TEST_CASE("an access policy is stored, told and judged by") {
  WithContainer gateway;
  gateway.put_blob("/photos/a", "bar");
  const std::string document =
      "<?xml version=\"1.0\" encoding=\"utf-8\"?><SignedIdentifiers><SignedIdentifier><Id>readers</Id><AccessPolicy>"
      "<Start>2026-01-01T00:00:00Z</Start><Expiry>2026-02-01T00:00:00Z</Expiry><Permission>r</Permission>"
      "</AccessPolicy></SignedIdentifier></SignedIdentifiers>";

  CHECK(gateway.put("/photos?restype=container&comp=acl", document, {{"x-ms-blob-public-access", "blob"}}).status ==
        200);

  const Reply acl = gateway.get("/photos?restype=container&comp=acl");
  CHECK(acl.has("<Id>readers</Id>"));
  CHECK(acl.has("<Permission>r</Permission>"));
  CHECK(acl.header("x-ms-blob-public-access") == "blob");
  CHECK(gateway.anonymous("GET", "/photos/a").body == "bar");
  CHECK(gateway.put("/photos?restype=container&comp=acl", "").status == 200);
  CHECK(gateway.anonymous("GET", "/photos/a").code() == "ResourceNotFound");
  CHECK(gateway.put("/photos?restype=container&comp=acl", "<A/>").code() == "InvalidXmlDocument");
}

TEST_CASE("the answer to a block list gives back the digest that came with it") {
  WithContainer gateway;
  const std::string list = "<BlockList></BlockList>";
  const std::string md5 = md5_of(list);
  const std::string crc64 = crc64_text(digest_of(DigestAlgorithm::crc64nvme, list));

  const Reply plain = gateway.put("/photos/a?comp=blocklist", list);
  CHECK_FALSE(plain.header("Content-MD5"));
  CHECK(gateway.put("/photos/a?comp=blocklist", list, {{"Content-MD5", md5}}).header("Content-MD5") == md5);
  CHECK(gateway.put("/photos/a?comp=blocklist", list, {{"x-ms-content-crc64", crc64}}).header("x-ms-content-crc64") ==
        crc64);
  CHECK(gateway.put("/photos/a?comp=blocklist", list, {{"x-ms-content-crc64", md5.substr(0, 12)}}).status == 400);
}

}  // namespace
}  // namespace sluice::blob

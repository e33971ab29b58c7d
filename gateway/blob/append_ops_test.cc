#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

using test::Gateway;
using test::Headers;

void make_append_blob(Gateway& gateway) {
  REQUIRE(gateway.put("/box?restype=container").status == 201);
  REQUIRE(gateway.put("/box/log", {}, {{"x-ms-blob-type", "AppendBlob"}, {"x-ms-blob-content-type", "text/plain"}})
              .status == 201);
}

test::Reply append(Gateway& gateway, std::string body, Headers headers = {}) {
  return gateway.put("/box/log?comp=appendblock", std::move(body), std::move(headers));
}

}  // namespace

TEST_CASE("an append blob grows block by block") {
  Gateway gateway;
  make_append_blob(gateway);

  const auto first = append(gateway, "one,");
  const auto second = append(gateway, "two");

  CHECK(first.status == 201);
  CHECK(first.header("x-ms-blob-append-offset") == "0");
  CHECK(first.header("Content-MD5") == to_base64(digest_of(DigestAlgorithm::md5, "one,").bytes));
  CHECK(second.header("x-ms-blob-append-offset") == "4");
  CHECK(second.header("x-ms-blob-committed-block-count") == "2");
  const auto got = gateway.get("/box/log");
  CHECK(got.body == "one,two");
  CHECK(got.header("x-ms-blob-type") == "AppendBlob");
  CHECK(got.header("x-ms-blob-committed-block-count") == "2");
  CHECK(got.header("Content-Type") == "text/plain");
  CHECK_FALSE(got.header("Content-MD5"));
  CHECK(got.header("ETag") == second.header("ETag"));
  const auto listed = gateway.get("/box?restype=container&comp=list");
  CHECK(listed.element("BlobType") == "AppendBlob");
  CHECK(listed.element("Content-Length") == "7");
  CHECK(listed.element("Content-MD5").empty());
}

TEST_CASE("appends are refused with the service's codes") {
  Gateway gateway;
  make_append_blob(gateway);
  REQUIRE(gateway.put_blob("/box/block", "text").status == 201);

  CHECK(gateway.put("/box/none?comp=appendblock", "x").code() == "BlobNotFound");
  CHECK(gateway.put("/box/block?comp=appendblock", "x").code() == "InvalidBlobType");
  CHECK(append(gateway, "").code() == "InvalidHeaderValue");
  CHECK(append(gateway, "x", {{"x-ms-blob-condition-appendpos", "7"}}).code() == "AppendPositionConditionNotMet");
  CHECK(append(gateway, "12345", {{"x-ms-blob-condition-maxsize", "4"}}).code() == "MaxBlobSizeConditionNotMet");
  CHECK(append(gateway, "x", {{"x-ms-blob-condition-maxsize", "many"}}).code() == "InvalidHeaderValue");
  CHECK(append(gateway, "x", {{"Content-MD5", to_base64(std::string(16, 'x'))}}).code() == "Md5Mismatch");
  CHECK(append(gateway, "x", {{"If-Match", "\"0x1\""}}).code() == "ConditionNotMet");
  CHECK(gateway.get("/box/log").body.empty());
  CHECK(
      append(gateway, "1234", {{"x-ms-blob-condition-appendpos", "0"}, {"x-ms-blob-condition-maxsize", "4"}}).status ==
      201);
  CHECK(gateway.put("/box/log", "body", {{"x-ms-blob-type", "AppendBlob"}}).status >= 400);
  CHECK(gateway.get("/box/log").body == "1234");
}

TEST_CASE("a sealed append blob says so and takes no more") {
  Gateway gateway;
  make_append_blob(gateway);
  REQUIRE(append(gateway, "1234").status == 201);

  CHECK(gateway.put("/box/log?comp=seal", {}, {{"x-ms-blob-condition-appendpos", "3"}}).code() ==
        "AppendPositionConditionNotMet");
  const auto sealed = gateway.put("/box/log?comp=seal");
  CHECK(sealed.status == 200);
  CHECK(sealed.header("x-ms-blob-sealed") == "true");
  CHECK(append(gateway, "5").code() == "BlobIsSealed");
  CHECK(gateway.head("/box/log").header("x-ms-blob-sealed") == "true");
  CHECK(gateway.get("/box?restype=container&comp=list").element("Sealed") == "true");
}

TEST_CASE("a copy of an append blob is sealed where that is asked for") {
  Gateway gateway;
  make_append_blob(gateway);
  REQUIRE(append(gateway, "1234").status == 201);
  REQUIRE(gateway.put("/box/log?comp=seal").status == 200);
  REQUIRE(gateway.put_blob("/box/block", "meow").status == 201);
  const auto copy = [&](const std::string& source, const std::string& seal) {
    return gateway.put("/box/copy", {},
                       {{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/" + source}, {"x-ms-seal-blob", seal}});
  };

  CHECK(copy("log", "false").status == 202);
  CHECK(gateway.put("/box/copy?comp=appendblock", "5").status == 201);
  CHECK(copy("log", "true").status == 202);
  CHECK(gateway.head("/box/copy").header("x-ms-blob-sealed") == "true");
  CHECK(gateway.put("/box/copy?comp=appendblock", "5").code() == "BlobIsSealed");
  CHECK(gateway.get("/box/copy").body == "1234");
  CHECK(copy("block", "true").code() == "InvalidBlobType");
  CHECK(copy("log", "perhaps").code() == "InvalidHeaderValue");
}

TEST_CASE("a leased append blob takes appends of its holder alone") {
  Gateway gateway;
  make_append_blob(gateway);
  const std::string id = "aaaaaaaa-0000-4000-8000-000000000000";
  REQUIRE(gateway
              .put("/box/log?comp=lease", {},
                   {{"x-ms-lease-action", "acquire"}, {"x-ms-lease-duration", "-1"}, {"x-ms-proposed-lease-id", id}})
              .status == 201);

  CHECK(append(gateway, "x").code() == "LeaseIdMissing");
  CHECK(append(gateway, "x", {{"x-ms-lease-id", id}}).status == 201);
}

TEST_CASE("a block is appended from a URL") {
  Gateway gateway;
  make_append_blob(gateway);
  REQUIRE(gateway.put_blob("/box/source", "0123456789").status == 201);
  const std::string source = "http://127.0.0.1:10000/alpha/box/source";
  const std::string md5 = to_base64(digest_of(DigestAlgorithm::md5, "234").bytes);

  const auto first = append(gateway, "",
                            {{"x-ms-copy-source", source},
                             {"x-ms-source-range", "bytes=2-4"},
                             {"x-ms-source-content-md5", md5},
                             {"x-ms-blob-condition-appendpos", "0"}});
  CHECK(first.status == 201);
  CHECK(first.header("Content-MD5") == md5);
  CHECK(append(gateway, "", {{"x-ms-copy-source", source}}).header("x-ms-blob-append-offset") == "3");
  CHECK(append(gateway, "", {{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/log"}}).status == 201);
  CHECK(append(gateway, "", {{"x-ms-copy-source", source}, {"x-ms-source-range", "bytes=2-40"}}).code() ==
        "InvalidRange");
  CHECK(append(gateway, "", {{"x-ms-copy-source", source}, {"x-ms-source-content-md5", md5}}).code() == "Md5Mismatch");
  CHECK(append(gateway, "", {{"x-ms-copy-source", source}, {"x-ms-source-if-match", "\"0x1\""}}).code() ==
        "SourceConditionNotMet");
  CHECK(gateway.get("/box/log").body == "23401234567892340123456789");
}

TEST_CASE("what is appended from the URL of a snapshot is the snapshot's") {
  Gateway gateway;
  make_append_blob(gateway);
  REQUIRE(gateway.put_blob("/box/source", "then").status == 201);
  const auto snapshot = gateway.put("/box/source?comp=snapshot").header("x-ms-snapshot").value();
  REQUIRE(gateway.put_blob("/box/source", "now").status == 201);

  const std::string source = "http://127.0.0.1:10000/alpha/box/source?snapshot=" + snapshot;
  CHECK(append(gateway, "", {{"x-ms-copy-source", source}}).status == 201);

  CHECK(gateway.get("/box/log").body == "then");
}

TEST_CASE("blocks and appends do not mix, and a blob of another kind takes the place of one") {
  Gateway gateway;
  make_append_blob(gateway);
  REQUIRE(append(gateway, "text").status == 201);

  CHECK(gateway.put("/box/log?comp=block&blockid=YWFh", "block").code() == "InvalidBlobType");
  CHECK(gateway.put("/box/log?comp=blocklist", "<BlockList></BlockList>").code() == "InvalidBlobType");
  CHECK(gateway.get("/box/log?comp=blocklist").code() == "InvalidBlobType");
  CHECK(gateway.get("/box/log").body == "text");

  REQUIRE(gateway.put("/box/copy", "", {{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/log"}}).status == 202);
  CHECK(gateway.head("/box/copy").header("x-ms-blob-type") == "AppendBlob");
  REQUIRE(gateway
              .put("/box/new", "",
                   {{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/log"}, {"x-ms-blob-type", "BlockBlob"}})
              .status == 201);
  CHECK(gateway.head("/box/new").header("x-ms-blob-type") == "BlockBlob");
  CHECK(gateway.get("/box/new").body == "text");

  REQUIRE(gateway.put_blob("/box/log", "whole").status == 201);
  CHECK(gateway.head("/box/log").header("x-ms-blob-type") == "BlockBlob");
  CHECK(gateway.put("/box/log", "", {{"x-ms-blob-type", "AppendBlob"}, {"If-None-Match", "*"}}).code() ==
        "BlobAlreadyExists");
  CHECK(gateway.put("/box/log", "", {{"x-ms-blob-type", "AppendBlob"}}).status == 201);
  CHECK(gateway.get("/box/log").body.empty());
}

}  // namespace sluice::blob

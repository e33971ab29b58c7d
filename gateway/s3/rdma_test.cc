#include "gateway/s3/rdma.h"

#include <catch2/catch.hpp>

#include "gateway/core/encoding.h"
#include "gateway/s3/client_for_test.h"
#include "gateway/s3/client_memory_for_test.h"

namespace sluice::s3 {
namespace {

using test::FakeClientMemory;
using test::Headers;
using test::Reply;

constexpr std::size_t kMemorySize = 1 << 20;
constexpr const char* kConnect = "/?rdma-rc-connect";

std::string little_endian(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
  return to_hex(bytes);
}

/// Of the memory from `offset` on.
std::string token(std::uint64_t offset, std::uint64_t size, std::uint32_t key = FakeClientMemory::kKey) {
  return "01" + little_endian(FakeClientMemory::kQueuePair, 4) + "00000000000000000000ffff0a630001" +
         little_endian(key, 4) + little_endian(FakeClientMemory::kAddress + offset, 8) + little_endian(size, 8) +
         "010000";
}

Headers offer(const std::string& text, Headers more = {}) {
  more.emplace_back("x-amz-rdma-token", text);
  return more;
}
Headers offer(std::uint64_t offset, std::uint64_t size, Headers more = {}) {
  return offer(token(offset, size), std::move(more));
}

std::string some_bytes(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

/// A gateway that moves objects over RDMA, a bucket, and a client with memory.
struct Client {
  FakeClientMemory memory{kMemorySize};
  test::Gateway gateway{{}, &memory};

  Client() { gateway.put("/photos"); }

  Reply connect(Headers more = {}, const std::string& user = "alice") {
    if (more.empty()) more = {{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "4096"}};
    more.emplace_back("x-amz-rdma-token", token(0, 0));
    return gateway.send({"POST", kConnect, more, "", user});
  }

  /// Puts `text` at the beginning of the client's memory, and nothing else.
  void fill(const std::string& text) {
    memory.bytes.assign(kMemorySize, '-');
    memory.bytes.replace(0, text.size(), text);
  }
  double declined(const std::string& reason) const { return gateway.count("sluice_s3_rdma_declined_total", reason); }
};

}  // namespace

TEST_CASE("a connection is made for who signs for it, and its other end told") {
  Client client;

  const Reply reply = client.connect();

  CHECK(reply.status == 200);
  const RdmaEnd end{.address = client.memory.client->address, .queue_pair = 0x4321};
  CHECK(reply.header("x-amz-rdma-reply") == "200:" + format_rdma_end(end));
  CHECK(reply.header("x-amz-rdma-psn") == "abcdef");
  CHECK(reply.header("x-amz-rdma-mtu") == "1024");
  CHECK(client.memory.owners == std::vector<std::string>{"alice-key"});
  CHECK(client.memory.client->queue_pair == FakeClientMemory::kQueuePair);
  CHECK(client.memory.client->first_packet == 0xabcd);
  CHECK(client.memory.client->mtu == 4096);
  CHECK(client.gateway.count("sluice_s3_rdma_connections_total") == 1);
}

TEST_CASE("no connection is made for what does not say how, or is not signed in its header") {
  Client client;
  const Headers headers = offer(0, 0, {{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "1024"}});

  CHECK(client.gateway.send({"POST", kConnect, headers, "", ""}).status == 403);
  CHECK(client.gateway.post(kConnect).status == 400);
  CHECK(client.connect({{"x-amz-rdma-psn", "abcd"}, {"x-amz-rdma-mtu", "1024"}}).status == 400);
  CHECK(client.connect({{"x-amz-rdma-psn", "00abcx"}, {"x-amz-rdma-mtu", "1024"}}).status == 400);
  CHECK(client.connect({{"x-amz-rdma-psn", "00abcd"}}).status == 400);
  CHECK(client.connect({{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "x"}}).status == 400);
  CHECK(client.connect({{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "1"}}).status == 400);
  CHECK(client.connect({{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "1024"}, {"x-amz-acl", "a"}}).status == 501);
  const std::string dynamic = "0102030405060708:01020304:01020304:0102:010203:1:0102030405060708090a0b0c0d0e0f10";
  const Reply other =
      client.gateway.post(kConnect, "", offer(dynamic, {{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "1024"}}));
  CHECK(other.status == 501);
  CHECK(other.header("x-amz-rdma-reply") == "501");
  CHECK(client.gateway.get(kConnect).status == 405);
  CHECK(client.memory.owners.empty());
  // Who may only read may ask for one, too.
  CHECK(client.connect({}, "reader").status == 200);
}

TEST_CASE("where RDMA is off, no connection is made and all is declined, and counted") {
  test::Gateway gateway;
  gateway.put("/photos");

  CHECK(gateway.post(kConnect, "", offer(0, 0, {{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "1024"}})).status ==
        501);
  CHECK(gateway.put("/photos/a", "", offer(0, 10)).status == 501);
  CHECK(gateway.get("/photos/a", offer(0, 10)).status == 501);
  CHECK(gateway.count("sluice_s3_rdma_declined_total", "off") == 3);
}

TEST_CASE("an object is fetched from the client's memory, and stored into it") {
  Client client;
  client.connect();
  const auto size = GENERATE(as<std::size_t>{}, 1, 999, 1000, 1001, 20'000, 300'000, kMemorySize / 2);
  CAPTURE(size);
  const std::string text = some_bytes(size);
  client.fill(text);

  const Reply put = client.gateway.put("/photos/a", "", offer(0, size));

  CHECK(put.status == 200);
  CHECK(put.header("x-amz-rdma-reply") == "200");
  CHECK(put.header("x-amz-rdma-bytes-transferred") == std::to_string(size));
  CHECK(put.content_length == 0);
  const Reply plain = client.gateway.get("/photos/a");
  CHECK(plain.body == text);
  CHECK(plain.header("ETag") == put.header("ETag"));
  CHECK(put.header("x-amz-checksum-crc64nvme").has_value());

  client.fill("");
  const Reply got = client.gateway.get("/photos/a", offer(kMemorySize / 2, kMemorySize / 2));

  CHECK(got.status == 200);
  CHECK(got.header("x-amz-rdma-reply") == "200");
  CHECK(got.header("x-amz-rdma-bytes-transferred") == std::to_string(size));
  CHECK(got.header("ETag") == put.header("ETag"));
  CHECK(got.content_length == 0);
  CHECK(got.body.empty());
  CHECK(client.memory.bytes.substr(kMemorySize / 2, size) == text);
  CHECK(client.memory.bytes.substr(0, kMemorySize / 2) == std::string(kMemorySize / 2, '-'));
  CHECK(client.memory.bytes.find_first_not_of('-', kMemorySize / 2 + size) == std::string::npos);
  CHECK(client.memory.under_way == 0);
  CHECK(client.gateway.count("sluice_s3_rdma_transfers_total", "in") == 1);
  CHECK(client.gateway.count("sluice_s3_rdma_transfers_total", "out") == 1);
  CHECK(client.gateway.count("sluice_s3_rdma_bytes_total", "in") == static_cast<double>(size));
  CHECK(client.gateway.count("sluice_s3_rdma_bytes_total", "out") == static_cast<double>(size));
}

TEST_CASE("a range and a part of an object are stored into the client's memory") {
  Client client;
  client.connect();
  client.gateway.put("/photos/a", some_bytes(5000));

  const Reply range = client.gateway.get("/photos/a", offer(0, 3000, {{"Range", "bytes=1000-3999"}}));
  CHECK(range.status == 206);
  CHECK(range.header("x-amz-rdma-reply") == "206");
  CHECK(range.header("x-amz-rdma-bytes-transferred") == "3000");
  CHECK(range.header("Content-Range") == "bytes 1000-3999/5000");
  CHECK(client.memory.bytes.substr(0, 3001) == some_bytes(5000).substr(1000, 3000) + "-");

  const Reply part = client.gateway.get("/photos/a?partNumber=1", offer(0, 5000));
  CHECK(part.status == 206);
  CHECK(part.header("x-amz-rdma-reply") == "206");
  CHECK(client.memory.bytes.substr(0, 5001) == some_bytes(5000) + "-");

  const Reply beyond = client.gateway.get("/photos/a", offer(0, 3000, {{"Range", "bytes=5000-"}}));
  CHECK(beyond.status == 416);
  CHECK(beyond.header("x-amz-rdma-reply") == "416");
}

TEST_CASE("an empty object is stored into no memory") {
  Client client;
  client.connect();
  client.gateway.put("/photos/empty");

  const Reply got = client.gateway.get("/photos/empty", offer(0, 0));

  CHECK(got.status == 200);
  CHECK(got.header("x-amz-rdma-bytes-transferred") == "0");
}

TEST_CASE("the parts of an upload are fetched from the client's memory") {
  Client client;
  client.connect();
  const Reply begun = client.gateway.post("/photos/big?uploads");
  const std::string upload = begun.element("UploadId");
  client.fill(some_bytes(2000));

  const Reply part = client.gateway.put("/photos/big?partNumber=1&uploadId=" + upload, "", offer(0, 2000));

  CHECK(part.status == 200);
  CHECK(part.header("x-amz-rdma-bytes-transferred") == "2000");
  const std::string document = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                               part.header("ETag").value() + "</ETag></Part></CompleteMultipartUpload>";
  CHECK(client.gateway.post("/photos/big?uploadId=" + upload, document).status == 200);
  CHECK(client.gateway.get("/photos/big").body == some_bytes(2000));
  CHECK(client.gateway.put("/photos/big?partNumber=1&uploadId=none", "", offer(0, 2000)).status == 404);
}

TEST_CASE("what a client says of its bytes is held to, and what does not match is not stored") {
  Client client;
  client.connect();
  const std::string text = some_bytes(3000);
  client.fill(text);
  const auto md5 = [](const std::string& of) { return to_base64(digest_of(DigestAlgorithm::md5, of).bytes); };
  const auto crc = [](const std::string& of) { return to_base64(digest_of(DigestAlgorithm::crc32c, of).bytes); };

  CHECK(client.gateway.put("/photos/a", "", offer(0, 3000, {{"Content-MD5", md5(text)}})).status == 200);
  CHECK(client.gateway.put("/photos/b", "", offer(0, 3000, {{"x-amz-checksum-crc32c", crc(text)}})).status == 200);
  for (const auto& wrong : Headers{{"Content-MD5", md5("x")}, {"x-amz-checksum-crc32c", crc("x")}}) {
    const Reply put = client.gateway.put("/photos/c", "", offer(0, 3000, {wrong}));
    CHECK(put.status == 400);
    CHECK(put.header("x-amz-rdma-reply") == "400");
    CHECK_FALSE(put.header("x-amz-rdma-bytes-transferred"));
  }
  CHECK(client.gateway.get("/photos/c").status == 404);
  CHECK(client.memory.under_way == 0);
}

TEST_CASE("conditions hold over RDMA, before a byte is moved") {
  Client client;
  client.connect();
  client.gateway.put("/photos/a", "bar");
  client.fill(some_bytes(3000));
  client.memory.operations_left = 0;

  const Reply put = client.gateway.put("/photos/a", "", offer(0, 3000, {{"If-None-Match", "*"}}));
  CHECK(put.status == 412);
  CHECK(put.header("x-amz-rdma-reply") == "412");
  CHECK(client.gateway.get("/photos/a", offer(0, 3000, {{"If-Match", "\"x\""}})).status == 412);
  CHECK(client.gateway.get("/photos/none", offer(0, 3000)).status == 404);
  CHECK(client.gateway.put("/missing/a", "", offer(0, 3000)).status == 404);
  CHECK(client.gateway.send({"PUT", "/photos/a", offer(0, 3000), "", "bob"}).status == 403);
  CHECK(client.memory.operations_left == 0);
  CHECK(client.gateway.get("/photos/a").body == "bar");
  CHECK(client.memory.under_way == 0);
}

TEST_CASE("what is unsure is declined, stores nothing and moves nothing") {
  Client client;
  client.connect();
  client.gateway.put("/photos/a", some_bytes(3000));
  client.memory.operations_left = 0;
  const auto declines = [&](const Reply& reply, const std::string& reason) {
    CAPTURE(reason);
    CHECK(reply.status == 501);
    CHECK(reply.header("x-amz-rdma-reply") == "501");
    CHECK_FALSE(reply.header("x-amz-rdma-bytes-transferred"));
    CHECK(client.declined(reason) == 1);
    CHECK(client.gateway.get("/photos/new").status == 404);
    CHECK(client.memory.under_way == 0);
  };
  test::Gateway& gateway = client.gateway;

  SECTION("a window that is smaller than the object") { declines(gateway.get("/photos/a", offer(0, 2999)), "window"); }
  SECTION("no bytes") { declines(gateway.put("/photos/new", "", offer(0, 0)), "window"); }
  SECTION("another's connection") {
    gateway.send({"PUT", "/bobs", {}, "", "bob"});
    declines(gateway.send({"PUT", "/bobs/a", offer(0, 10), "", "bob"}), "connection");
  }
  SECTION("another transport") {
    const std::string dynamic = "0102030405060708:01020304:01020304:0102:010203:1:0102030405060708090a0b0c0d0e0f10";
    declines(gateway.get("/photos/a", offer(dynamic)), "transport");
  }
  SECTION("a signed hash of the body") {
    declines(gateway.send({"PUT", "/photos/new", offer(0, 10), "", "alice", "sha256"}), "body");
  }
  SECTION("a framed body") {
    const Headers framed = offer(0, 10, {{"x-amz-decoded-content-length", "10"}});
    declines(gateway.put("/photos/new", "", framed), "body");
  }
  SECTION("too much under way") {
    client.memory.busy = true;
    declines(gateway.put("/photos/new", "", offer(0, 10)), "busy");
  }
  SECTION("nobody's request") {
    gateway.put("/photos/public", "bar", {{"x-amz-acl", "public-read"}});
    declines(gateway.send({"GET", "/photos/a", offer(0, 3000), "", ""}), "signature");
  }
}

TEST_CASE("a token that is not signed counts for nothing") {
  Client client;
  client.connect();
  client.fill(some_bytes(10));

  http::RequestHeader header = client.gateway.header_of({"PUT", "/photos/new"});
  header.fields.add("x-amz-rdma-token", token(0, 10));
  CHECK(client.gateway.send(header, "").status == 403);
  // In the query, as presigning clients have it, but signed in the header.
  const Reply queried = client.gateway.put("/photos/new?x-amz-rdma-token=" + token(0, 10));
  CHECK(queried.status == 501);
  CHECK(client.declined("signature") == 1);
  CHECK(client.gateway.get("/photos/new").status == 404);
}

TEST_CASE("a transfer that fails stores nothing, and leaves the old object") {
  Client client;
  client.connect();
  client.gateway.put("/photos/a", "old");
  client.fill(some_bytes(300'000));
  const auto operations = GENERATE(0, 1, 20, 150, 299);
  client.memory.operations_left = operations;

  const Reply put = client.gateway.put("/photos/a", "", offer(0, 300'000));

  CHECK(put.status == 503);
  CHECK(put.header("x-amz-rdma-reply") == "503");
  CHECK_FALSE(put.header("x-amz-rdma-bytes-transferred"));
  CHECK(client.gateway.get("/photos/a").body == "old");
  CHECK(client.gateway.count("sluice_s3_rdma_failures_total", "in") == 1);
  CHECK(client.gateway.count("sluice_s3_rdma_transfers_total", "in") == 0);
  CHECK(client.memory.under_way == 0);

  // The connection is gone; with a new one all is well.
  client.memory.operations_left.reset();
  CHECK(client.gateway.put("/photos/a", "", offer(0, 300'000)).status == 501);
  client.connect();
  CHECK(client.gateway.put("/photos/a", "", offer(0, 300'000)).status == 200);
  CHECK(client.gateway.get("/photos/a").body == some_bytes(300'000));
}

TEST_CASE("a key that the client's device refuses, or memory it does not have, fails the transfer") {
  Client client;
  client.connect();
  client.gateway.put("/photos/a", some_bytes(3000));
  const auto wrong = GENERATE_COPY(token(0, 3000, FakeClientMemory::kKey + 1), token(kMemorySize - 10, 3000));

  const bool writes = GENERATE(false, true);
  const Reply reply =
      writes ? client.gateway.put("/photos/new", "", offer(wrong)) : client.gateway.get("/photos/a", offer(wrong));

  CHECK(reply.status == 503);
  CHECK(reply.element("Code") == "ServiceUnavailable");
  CHECK(client.gateway.count("sluice_s3_rdma_failures_total", writes ? "in" : "out") == 1);
  CHECK(client.gateway.get("/photos/new").status == 404);
}

TEST_CASE("a read that fails in its middle is no success of RDMA") {
  Client client;
  client.connect();
  client.gateway.put("/photos/a", some_bytes(300'000));
  client.memory.operations_left = 3;

  const Reply got = client.gateway.get("/photos/a", offer(0, kMemorySize));

  CHECK(got.status == 503);
  CHECK(got.header("x-amz-rdma-reply") == "503");
  CHECK_FALSE(got.header("ETag"));
  CHECK(client.gateway.count("sluice_s3_rdma_failures_total", "out") == 1);
  CHECK(client.memory.under_way == 0);
}

TEST_CASE("an object whose stored bytes are damaged is not answered as moved") {
  Client client;
  client.connect();
  client.gateway.put("/photos/a", some_bytes(300'000));
  client.gateway.damage();

  const Reply got = client.gateway.get("/photos/a", offer(0, kMemorySize));

  CHECK(got.status == 500);
  CHECK(got.header("x-amz-rdma-reply") == "500");
  CHECK(client.gateway.count("sluice_s3_rdma_failures_total", "out") == 0);
  CHECK(client.gateway.count("sluice_s3_rdma_transfers_total", "out") == 0);
}

TEST_CASE("what goes by HTTP in any case is done by it, also where RDMA is on") {
  Client client;
  client.connect();

  const Reply put = client.gateway.put("/photos/a", "bar", offer(0, 10));
  CHECK(put.status == 200);
  CHECK(put.header("x-amz-rdma-reply") == "501");
  const Reply head = client.gateway.head("/photos/a", offer(0, 10));
  CHECK(head.status == 200);
  CHECK(head.header("x-amz-rdma-reply") == "501");
  CHECK(client.gateway.get("/photos/a").body == "bar");
}

TEST_CASE("a window larger than an object may be is refused") {
  FakeClientMemory memory(kMemorySize);
  Options options;
  options.put_size_max = 5000;
  test::Gateway gateway(options, &memory);
  gateway.put("/photos");
  gateway.post(kConnect, "", offer(0, 0, {{"x-amz-rdma-psn", "00abcd"}, {"x-amz-rdma-mtu", "1024"}}));
  memory.operations_left = 0;

  CHECK(gateway.put("/photos/a", "", offer(0, 5001)).element("Code") == "EntityTooLarge");
  CHECK(memory.under_way == 0);
}

TEST_CASE("encrypted objects are moved in the clear, as over HTTP") {
  Client client;
  client.connect();
  client.fill(some_bytes(3000));
  const Headers encrypted = offer(0, 3000, {{"x-amz-server-side-encryption", "AES256"}});

  CHECK(client.gateway.put("/photos/a", "", encrypted).status == 200);
  CHECK(client.gateway.get("/photos/a", offer(5000, 3000)).status == 200);
  CHECK(client.memory.bytes.substr(5000, 3000) == some_bytes(3000));
}

}  // namespace sluice::s3

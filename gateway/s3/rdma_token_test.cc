#include "gateway/s3/rdma_token.h"

#include <catch2/catch.hpp>

#include "gateway/s3/client_for_test.h"

namespace sluice::s3 {
namespace {

using test::Gateway;
using test::Reply;

const std::string kDynamic = "0102030405060708:01020304:01020304:0102:010203:1:0102030405060708090a0b0c0d0e0f10";
// RC, queue pair 0x11, some GID, rkey 0x22, address 0x1000, size 0x2000, port 1, LID 0.
const std::string kReliable =
    "01"
    "11000000"
    "fe800000000000000000000000000001"
    "22000000"
    "0010000000000000"
    "0020000000000000"
    "01"
    "0000";

/// `text` with the character at `at` replaced.
std::string with(std::string text, std::size_t at, char c) {
  text.at(at) = c;
  return text;
}

RdmaToken dynamic(std::uint64_t address, std::uint64_t size) {
  RdmaToken token;
  token.window.address = address;
  token.window.size = size;
  return token;
}

class WithBucket : public Gateway {
 public:
  WithBucket() { put("/photos"); }
};

}  // namespace

TEST_CASE("a token of dynamically connected transport names memory by address and size") {
  const RdmaToken whole = dynamic(0x0102030405060708, 0x01020304);
  CHECK(parse_rdma_token(kDynamic) == whole);
  CHECK(parse_rdma_token(kDynamic + ";") == whole);
  CHECK(parse_rdma_token(with(kDynamic, 74, 'F')) == whole);
  const RdmaToken part = dynamic(0x0102030405060800, 0x1000);
  CHECK(parse_rdma_token(kDynamic + ":0102030405060800:0000000000001000") == part);
  CHECK(parse_rdma_token(kDynamic + ":0102030405060800:0000000000001000;") == part);
}

TEST_CASE("a token of reliable connections is 44 bytes") {
  REQUIRE(kReliable.size() == 88);
  RdmaToken token{.transport = RdmaToken::Transport::reliable,
                  .window = {.device = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                             .queue_pair = 0x11,
                             .key = 0x22,
                             .address = 0x1000,
                             .size = 0x2000}};
  CHECK(parse_rdma_token(kReliable) == token);
  CHECK(parse_rdma_token(with(kReliable, 1, '0')) == dynamic(0x1000, 0x2000));
  token.window.address = 0x1800;
  token.window.size = 0x10;
  CHECK(parse_rdma_token(kReliable + ":1800:10") == token);
}

TEST_CASE("an end of a reliable connection is told as a token without memory") {
  const RdmaEnd end{.address = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
                    .queue_pair = 0x123456,
                    .first_packet = 7,
                    .mtu = 1024};

  const std::string text = format_rdma_end(end);

  CHECK(text == "0156341200fe8000000000000000000000000000010000000000000000000000000000000000000000010000");
  const ClientWindow window{.device = end.address, .queue_pair = end.queue_pair};
  CHECK(parse_rdma_token(text) == RdmaToken{.transport = RdmaToken::Transport::reliable, .window = window});
}

TEST_CASE("what is no token is none") {
  const auto wrong = GENERATE(
      as<std::string>{}, "", ";", ":", "0:1:x", "0102030405060708", kDynamic + ";;", kDynamic + ":", ":" + kDynamic,
      kDynamic + ":0102030405060708", kDynamic + ":0102030405060708:1:2", kDynamic + ":10102030405060708:1",
      kDynamic + ", " + kDynamic, " " + kDynamic, "0" + kDynamic, kDynamic + "0", with(kDynamic, 3, 'g'),
      with(kDynamic, 47, '2'), with(kDynamic, 16, '0'), "0x" + kDynamic.substr(2), kReliable + "00",
      kReliable.substr(2), with(kReliable, 1, '2'), kReliable + ":1000", with(kReliable, 40, '-'));
  CAPTURE(wrong);
  CHECK_FALSE(parse_rdma_token(wrong));
}

TEST_CASE("every token that is cut off is none") {
  for (std::size_t size = 0; size < kDynamic.size(); ++size) CHECK_FALSE(parse_rdma_token(kDynamic.substr(0, size)));
  for (std::size_t size = 0; size < kReliable.size(); ++size) CHECK_FALSE(parse_rdma_token(kReliable.substr(0, size)));
}

TEST_CASE("a transfer does not reach beyond the memory that is offered") {
  const auto transfer = [](const std::string& address, const std::string& size) {
    return parse_rdma_token(kReliable + ":" + address + ":" + size).has_value();
  };
  CHECK(transfer("1000", "2000"));
  CHECK(transfer("3000", "0"));
  CHECK_FALSE(transfer("fff", "1"));
  CHECK_FALSE(transfer("1000", "2001"));
  CHECK_FALSE(transfer("2fff", "2"));
  CHECK_FALSE(transfer("3001", "0"));
  CHECK_FALSE(transfer("1000", "ffffffffffffffff"));
  CHECK_FALSE(parse_rdma_token("ffffffffffffffff:00000002" + kDynamic.substr(25)));
}

TEST_CASE("a client that offers RDMA is declined, and stores nothing by it") {
  WithBucket gateway;
  const auto token = GENERATE_COPY(kDynamic, kReliable);
  const test::Headers offer = {{"x-amz-rdma-token", token}};

  const Reply put = gateway.put("/photos/a", "", offer);
  CHECK(put.status == 501);
  CHECK(put.element("Code") == "NotImplemented");
  CHECK(put.header("x-amz-rdma-reply") == "501");
  CHECK(gateway.get("/photos/a").status == 404);

  // It asks again without the token.
  CHECK(gateway.put("/photos/a", "bar").status == 200);
  const Reply got = gateway.get("/photos/a", offer);
  CHECK(got.status == 501);
  CHECK(got.element("Code") == "NotImplemented");
  CHECK(got.header("x-amz-rdma-reply") == "501");
  CHECK(gateway.get("/photos/a").body == "bar");
  const Reply part = gateway.put("/photos/a?partNumber=1&uploadId=u", "", offer);
  CHECK(part.status == 501);
  CHECK(part.header("x-amz-rdma-reply") == "501");
}

TEST_CASE("what goes by HTTP in any case is done, with a token too") {
  WithBucket gateway;
  const test::Headers offer = {{"x-amz-rdma-token", kDynamic}};

  const Reply put = gateway.put("/photos/a", "bar", offer);
  CHECK(put.status == 200);
  CHECK(put.header("x-amz-rdma-reply") == "501");
  const Reply head = gateway.head("/photos/a", offer);
  CHECK(head.status == 200);
  CHECK(head.header("x-amz-rdma-reply") == "501");
  CHECK(gateway.get("/photos?list-type=2", offer).status == 200);
  CHECK(gateway.get("/photos/a").body == "bar");
  CHECK(gateway.del("/photos/a", offer).status == 204);
}

TEST_CASE("a header that is no token is refused, and told to be of no use") {
  WithBucket gateway;
  const test::Headers broken = {{"x-amz-rdma-token", "0:1:x"}};
  const test::Headers twice = {{"x-amz-rdma-token", kDynamic}, {"x-amz-rdma-token", kDynamic}};

  for (const auto& headers : {broken, twice}) {
    for (const std::string body : {"", "bar"}) {
      const Reply put = gateway.put("/photos/a", body, headers);
      CHECK(put.status == 400);
      CHECK(put.element("Code") == "InvalidArgument");
      CHECK(put.header("x-amz-rdma-reply") == "501");
    }
    CHECK(gateway.get("/photos/a", headers).status == 400);
    CHECK(gateway.head("/photos/a", headers).status == 400);
  }
  CHECK(gateway.get("/photos/a").status == 404);
}

TEST_CASE("who may not write is told that, with a token too, and who may not read learns nothing") {
  WithBucket gateway;
  gateway.put("/photos/a", "bar");
  const test::Headers offer = {{"x-amz-rdma-token", kDynamic}};

  CHECK(gateway.send({"PUT", "/photos/a", offer, "", "bob"}).status == 403);
  CHECK(gateway.send({"GET", "/photos/a", offer, "", "bob"}).status == 501);
  CHECK(gateway.send({"GET", "/photos/b", offer, "", "bob"}).status == 501);
  CHECK(gateway.get("/missing/a", offer).status == 404);
}

}  // namespace sluice::s3

#include <catch2/catch.hpp>

#include "gateway/http/session.h"
#include "gateway/http/wire_test.h"

namespace sluice::http {
namespace {

using test::Echo;
using test::Wire;

/// The status line's number of the only answer; the request must not be served.
std::string refusal_of(std::string_view request, SessionOptions options = {}) {
  Echo echo;
  Wire wire(echo, options);
  wire.send(request);
  wire.send("GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
  wire.finish();
  const std::string answer = wire.until_closed();
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  CHECK(answer.find("\nHTTP/1.1") == std::string::npos);
  CHECK(echo.heard.empty());
  return answer.substr(9, 3);
}

TEST_CASE("a body framed twice is refused") {
  CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n") == "400");
  CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n") == "400");
  CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n") == "400");
  CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 4\r\n\r\n") == "400");
  CHECK(refusal_of("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == "400");
  CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n") ==
        "400");
}

TEST_CASE("a length that is no number is refused") {
  for (const auto* length : {"-1", "+1", "0x10", "1 2", "", "3,3", "99999999999999999999", "1e3"}) {
    CAPTURE(length);
    CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::string(length) + "\r\n\r\n") == "400");
  }
}

TEST_CASE("a transfer coding other than chunked is not implemented") {
  for (const auto* coding : {"gzip", "gzip, chunked", "chunked, gzip", "identity", "xchunked", "chunked;q=1"}) {
    CAPTURE(coding);
    CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + std::string(coding) + "\r\n\r\n") == "501");
  }
}

TEST_CASE("lines that readers could see differently are refused") {
  CHECK(refusal_of("GET / HTTP/1.1\nHost: h\n\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\n\tX: a\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\n Host: h\r\n\r\n") == "400");
  CHECK(refusal_of("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length : 3\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\nX: a" + std::string(1, '\0') + "b\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n") == "400");
}

TEST_CASE("a request line that is none is refused") {
  CHECK(refusal_of("GET /\r\n\r\n") == "400");
  CHECK(refusal_of("GET / a HTTP/1.1\r\nHost: h\r\n\r\n") == "400");
  CHECK(refusal_of("GET  / HTTP/1.1\r\nHost: h\r\n\r\n") == "400");
  CHECK(refusal_of("\x16\x03\x01\x02") == "400");
}

TEST_CASE("another version of HTTP is not supported") {
  CHECK(refusal_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "505");
  CHECK(refusal_of("GET / HTTP/1.2\r\nHost: h\r\n\r\n") == "505");
}

TEST_CASE("HTTP/1.1 needs one Host") {
  CHECK(refusal_of("GET / HTTP/1.1\r\n\r\n") == "400");
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") == "400");
}

TEST_CASE("a header has a greatest size") {
  const std::string large(33'000, 'x');
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\nX: " + large + "\r\n\r\n") == "400");
  CHECK(refusal_of("GET /" + large + " HTTP/1.1\r\nHost: h\r\n\r\n") == "414");
  CHECK(refusal_of("GET /" + large.substr(0, 17'000) + " HTTP/1.1\r\nHost: h\r\n\r\n") == "414");

  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 1000; ++i) many += "A:b\r\n";
  CHECK(refusal_of(many + "\r\n") == "400");
}

TEST_CASE("a header just within its size is served") {
  Echo echo;
  Wire wire(echo);
  const std::string frame = "GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
  wire.send("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(32 * 1024 - frame.size(), 'x') + "\r\n\r\n");

  CHECK(wire.until("GET /").starts_with("HTTP/1.1 200"));
}

TEST_CASE("empty lines before a request are ignored") {
  Echo echo;
  Wire wire(echo);
  wire.send("\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  wire.until("GET /a");
}

TEST_CASE("the protocol gives the session's refusals their look") {
  class Dressed : public Echo {
   public:
    Response refuse(RequestContext& context, const Refusal& refusal) override {
      context.error_code = "Dressed";
      return test::response_of("<" + context.request_id + ">", refusal.status + (refusal.fault == Fault::internal));
    }
  };
  Dressed handler;
  Wire wire(handler);
  wire.send("bad\r\n\r\n");
  const std::string answer = wire.until_closed();

  CHECK(answer.starts_with("HTTP/1.1 400"));
  CHECK(answer.substr(answer.find("\r\n\r\n") + 4).size() == 18);
}

}  // namespace
}  // namespace sluice::http

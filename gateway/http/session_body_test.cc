#include <catch2/catch.hpp>

#include "gateway/http/session.h"
#include "gateway/http/wire_test.h"

namespace sluice::http {
namespace {

using std::chrono_literals::operator""s;
using test::Echo;
using test::FunctionHandler;
using test::response_of;
using test::Wire;

/// Answers at once, whatever the body.
FunctionHandler refusing(unsigned status = 403) {
  return FunctionHandler(
      [status](RequestContext&, const Request&) -> Awaitable<Response> { co_return response_of("no!", status); });
}

/// Reads one chunk at a time, and tells how many.
class Tasting : public Handler {
 public:
  Awaitable<Response> handle(RequestContext&, const Request& request) override {
    for (;;) {
      auto chunk = co_await request.body.read();
      if (!chunk) error = chunk.error().code;
      if (!chunk || chunk->empty()) break;
      pieces.emplace_back(chunk->text());
    }
    co_return response_of("!");
  }
  std::vector<std::string> pieces;
  std::optional<ErrorCode> error;
};

std::string put(std::string_view fields) { return "PUT /a HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n"; }

TEST_CASE("a large body comes whole, in chunks of the pool") {
  Echo echo;
  Wire wire(echo);
  std::string body(3'000'001, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 % 251);

  wire.send(put("Content-Length: 3000001\r\nConnection: close\r\n") + body);
  wire.until_closed();

  CHECK(echo.heard.at(0) == "PUT /a " + body);
  CHECK(wire.pool.used_chunks() == 0);
}

TEST_CASE("a large chunked body comes whole") {
  Echo echo;
  Wire wire(echo);
  std::string body, framed;
  for (std::size_t size = 1; size < 400'000; size = size * 3 + 1) {
    const std::string piece(size, static_cast<char>('a' + size % 26));
    std::array<char, 20> line;
    framed.append(line.data(), static_cast<std::size_t>(std::snprintf(line.data(), line.size(), "%zx\r\n", size)));
    framed += piece + "\r\n";
    body += piece;
  }
  wire.send(put("Transfer-Encoding: chunked\r\nConnection: close\r\n") + framed + "0\r\nX-Trailer: dropped\r\n\r\n");
  wire.until_closed();

  CHECK(echo.heard.at(0) == "PUT /a " + body);
}

TEST_CASE("a chunked body may be split anywhere") {
  const std::string body = "5;name=\"value\"\r\nhello\r\n00A\r\n, dear you\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t split = 1; split < body.size(); ++split) {
    CAPTURE(split);
    Echo echo;
    Wire wire(echo);
    wire.send(put("Transfer-Encoding: chunked\r\n") + body.substr(0, split));
    wire.settle();
    wire.send(body.substr(split) + "GET /next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wire.until_closed();

    CHECK(echo.heard == std::vector<std::string>{"PUT /a hello, dear you", "GET /next"});
  }
}

TEST_CASE("a slow client gets its bytes through as they come, and holds no memory between") {
  Tasting tasting;
  Wire wire(tasting);
  wire.send(put("Content-Length: 9\r\nConnection: close\r\n"));
  for (const auto* piece : {"abc", "def", "ghi"}) {
    wire.settle();
    CHECK(wire.pool.used_chunks() == 0);
    const std::size_t before = tasting.pieces.size();
    wire.send(piece);
    wire.run_until([&] { return tasting.pieces.size() > before; });
  }
  wire.until_closed();

  CHECK(tasting.pieces == std::vector<std::string>{"abc", "def", "ghi"});
  CHECK_FALSE(tasting.error);
}

TEST_CASE("Expect: 100-continue is answered by the first read") {
  Echo echo;
  Wire wire(echo);
  wire.send(put("Content-Length: 3\r\nExpect: 100-Continue\r\nConnection: close\r\n"));
  CHECK(wire.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");

  wire.send("abc");
  CHECK(wire.until_closed().starts_with("HTTP/1.1 200"));
  CHECK(echo.heard.at(0) == "PUT /a abc");
}

TEST_CASE("a refusal without a read never asks for the body, and closes") {
  auto handler = refusing();
  Wire wire(handler);
  wire.send(put("Content-Length: 3\r\nExpect: 100-continue\r\n"));
  const std::string answer = wire.until("no!");

  CHECK(answer.starts_with("HTTP/1.1 403"));
  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  wire.finish();
  wire.until_closed();
}

TEST_CASE("an expectation for an empty body is answered, and keeps the connection") {
  Echo echo;
  Wire wire(echo);
  wire.send(put("Content-Length: 0\r\nExpect: 100-continue\r\n"));
  CHECK(wire.until("PUT /a").starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200"));
  wire.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  wire.until("GET /b");
}

TEST_CASE("an unknown expectation is ignored") {
  Echo echo;
  Wire wire(echo);
  wire.send(put("Content-Length: 3\r\nExpect: a-miracle\r\nConnection: close\r\n") + "abc");
  CHECK(wire.until_closed().starts_with("HTTP/1.1 200"));
  CHECK(echo.heard.at(0) == "PUT /a abc");
}

TEST_CASE("HTTP/1.0 cannot expect anything") {
  Echo echo;
  Wire wire(echo);
  wire.send("PUT /a HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  CHECK(wire.until_closed().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a small unread body is dropped and the next request served") {
  auto handler = refusing();
  Wire wire(handler);
  wire.send(put("Content-Length: 29\r\n") + "GET /evil HTTP/1.1\r\nHost: h\r\n" + put("Connection: close\r\n"));
  const std::string answers = wire.until_closed();

  const std::size_t second = answers.find("HTTP/1.1 403", 1);
  REQUIRE(second != std::string::npos);
  CHECK(answers.find("HTTP/1.1 403", second + 1) == std::string::npos);
}

TEST_CASE("a small unread chunked body is dropped too") {
  auto handler = refusing();
  Wire wire(handler);
  wire.send(put("Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n");
  wire.until("no!");
  wire.send("2\r\nde\r\n0\r\n\r\n" + put("Connection: close\r\n"));

  CHECK(wire.until_closed().starts_with("HTTP/1.1 403"));
}

TEST_CASE("a large unread body ends the connection, after its answer is read") {
  auto handler = refusing();
  Wire wire(handler);
  wire.send(put("Content-Length: 4000000\r\n") + std::string(2'000'000, 'x'));
  const std::string answer = wire.until("no!");

  CHECK(answer.find("Connection: close\r\n") != std::string::npos);
  wire.finish();
  wire.until_closed();
  CHECK_FALSE(wire.was_reset());
}

TEST_CASE("an unread chunked body without end is dropped only so far") {
  auto handler = refusing();
  Wire wire(handler, {.unread_size_max = 1000, .linger_size_max = 1000});
  wire.send(put("Transfer-Encoding: chunked\r\n"));
  wire.until("no!");
  for (int i = 0; i < 1000; ++i) wire.send("a\r\n0123456789\r\n");
  wire.until_served();
}

TEST_CASE("a client that keeps an unread body to itself is not waited for") {
  auto handler = refusing();
  Wire wire(handler, {.linger_timeout = 5s});
  wire.send(put("Content-Length: 10\r\n"));
  wire.until("no!");
  wire.settle();
  wire.tick(6);
  wire.settle();
  wire.tick(6);
  wire.until_served();
}

TEST_CASE("a body that ends early is incomplete") {
  Echo echo;
  Wire wire(echo);
  wire.send(put("Content-Length: 10\r\n") + "abc");
  wire.finish();

  CHECK(wire.until_closed().starts_with("HTTP/1.1 400"));
  CHECK(echo.error == ErrorCode::incomplete_body);
}

TEST_CASE("a chunked body that ends early is incomplete") {
  Echo echo;
  Wire wire(echo);
  wire.send(put("Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n");
  wire.finish();
  wire.until_closed();

  CHECK(echo.error == ErrorCode::incomplete_body);
}

TEST_CASE("a client that falls silent in its body is gone") {
  Echo echo;
  Wire wire(echo, {.progress_timeout = 60s});
  wire.send(put("Content-Length: 10\r\n") + "abc");
  wire.settle();
  wire.tick(61);
  wire.until("PUT /a !");
  wire.finish();
  wire.until_served();

  CHECK(echo.error == ErrorCode::client_gone);
}

TEST_CASE("progress of a body renews its time") {
  Echo echo;
  Wire wire(echo, {.progress_timeout = 60s});
  wire.send(put("Content-Length: 5\r\nConnection: close\r\n"));
  for (int i = 0; i < 5; ++i) {
    wire.settle();
    wire.tick(50);
    wire.send("x");
  }

  CHECK(wire.until_closed().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a wrong chunk size is an error of the body and ends the connection") {
  for (const auto* bad : {"x\r\nabc\r\n", "-3\r\nabc\r\n", "3\nabc\r\n", "3 \r\nabc\r\n", "0x3\r\nabc\r\n", "\r\nabc",
                          "fffffffffffffffff\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n", ";a=b\r\n",
                          "3;a\x01\r\nabc\r\n", "0\r\nA\n\r\n"}) {
    CAPTURE(bad);
    Echo echo;
    Wire wire(echo);
    wire.send(put("Transfer-Encoding: chunked\r\n") + bad + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    wire.finish();
    const std::string answer = wire.until_closed();

    CHECK(echo.error == ErrorCode::invalid_chunk);
    CHECK(answer.find("Connection: close\r\n") != std::string::npos);
    CHECK(echo.heard.size() == 1);
  }
}

TEST_CASE("an error of the body stays the answer") {
  std::vector<ErrorCode> errors;
  FunctionHandler handler([&](RequestContext&, const Request& request) -> Awaitable<Response> {
    for (int i = 0; i < 3; ++i) {
      const auto chunk = co_await request.body.read();
      if (!chunk) errors.push_back(chunk.error().code);
    }
    co_return response_of("!", 400);
  });
  Wire wire(handler);
  wire.send(put("Transfer-Encoding: chunked\r\n") + "zz\r\n");
  wire.finish();
  wire.until_closed();

  CHECK(errors == std::vector<ErrorCode>(3, ErrorCode::invalid_chunk));
}

TEST_CASE("the end of a body stays the answer, and what remains is known") {
  std::vector<std::optional<std::uint64_t>> remaining;
  FunctionHandler handler([&](RequestContext&, const Request& request) -> Awaitable<Response> {
    for (int i = 0; i < 3; ++i) {
      remaining.push_back(request.body.remaining());
      const auto chunk = co_await request.body.read();
      if (!chunk || (i > 0 && !chunk->empty())) co_return response_of("?", 500);
    }
    co_return response_of("!");
  });
  Wire wire(handler);
  wire.send(put("Content-Length: 3\r\n") + "abc");
  wire.until("!");

  CHECK(remaining == std::vector<std::optional<std::uint64_t>>{3, 0, 0});
}

TEST_CASE("a client may leave after any byte and harms nothing") {
  const std::string plain = put("Content-Length: 5\r\n") + "hello";
  const std::string chunked = put("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n0\r\nA: b\r\n\r\n";
  const std::string expecting = put("Content-Length: 5\r\nExpect: 100-continue\r\n") + "hello";
  for (const std::string& request : {plain, chunked, expecting}) {
    for (std::size_t size = 0; size <= request.size(); ++size) {
      CAPTURE(request, size);
      Echo echo;
      Wire wire(echo);
      wire.send(request.substr(0, size));
      wire.settle();
      size % 2 == 0 ? wire.finish() : wire.close();
      wire.until_served();

      CHECK_FALSE(wire.threw());
      CHECK(wire.pool.used_chunks() == 0);
      CHECK(wire.deadlines.count() == 0);
      const bool whole = !echo.heard.empty() && echo.heard[0] == "PUT /a hello";
      if (size < request.size()) CHECK_FALSE(whole);
      CHECK(wire.metrics.text().find("sluice_http_requests_in_flight 0") != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace sluice::http

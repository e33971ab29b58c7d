#include "gateway/http/request_parser.h"

#include <catch2/catch.hpp>

namespace sluice::http {
namespace {

constexpr std::size_t kTargetMax = 1000;

TEST_CASE("a header is understood as it came") {
  ParsedRequest request;
  const auto refusal = parse_request(
      "PUT /b/k%20x?a=b&c HTTP/1.1\r\nHost: h:80\r\nX-Amz-Meta-A:  two  words \t\r\nx-empty:\r\ncontent-length: 5\r\n"
      "Expect: 100-Continue\r\nX-Utf8: \xc3\xa9\r\n\r\n",
      kTargetMax, request);

  REQUIRE_FALSE(refusal);
  const RequestHeader& header = request.header;
  CHECK(header.method == Method::put);
  CHECK(header.method_text == "PUT");
  CHECK(header.target == "/b/k%20x?a=b&c");
  CHECK(header.fields.at(1).name == "X-Amz-Meta-A");
  CHECK(header.fields.at(1).value == "two  words");
  CHECK(header.fields.find("X-Empty") == "");
  CHECK(header.fields.get("x-utf8") == "\xc3\xa9");
  CHECK(header.content_length == 5);
  CHECK_FALSE(header.chunked);
  CHECK(request.expects_continue);
  CHECK(request.keep_alive);
  CHECK_FALSE(request.http_1_0);
}

TEST_CASE("nothing of one request is left in the next") {
  ParsedRequest request;
  parse_request("PUT /long/target HTTP/1.0\r\nContent-Length: 5\r\nA: b\r\n\r\n", kTargetMax, request);
  const auto refusal = parse_request(
      "FETCH / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\nConnection: x, Close\r\n\r\n", kTargetMax, request);

  REQUIRE_FALSE(refusal);
  CHECK(request.header.method == Method::other);
  CHECK(request.header.method_text == "FETCH");
  CHECK(request.header.target == "/");
  CHECK_FALSE(request.header.content_length);
  CHECK(request.header.chunked);
  CHECK_FALSE(request.header.fields.has("A"));
  CHECK_FALSE(request.keep_alive);
  CHECK_FALSE(request.http_1_0);
  CHECK_FALSE(request.expects_continue);
}

TEST_CASE("what readers could understand differently is no request") {
  for (const auto* bad :
       {"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nA\x7F: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nA: b\x7F\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", "GET /\x7F HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", " / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / http/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\nmore\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n",
        "GET  HTTP/1.1\r\nHost: h\r\n\r\n"}) {
    CAPTURE(bad);
    ParsedRequest request;
    const auto refusal = parse_request(bad, kTargetMax, request);
    REQUIRE(refusal);
    CHECK(refusal->status == 400);
  }
}

TEST_CASE("a tab may stand in a value, and bytes beyond ASCII in value and target") {
  ParsedRequest request;
  CHECK_FALSE(parse_request("GET /\xff HTTP/1.1\r\nHost: h\r\nA: b\tc\xff\r\n\r\n", kTargetMax, request));
  CHECK(request.header.target == "/\xff");
  CHECK(request.header.fields.get("a") == "b\tc\xff");
}

TEST_CASE("the last word on the connection is its client's") {
  const auto keeps = [](const std::string& version, const std::string& connection) {
    ParsedRequest request;
    CHECK_FALSE(parse_request("GET / HTTP/" + version + "\r\nHost: h\r\n" + connection + "\r\n", kTargetMax, request));
    return request.keep_alive;
  };
  CHECK(keeps("1.1", ""));
  CHECK(keeps("1.1", "Connection: keep-alive\r\n"));
  CHECK_FALSE(keeps("1.1", "Connection: keep-alive\r\nconnection: ,  CLOSE\r\n"));
  CHECK_FALSE(keeps("1.0", ""));
  CHECK(keeps("1.0", "Connection: Keep-Alive\r\n"));
}

TEST_CASE("a target may be as long as allowed and no longer") {
  ParsedRequest request;
  const auto with_target = [&](std::size_t size) {
    return parse_request("GET /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", kTargetMax, request);
  };
  CHECK_FALSE(with_target(kTargetMax));
  CHECK(with_target(kTargetMax + 1)->status == 414);
}

TEST_CASE("the end of a header is found however it comes") {
  const std::string header = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string input = header + "body\r\n\r\n";
  for (std::size_t step = 1; step <= input.size(); ++step) {
    CAPTURE(step);
    HeaderScanner scanner;
    auto found = HeaderScanner::Found::more;
    for (std::size_t size = 0; found == HeaderScanner::Found::more && size < input.size();) {
      size = std::min(size + step, input.size());
      found = scanner.scan(std::string_view(input).substr(0, size));
    }
    CHECK(found == HeaderScanner::Found::end);
    CHECK(scanner.size() == header.size());
  }
}

TEST_CASE("what can never become a header is refused before its end") {
  for (const auto* bad :
       {"\x16", "\n", " GET", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\n ", "GET / HTTP/1.1\r\nA: b\r\n\t"}) {
    CAPTURE(bad);
    HeaderScanner scanner;
    CHECK(scanner.scan(bad) == HeaderScanner::Found::malformed);
  }
  HeaderScanner scanner;
  CHECK(scanner.scan("GET / HTTP/1.1\r\n") == HeaderScanner::Found::more);
  CHECK(scanner.scan("GET / HTTP/1.1\r\n\t") == HeaderScanner::Found::malformed);
}

}  // namespace
}  // namespace sluice::http

#include "gateway/http/message.h"

#include <catch2/catch.hpp>

namespace sluice::http {
namespace {

TEST_CASE("header lines are kept as they go out") {
  ResponseHeader header(206);
  header.add("ETag", "\"a\"");
  header.add("X-Size", 18446744073709551615ULL);

  CHECK(header.status() == 206);
  CHECK(header.lines() == "ETag: \"a\"\r\nX-Size: 18446744073709551615\r\n");
}

TEST_CASE("no stored text can split a response") {
  ResponseHeader header;
  header.add("X-Amz-Meta-A\r\nSet-Cookie", std::string_view("b\r\n\r\nHTTP/1.1 200 OK\0", 21));

  CHECK(header.lines() == "X-Amz-Meta-A  Set-Cookie: b    HTTP/1.1 200 OK \r\n");
}

}  // namespace
}  // namespace sluice::http

#include "gateway/http/response_head.h"

#include <catch2/catch.hpp>

#include "gateway/http/field.h"
#include "gateway/http/wire_test.h"

namespace sluice::http {
namespace {

using test::PieceSource;
using test::response_of;

TEST_CASE("the plan of a response says how its reader finds the end") {
  Response sized = response_of("abc");
  CHECK(plan_response(sized, Method::get, false).length == 3);

  Response open = response_of(std::make_unique<PieceSource>(std::vector<std::string>{}), {});
  CHECK(plan_response(open, Method::get, false).delimiter == Delimiter::chunks);
  CHECK(plan_response(open, Method::get, true).delimiter == Delimiter::close);
  CHECK_FALSE(plan_response(open, Method::head, false).length);
  CHECK_FALSE(plan_response(open, Method::head, false).has_body);
}

TEST_CASE("a 304 has the length of the content or none") {
  Response response = response_of("", 304);
  CHECK_FALSE(plan_response(response, Method::get, false).length);
  response.content_length = 77;
  CHECK(plan_response(response, Method::get, false).length == 77);
  CHECK_FALSE(plan_response(response, Method::get, false).has_body);
}

TEST_CASE("a head is one text, ready to send") {
  ResponseHeader header(206);
  header.add("ETag", "\"x\"");
  std::string text = "left over";
  render_head(header, {.length = 5}, KeepAlive::no, text);

  CHECK(text == "HTTP/1.1 206 Partial Content\r\nETag: \"x\"\r\nContent-Length: 5\r\nDate: " + date_now() +
                    "\r\nServer: Sluice\r\nConnection: close\r\n\r\n");
}

TEST_CASE("the date is the present one") {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto said = parse_http_date(date_now());
  REQUIRE(said);
  // The clock it is from may lag behind by a few milliseconds, and so say the second before.
  CHECK(*said >= now - std::chrono::seconds(1));
  CHECK(*said <= now + std::chrono::hours(1));
}

}  // namespace
}  // namespace sluice::http

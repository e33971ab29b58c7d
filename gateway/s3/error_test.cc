#include "gateway/s3/error.h"

#include <catch2/catch.hpp>

namespace sluice::s3 {
namespace {

RequestContext context_of_request() {
  RequestContext context;
  context.request_id = "REQ1";
  context.bucket = "photos";
  context.key = "a&b";
  return context;
}

TEST_CASE("an error is told by status, code, message and request ids") {
  RequestContext context = context_of_request();

  const auto response = render(Failure(Error{ErrorCode::no_such_object, "row 17"}), context, http::Method::get, "H");

  CHECK(response.header.status() == 404);
  CHECK(response.header.lines() == "x-amz-id-2: H\r\nx-amz-request-id: REQ1\r\nContent-Type: application/xml\r\n");
  CHECK(response.content.text() ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not "
        "exist.</Message><Key>a&amp;b</Key><Resource>/photos/a&amp;b</Resource><RequestId>REQ1</RequestId>"
        "<HostId>H</HostId></Error>");
  CHECK(response.content_length == response.content.size());
  CHECK(context.error_code == "NoSuchKey");
  CHECK(context.detail == "row 17");
}

TEST_CASE("the detail of a fault of ours is for the log alone") {
  RequestContext context = context_of_request();

  const auto response = render(Failure(Error{ErrorCode::corrupt, "extent 17"}), context, http::Method::get, "H");

  CHECK(response.header.status() == 500);
  CHECK(response.content.text().find("extent") == std::string_view::npos);
  CHECK(context.detail == "extent 17");
}

TEST_CASE("an error of a HEAD and a 304 have no document") {
  RequestContext context = context_of_request();

  CHECK(render(Failure(Code::no_such_key), context, http::Method::head, "H").content.empty());
  const auto response =
      render(Failure(Code::not_modified).with_header("ETag", "\"e\""), context, http::Method::get, "H");
  CHECK(response.header.status() == 304);
  CHECK(response.content.empty());
  CHECK(response.header.lines().find("ETag: \"e\"\r\n") != std::string::npos);
}

TEST_CASE("a range beyond the object is told with the object's size") {
  const Failure failure(Error{ErrorCode::range_not_satisfiable, "11"});

  CHECK(failure.code == Code::invalid_range);
  CHECK(failure.headers == Failure::Named{{"Content-Range", "bytes */11"}});
  CHECK(failure.elements == Failure::Named{{"ActualObjectSize", "11"}});
}

TEST_CASE("a part that is too small is told with its number and both sizes") {
  const Failure failure(Error{ErrorCode::entity_too_small, "3 1024 5242880"});

  CHECK(failure.elements ==
        Failure::Named{{"PartNumber", "3"}, {"ProposedSize", "1024"}, {"MinSizeAllowed", "5242880"}});
}

TEST_CASE("every core error has a code of its own") {
  for (int code = 0; code < static_cast<int>(ErrorCode::internal); ++code) {
    CAPTURE(code);
    const bool ours = code == static_cast<int>(ErrorCode::corrupt);
    CHECK((code_of(static_cast<ErrorCode>(code)) == Code::internal_error) == ours);
  }
}

TEST_CASE("what the session refuses looks like any other error") {
  RequestContext context;
  context.request_id = "REQ1";

  const auto response = render_refusal({400, http::Fault::header_too_large, "too long"}, context, "H");

  CHECK(response.header.status() == 400);
  CHECK(response.content.text().find("<Code>RequestHeaderSectionTooLarge</Code><Message>too long</Message>") !=
        std::string_view::npos);
  CHECK(context.error_code == "RequestHeaderSectionTooLarge");
}

}  // namespace
}  // namespace sluice::s3

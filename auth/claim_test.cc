#include "auth/claim.h"

#include <catch2/catch.hpp>

namespace sluice::auth {

TEST_CASE("a claim of a header is its parts") {
  const auto claim = claim_of_header(
      "AWS4-HMAC-SHA256 Credential=key/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, "
      "Signature=abc");

  REQUIRE(claim);
  CHECK(claim->access_key == "key");
  CHECK(claim->scope == "20130524/us-east-1/s3/aws4_request");
  CHECK(claim->day == "20130524");
  CHECK(claim->region == "us-east-1");
  CHECK(claim->service == "s3");
  CHECK(claim->terminator == "aws4_request");
  CHECK(claim->signed_headers == "host;x-amz-date");
  CHECK(claim->signature == "abc");
}

TEST_CASE("an access key may hold slashes") {
  const auto claim = claim_of_header(
      "AWS4-HMAC-SHA256 Credential=team/me/20130524/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=abc");

  REQUIRE(claim);
  CHECK(claim->access_key == "team/me");
  CHECK(claim->scope == "20130524/us-east-1/s3/aws4_request");
}

TEST_CASE("a claim of a query is its parts, decoded") {
  const Target target(
      "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=key%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&"
      "X-Amz-Date=20130524T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-acl&X-Amz-Signature=abc");
  std::string decoded = "what was here before";
  const auto claim = claim_of_query(target, decoded);

  REQUIRE(claim);
  CHECK(claim->access_key == "key");
  CHECK(claim->scope == "20130524/us-east-1/s3/aws4_request");
  CHECK(claim->signed_headers == "host;x-amz-acl");
  CHECK(claim->signature == "abc");
  CHECK(claim->date == "20130524T000000Z");
  CHECK(claim->expires == "60");
}

TEST_CASE("a query is presigned if it has any part of a signature") {
  CHECK(is_presigned(Target("/?X-Amz-Algorithm=x")));
  CHECK(is_presigned(Target("/?X-Amz-Credential")));
  CHECK(is_presigned(Target("/?a=b&X-Amz-Signature=x")));
  CHECK_FALSE(is_presigned(Target("/?X-Amz-Date=x&prefix=X-Amz-Signature")));
  CHECK_FALSE(is_presigned(Target("/X-Amz-Signature")));
}

}  // namespace sluice::auth

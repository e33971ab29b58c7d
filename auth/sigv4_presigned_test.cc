#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "auth/example_for_test.h"
#include "auth/sigv4.h"

namespace sluice::auth {
namespace {

using test::ask;
using test::at;
using test::code_of;
using test::Example;
using test::kEmptySha256;
using test::kHost;
using test::Outcome;
using test::Presigned;

}  // namespace

TEST_CASE("AWS's example of a presigned URL is accepted") {
  const Outcome identity = Presigned().ask();

  REQUIRE(identity);
  CHECK(identity->presigned);
  CHECK_FALSE(identity->by_header);
  CHECK(identity->payload == Payload::unsigned_payload);
  CHECK(identity->identity.account() == "acme");
}

TEST_CASE("a presigned request holds until it expires") {
  Example example;
  example.clock.set(at("20130525T000000Z"));
  CHECK(Presigned().ask(example).has_value());

  example.clock.set(at("20130525T000001Z"));
  const Outcome expired = Presigned().ask(example);
  CHECK(code_of(expired) == ErrorCode::request_expired);
  CHECK(expired.error().expires == "2013-05-25T00:00:00Z");
  CHECK(expired.error().server_time == "2013-05-25T00:00:01Z");
  CHECK(expired.error().presigned);
}

TEST_CASE("a presigned request from the future is not valid yet") {
  Example example;
  example.clock.set(at("20130523T234500Z"));
  CHECK(Presigned().ask(example).has_value());

  example.clock.set(at("20130523T234459Z"));
  CHECK(code_of(Presigned().ask(example)) == ErrorCode::access_denied);
}

TEST_CASE("a presigned request may last from a second to a week") {
  const auto refusal = [](std::string_view expires) {
    Presigned presigned;
    presigned.expires = expires;
    return code_of(presigned.ask());
  };

  CHECK(refusal("0") == ErrorCode::access_denied);
  CHECK(refusal("-7") == ErrorCode::access_denied);
  CHECK(refusal("604801") == ErrorCode::access_denied);
  CHECK(refusal("99999999999999999999999") == ErrorCode::access_denied);
  CHECK(refusal("soon") == ErrorCode::authorization_malformed);
  CHECK(refusal("") == ErrorCode::authorization_malformed);
  // In range, but it is not what was signed.
  CHECK(refusal("1") == ErrorCode::signature_mismatch);
  CHECK(refusal("604800") == ErrorCode::signature_mismatch);
}

TEST_CASE("a presigned query that is not well formed is refused") {
  Presigned algorithm;
  algorithm.algorithm = "AWS4-HMAC-MD5";
  CHECK(code_of(algorithm.ask()) == ErrorCode::authorization_malformed);

  Presigned credential;
  credential.credential = "AKIAIOSFODNN7EXAMPLE";
  CHECK(code_of(credential.ask()) == ErrorCode::authorization_malformed);

  Presigned date;
  date.date = "Fri, 24 May 2013 00:00:00 GMT";
  CHECK(code_of(date.ask()) == ErrorCode::authorization_malformed);

  Presigned escape;
  escape.signature = "%x";
  CHECK(code_of(escape.ask()) == ErrorCode::authorization_malformed);

  Presigned twice;
  twice.more = "&X-Amz-Expires=86400";
  CHECK(code_of(twice.ask()) == ErrorCode::authorization_malformed);

  const Outcome alone = ask(Example(), "GET", "/test.txt?X-Amz-Signature=0", {{"Host", kHost}});
  CHECK(code_of(alone) == ErrorCode::authorization_malformed);
}

TEST_CASE("what is added to a presigned request breaks it") {
  Presigned parameter;
  parameter.more = "&response-content-type=text%2Fhtml";
  CHECK(code_of(parameter.ask()) == ErrorCode::signature_mismatch);

  Presigned header;
  header.fields.emplace_back("x-amz-acl", "public-read");
  CHECK(code_of(header.ask()) == ErrorCode::access_denied);

  Presigned body;
  body.more = "&X-Amz-Content-Sha256=" + std::string(kEmptySha256);
  CHECK(code_of(body.ask()) == ErrorCode::signature_mismatch);
  CHECK(body.ask().error().canonical_request.ends_with(kEmptySha256));
}

}  // namespace sluice::auth

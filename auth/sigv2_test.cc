#include "auth/sigv2.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

#include "auth/example_for_test.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

using test::at;
using test::code_of;
using test::Example;
using test::FieldList;
using test::kAccessKey;
using test::kEmptySha256;
using test::Outcome;

/// A request of AWS's published examples, for tests that spoil one thing of it.
struct Version2 {
  std::string method = "GET";
  std::string target = "/photos/puppy.jpg";
  FieldList fields{};
  std::string signature{};
  std::string bucket{};
  std::string_view now = "20070327T193642Z";

  Outcome ask(const Example& example) const {
    Fields all = test::fields_of(fields);
    if (!signature.empty()) all.add("Authorization", std::string("AWS ").append(kAccessKey) + ":" + signature);
    return example.sigv4.authenticate(
        {.method = method, .target = target, .fields = all, .virtual_host_bucket = bucket});
  }
  Outcome ask() const {
    Example example;
    example.clock.set(at(now));
    return ask(example);
  }
};

Version2 get_object() {
  return {.fields = {{"Date", "Tue, 27 Mar 2007 19:36:42 +0000"}},
          .signature = "bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
          .bucket = "johnsmith"};
}

Version2 presigned() {
  return {.target =
              "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&"
              "Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620",
          .bucket = "johnsmith"};
}

Version2 presigned_with(std::string_view query) {
  Version2 request = presigned();
  request.target = std::string("/photos/puppy.jpg?").append(query);
  return request;
}

}  // namespace

TEST_CASE("AWS's version 2 example of getting an object is accepted") {
  const Outcome identity = get_object().ask();

  REQUIRE(identity);
  CHECK(identity->identity.user->name == "example");
  CHECK(identity->payload == Payload::unsigned_payload);
  CHECK_FALSE(identity->presigned);
  CHECK_FALSE(identity->by_header);
}

TEST_CASE("AWS's version 2 example of putting an object is accepted") {
  const Version2 put{.method = "PUT",
                     .fields = {{"Content-Type", "image/jpeg"},
                                {"Content-Length", "94328"},
                                {"Date", "Tue, 27 Mar 2007 21:15:45 +0000"}},
                     .signature = "iqRzw+ileNPu1fhspnRs8nOjjIA=",
                     .bucket = "awsexamplebucket1",
                     .now = "20070327T211545Z"};

  CHECK(put.ask().has_value());
}

TEST_CASE("AWS's version 2 example of listing objects is accepted") {
  const Version2 list{.target = "/?prefix=photos&max-keys=50&marker=puppy",
                      .fields = {{"User-Agent", "Mozilla/5.0"}, {"Date", "Tue, 27 Mar 2007 19:42:41 +0000"}},
                      .signature = "htDYFYduRNen8P9ZfE/s9SuKy0U=",
                      .bucket = "johnsmith"};

  CHECK(list.ask().has_value());
}

TEST_CASE("AWS's version 2 example of fetching an ACL is accepted") {
  const Version2 acl{.target = "/?acl",
                     .fields = {{"Date", "Tue, 27 Mar 2007 19:44:46 +0000"}},
                     .signature = "c2WLPFtWHVgbEmeEG93a4cG37dM=",
                     .bucket = "johnsmith"};

  CHECK(acl.ask().has_value());
}

TEST_CASE("AWS's version 2 example of deleting an object is accepted, though it signs x-amz-date as Date") {
  const Version2 erase{
      .method = "DELETE",
      .target = "/awsexamplebucket1/photos/puppy.jpg",
      .fields = {{"Date", "Tue, 27 Mar 2007 21:20:27 +0000"}, {"x-amz-date", "Tue, 27 Mar 2007 21:20:26 +0000"}},
      .signature = "XbyTlbQdu9Xw5o8P4iMwPktxQd8=",
      .now = "20070327T212027Z"};

  CHECK(erase.ask().has_value());
}

TEST_CASE("x-amz-date is signed as a header and leaves the line of Date empty") {
  Version2 erase{
      .method = "DELETE",
      .target = "/johnsmith/photos/puppy.jpg",
      .fields = {{"Date", "Tue, 27 Mar 2007 21:20:27 +0000"}, {"x-amz-date", "Tue, 27 Mar 2007 21:20:26 +0000"}},
      .signature = "R4dJ53KECjStyBO5iTBJZ4XVOaI=",
      .now = "20070327T212027Z"};

  CHECK(erase.ask().has_value());
  erase.fields[1].second = "Tue, 27 Mar 2007 21:20:25 +0000";
  CHECK(code_of(erase.ask()) == ErrorCode::signature_mismatch);
}

TEST_CASE("AWS's version 2 example of an upload is accepted: headers folded, bucket named by a CNAME") {
  Version2 upload{.method = "PUT",
                  .target = "/db-backup.dat.gz",
                  .fields = {{"User-Agent", "curl/7.15.5"},
                             {"Host", "static.johnsmith.net:8080"},
                             {"Date", "Tue, 27 Mar 2007 21:06:08 +0000"},
                             {"x-amz-acl", "public-read"},
                             {"content-type", "application/x-download"},
                             {"Content-MD5", "4gJE4saaMU4BqNR0kLY+lw=="},
                             {"X-Amz-Meta-ReviewedBy", "joe@johnsmith.net"},
                             {"X-Amz-Meta-ReviewedBy", "jane@johnsmith.net"},
                             {"X-Amz-Meta-FileChecksum", "0x02661779"},
                             {"X-Amz-Meta-ChecksumAlgorithm", "crc32"},
                             {"Content-Disposition", "attachment; filename=database.dat"},
                             {"Content-Encoding", "gzip"},
                             {"Content-Length", "5913339"}},
                  .signature = "ilyl83RwaSoYIEdixDQcA4OnAnc=",
                  .bucket = "static.johnsmith.net",
                  .now = "20070327T210608Z"};

  CHECK(upload.ask().has_value());
  // A presigning client may say a header in the query as well, but not another one.
  upload.target = "/db-backup.dat.gz?x-amz-acl=public-read";
  CHECK(upload.ask().has_value());
  upload.target = "/db-backup.dat.gz?x-amz-acl=private";
  CHECK(code_of(upload.ask()) == ErrorCode::signature_mismatch);
}

TEST_CASE("AWS's version 2 example of listing all buckets is accepted") {
  const Version2 list{.target = "/",
                      .fields = {{"Date", "Wed, 28 Mar 2007 01:29:59 +0000"}},
                      .signature = "qGdzdERIC03wnaRNKh6OqZehG9s=",
                      .now = "20070328T012959Z"};

  CHECK(list.ask().has_value());
}

TEST_CASE("AWS's version 2 example of Unicode keys is accepted: the path is signed as it was sent") {
  Version2 get{.target = "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
               .fields = {{"Date", "Wed, 28 Mar 2007 01:49:49 +0000"}},
               .signature = "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
               .now = "20070328T014949Z"};

  CHECK(get.ask().has_value());
  get.target = "/dictionary/fran%C3%A7ais/pr%C3%A9f%C3%A8re";
  CHECK(code_of(get.ask()) == ErrorCode::signature_mismatch);
}

TEST_CASE("AWS's version 2 example of a presigned URL is accepted until it expires") {
  Example example;
  example.clock.set(at("20070329T034020Z"));
  const Outcome identity = presigned().ask(example);
  REQUIRE(identity);
  CHECK(identity->presigned);
  CHECK(identity->payload == Payload::unsigned_payload);

  example.clock.set(at("20070329T034021Z"));
  const Outcome expired = presigned().ask(example);
  CHECK(code_of(expired) == ErrorCode::request_expired);
  CHECK(expired.error().expires == "2007-03-29T03:40:20Z");
  CHECK(expired.error().server_time == "2007-03-29T03:40:21Z");
  CHECK(expired.error().presigned);

  example.clock.set(at("20070329T034020Z") + std::chrono::milliseconds(1));
  CHECK(code_of(presigned().ask(example)) == ErrorCode::request_expired);
}

TEST_CASE("a mismatch of version 2 tells what was signed") {
  Version2 get = get_object();
  get.signature = "bWq2s1WEIj+Ydj0vQ697zp+IXMV=";
  const Outcome refused = get.ask();

  CHECK(code_of(refused) == ErrorCode::signature_mismatch);
  CHECK(refused.error().access_key == kAccessKey);
  CHECK(refused.error().signature_provided == get.signature);
  CHECK(refused.error().string_to_sign == "GET\n\n\nTue, 27 Mar 2007 19:36:42 +0000\n/johnsmith/photos/puppy.jpg");
  CHECK(refused.error().canonical_request.empty());
  CHECK_FALSE(refused.error().presigned);
}

TEST_CASE("each part that version 2 covers breaks the signature when it changes") {
  const auto spoilt = [](auto&& spoil) {
    Version2 request = get_object();
    spoil(request);
    return code_of(request.ask());
  };

  CHECK(spoilt([](Version2& r) { r.method = "DELETE"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.target = "/photos/puppy.jp"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.target += "?acl"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.target += "?%61cl"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.target += "?attributes"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.target += "?retention"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.target += "?x-amz-acl=public-read"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.target += "?X%2DAmz-Acl=public-read"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.bucket = "janesmith"; }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.bucket.clear(); }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.fields.emplace_back("Content-MD5", "x"); }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.fields.emplace_back("Content-Type", "x"); }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.fields.emplace_back("x-amz-acl", "private"); }) == ErrorCode::signature_mismatch);
  CHECK(spoilt([](Version2& r) { r.fields[0].second = "Tue, 27 Mar 2007 19:36:43 +0000"; }) ==
        ErrorCode::signature_mismatch);
}

TEST_CASE("the clock of a version 2 request may be 15 minutes off") {
  Version2 get = get_object();
  get.now = "20070327T195142Z";
  CHECK(get.ask().has_value());
  get.now = "20070327T192142Z";
  CHECK(get.ask().has_value());

  get.now = "20070327T195143Z";
  const Outcome late = get.ask();
  CHECK(code_of(late) == ErrorCode::request_time_skewed);
  CHECK(late.error().request_time == "Tue, 27 Mar 2007 19:36:42 +0000");
  CHECK(late.error().server_time == "2007-03-27T19:51:43Z");
  get.now = "20070327T192141Z";
  CHECK(code_of(get.ask()) == ErrorCode::request_time_skewed);
}

TEST_CASE("a version 2 request needs a date that can be read") {
  const auto refusal = [](const FieldList& fields) {
    Version2 get = get_object();
    get.fields = fields;
    return code_of(get.ask());
  };

  CHECK(refusal({}) == ErrorCode::access_denied);
  CHECK(refusal({{"Date", "Bad Date"}}) == ErrorCode::access_denied);
  CHECK(refusal({{"Date", "Tue, 27 Mar 2007 19:36:42 GMT"}, {"x-amz-date", ""}}) == ErrorCode::access_denied);
  CHECK(refusal({{"x-amz-date", "Tue, 07 Jul 1950 21:53:04 GMT"}}) == ErrorCode::access_denied);
  CHECK(refusal({{"x-amz-date", "Tue, 07 Jul 9999 21:53:04 GMT"}}) == ErrorCode::request_time_skewed);
  // As a date it will do; as a request it was never signed.
  CHECK(refusal({{"x-amz-date", "20070327T193642Z"}}) == ErrorCode::signature_mismatch);
}

TEST_CASE("a version 2 header that is not key:signature is refused") {
  const auto refusal = [](std::string_view authorization) {
    Version2 get = get_object();
    get.signature.clear();
    get.fields.emplace_back("Authorization", authorization);
    return code_of(get.ask());
  };

  CHECK(refusal("AWS") == ErrorCode::invalid_argument);
  CHECK(refusal("AWS HAHAHA") == ErrorCode::invalid_argument);
  CHECK(refusal("AWS :signature") == ErrorCode::invalid_argument);
  CHECK(refusal("AWS key:") == ErrorCode::invalid_argument);
  CHECK(refusal("AWS2 key:signature") == ErrorCode::invalid_argument);
  CHECK(refusal("AWS AKIAIGR7ZNNBHC5BKSUB:FWeDfwojDSdS2Ztmpfeubhd9isU=") == ErrorCode::unknown_access_key);
}

TEST_CASE("a version 2 query that is not well formed is refused") {
  const auto refusal = [](std::string_view query) { return code_of(presigned_with(query).ask()); };

  CHECK(refusal("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE") == ErrorCode::access_denied);
  CHECK(refusal("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x") == ErrorCode::access_denied);
  CHECK(refusal("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620") == ErrorCode::access_denied);
  CHECK(refusal("AWSAccessKeyId=a&AWSAccessKeyId=b&Signature=x&Expires=1175139620") == ErrorCode::access_denied);
  CHECK(refusal("AWSAccessKeyId=nobody&Signature=x&Expires=1175139620") == ErrorCode::unknown_access_key);
  CHECK(refusal("AWSAccessKeyId=%x&Signature=x&Expires=1175139620") == ErrorCode::invalid_request);
  CHECK(refusal("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=1175139620&acl=%x") ==
        ErrorCode::invalid_request);
}

TEST_CASE("Expires of a version 2 query is seconds since the epoch") {
  const auto refusal = [](std::string_view expires) {
    return code_of(
        presigned_with(std::string("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=").append(expires)).ask());
  };

  CHECK(refusal("") == ErrorCode::access_denied);
  CHECK(refusal("soon") == ErrorCode::access_denied);
  CHECK(refusal("-1") == ErrorCode::access_denied);
  CHECK(refusal("1175139620.5") == ErrorCode::access_denied);
  CHECK(refusal("99999999999999999999999") == ErrorCode::access_denied);
  CHECK(refusal("0") == ErrorCode::request_expired);
  CHECK(refusal("18446744073709551615") == ErrorCode::signature_mismatch);
}

TEST_CASE("what is added to a presigned version 2 request breaks it, but for what no server signs") {
  Version2 request = presigned();
  const std::string target = request.target;
  const auto added = [&](std::string_view more) {
    request.target = target + std::string(more);
    return request.ask();
  };

  CHECK(added("&x-id=GetObject").has_value());
  CHECK(code_of(added("&response-content-type=text%2Fhtml")) == ErrorCode::signature_mismatch);
  CHECK(code_of(added("&versionId=1")) == ErrorCode::signature_mismatch);
  CHECK(code_of(added("&attributes")) == ErrorCode::signature_mismatch);
  CHECK(code_of(added("&x-amz-meta-a=1")) == ErrorCode::signature_mismatch);
}

TEST_CASE("an escape cannot make one header of a version 2 query pass for two") {
  const std::string_view signature = "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=x&Expires=1175139620";
  const auto refusal = [&](std::string_view more) {
    return code_of(presigned_with(std::string(signature).append(more)).ask());
  };

  CHECK(refusal("&x-amz-acl=private%0Ax-amz-meta-a:1") == ErrorCode::invalid_request);
  CHECK(refusal("&x-amz-acl%0A=private") == ErrorCode::invalid_request);
  CHECK(refusal("&x-amz-acl:private%0A/b/k=") == ErrorCode::invalid_request);
  CHECK(refusal("&x-amz-meta-a:b=c") == ErrorCode::invalid_request);
  CHECK(refusal("&versionId=1%0A2") == ErrorCode::invalid_request);
}

TEST_CASE("a version 2 request is signed once, and without a token") {
  Version2 both = presigned();
  both.signature = "x";
  CHECK(code_of(both.ask()) == ErrorCode::invalid_request);

  Version2 twice = get_object();
  twice.fields.emplace_back("authorization", "AWS key:signature");
  CHECK(code_of(twice.ask()) == ErrorCode::authorization_malformed);

  Version2 token = get_object();
  token.fields.emplace_back("x-amz-security-token", "token");
  CHECK(code_of(token.ask()) == ErrorCode::access_denied);

  Version2 in_query = presigned();
  in_query.target += "&x-amz-security-token=token";
  CHECK(code_of(in_query.ask()) == ErrorCode::access_denied);
}

TEST_CASE("a declared digest of a version 2 request is held to, signed chunks are refused") {
  // GET with the header x-amz-content-sha256 of the empty body.
  Version2 digest = get_object();
  digest.fields.emplace_back("x-amz-content-sha256", kEmptySha256);
  digest.signature = "71CTAskGmaWWHPtAKC7Zi4fgt48=";
  const Outcome identity = digest.ask();
  REQUIRE(identity);
  CHECK(identity->payload == Payload::sha256);
  CHECK(to_hex(identity->payload_sha256) == kEmptySha256);

  Version2 chunks = get_object();
  chunks.fields.emplace_back("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  CHECK(code_of(chunks.ask()) == ErrorCode::access_denied);

  Version2 garbage = get_object();
  garbage.fields.emplace_back("x-amz-content-sha256", "garbage");
  CHECK(code_of(garbage.ask()) == ErrorCode::invalid_argument);
}

TEST_CASE("a raw plus in what version 2 signs may have been signed as a space") {
  const std::string query =
      "response-content-disposition=attachment;+filename=a&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&"
      "Signature=";

  const Outcome literal = presigned_with(query + "RL9AHRg2XGwo1H0riD2lv04ZyvI%3D").ask();
  REQUIRE(literal);
  CHECK_FALSE(literal->plus_is_space);
  const Outcome space = presigned_with(query + "Qj01B1Na7Y%2BM839bUhNxS9DKKVo%3D").ask();
  REQUIRE(space);
  CHECK(space->plus_is_space);
}

TEST_CASE("where version 2 is not accepted it is unsupported") {
  const Credentials credentials(test::example_users());
  const FixedClock clock(at("20070327T193642Z"));
  const SigV4 strict(credentials, clock, "us-east-1", false);
  Fields fields = test::fields_of(get_object().fields);
  const Outcome query = strict.authenticate(
      {.method = "GET", .target = presigned().target, .fields = fields, .virtual_host_bucket = "johnsmith"});
  CHECK(code_of(query) == ErrorCode::unsupported_signature);

  fields.add("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:bWq2s1WEIj+Ydj0vQ697zp+IXMU=");
  const Outcome header = strict.authenticate(
      {.method = "GET", .target = get_object().target, .fields = fields, .virtual_host_bucket = "johnsmith"});
  CHECK(code_of(header) == ErrorCode::unsupported_signature);
}

TEST_CASE("garbage of version 2 is refused and harms nothing") {
  std::mt19937 random(7);
  const std::string_view alphabet = "AWSabc:=&?%+/ 0129-x\t\"\xFF\x01";
  const auto noise = [&](std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += alphabet[random() % alphabet.size()];
    return text;
  };

  for (int i = 0; i < 2000; ++i) {
    Version2 query = presigned_with("AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1175139620&Signature=x&x-amz-acl=" +
                                    noise(random() % 40) + "&acl=" + noise(random() % 40));
    CHECK_FALSE(query.ask().has_value());
    Version2 header = get_object();
    const std::string authorization = "AWS " + noise(random() % 40);
    header.signature.clear();
    header.target += "?" + noise(random() % 40);
    header.fields.emplace_back("Authorization", authorization);
    CHECK_FALSE(header.ask().has_value());
  }
}

}  // namespace sluice::auth

#include "auth/sigv4.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "auth/example_for_test.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

using test::ask;
using test::at;
using test::authorization;
using test::code_of;
using test::detail_of;
using test::Example;
using test::example_users;
using test::FieldList;
using test::fields_of;
using test::GetObject;
using test::kAccessKey;
using test::kEmptySha256;
using test::kHost;
using test::kSecretKey;
using test::kTime;
using test::Outcome;
using test::Presigned;

}  // namespace

TEST_CASE("AWS's example of getting an object is accepted") {
  const Outcome identity = GetObject().ask();

  REQUIRE(identity);
  CHECK(identity->identity.user->name == "example");
  CHECK(identity->payload == Payload::sha256);
  CHECK(to_hex(identity->payload_sha256) == kEmptySha256);
  CHECK_FALSE(identity->presigned);
  CHECK(identity->by_header);
  CHECK(identity->signing_key.empty());
}

TEST_CASE("AWS's example of putting an object is accepted") {
  const Outcome identity =
      ask(Example(), "PUT", "/test$file.text",
          {{"Host", kHost},
           {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
           {"x-amz-date", kTime},
           {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
           {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
           {"Authorization", authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                                           "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")}});

  CHECK(identity.has_value());
}

TEST_CASE("AWS's example of getting a bucket's lifecycle is accepted") {
  const Outcome identity =
      ask(Example(), "GET", "/?lifecycle",
          {{"Host", kHost},
           {"x-amz-date", kTime},
           {"x-amz-content-sha256", kEmptySha256},
           {"Authorization", authorization("host;x-amz-content-sha256;x-amz-date",
                                           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")}});

  CHECK(identity.has_value());
}

TEST_CASE("AWS's example of listing objects is accepted") {
  const Outcome identity =
      ask(Example(), "GET", "/?max-keys=2&prefix=J",
          {{"Host", kHost},
           {"x-amz-date", kTime},
           {"x-amz-content-sha256", kEmptySha256},
           {"Authorization", authorization("host;x-amz-content-sha256;x-amz-date",
                                           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")}});

  CHECK(identity.has_value());
}

TEST_CASE("a request without any signature is anonymous") {
  const Outcome identity = ask(Example(), "GET", "/b/k?versionId=1", {{"Host", kHost}});

  REQUIRE(identity);
  CHECK(identity->identity.anonymous());
  CHECK(identity->payload == Payload::unsigned_payload);
}

TEST_CASE("an anonymous body is what its header says it is") {
  const auto payload = [](std::string_view declared) {
    return ask(Example(), "PUT", "/b/k", {{"Host", kHost}, {"x-amz-content-sha256", declared}});
  };

  CHECK(payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER")->payload == Payload::streaming_unsigned_trailer);
  CHECK(payload(kEmptySha256)->payload == Payload::sha256);
  CHECK(code_of(payload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")) == ErrorCode::access_denied);
}

TEST_CASE("the fields of an Authorization header may come in any order, with any spaces") {
  GetObject get;
  get.authorization =
      "AWS4-HMAC-SHA256   Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41 ,"
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,  "
      "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request";

  CHECK(get.ask().has_value());
}

TEST_CASE("header values are trimmed and folded, and the case of names does not matter") {
  GetObject get;
  get.remove("Range");
  get.fields.emplace_back("rAnGe", " \t bytes=0-9 ");

  CHECK(get.ask().has_value());
}

TEST_CASE("headers that are not signed may change") {
  GetObject get;
  get.fields.emplace_back("User-Agent", "anything");
  get.fields.emplace_back("X-Amzn-Trace-Id", "Root=1");
  get.fields.emplace_back("Expect", "100-continue");

  CHECK(get.ask().has_value());
}

TEST_CASE("a request whose signature does not match is told what was signed here") {
  GetObject get;
  get.target = "/other.txt";

  const Outcome refused = get.ask();

  REQUIRE(code_of(refused) == ErrorCode::signature_mismatch);
  const SignatureFault& fault = refused.error();
  CHECK(fault.access_key == kAccessKey);
  CHECK(fault.signature_provided == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(fault.canonical_request ==
        "GET\n/other.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
        "x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        "x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(fault.string_to_sign.starts_with("AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"));
}

TEST_CASE("a signature that differs in its last digit, or in its length, is refused") {
  GetObject digit;
  digit.authorization.back() = '2';
  CHECK(code_of(digit.ask()) == ErrorCode::signature_mismatch);

  GetObject shorter;
  shorter.authorization.pop_back();
  CHECK(code_of(shorter.ask()) == ErrorCode::signature_mismatch);

  GetObject none;
  none.authorization.resize(none.authorization.size() - 64);
  CHECK(code_of(none.ask()) == ErrorCode::signature_mismatch);
}

TEST_CASE("an unknown access key is refused") {
  GetObject get;
  get.replace(kAccessKey, "NOBODY");

  const Outcome refused = get.ask();

  CHECK(code_of(refused) == ErrorCode::unknown_access_key);
  CHECK(refused.error().access_key == "NOBODY");
}

TEST_CASE("a scope of another region is refused, with ours") {
  GetObject get;
  get.replace("us-east-1", "eu-central-1");

  const Outcome refused = get.ask();

  CHECK(code_of(refused) == ErrorCode::wrong_region);
  CHECK(refused.error().region == "us-east-1");
  CHECK(detail_of(refused) == "us-east-1");
}

TEST_CASE("a scope of another service, day or terminator is malformed") {
  GetObject service;
  service.replace("/s3/", "/ec2/");
  CHECK(code_of(service.ask()) == ErrorCode::authorization_malformed);

  GetObject day;
  day.replace("20130524", "20130523");
  CHECK(code_of(day.ask()) == ErrorCode::authorization_malformed);

  GetObject terminator;
  terminator.replace("aws4_request", "aws5_request");
  CHECK(code_of(terminator.ask()) == ErrorCode::authorization_malformed);
}

TEST_CASE("the clocks may differ by 15 minutes either way") {
  Example example;
  example.clock.set(at("20130524T001500Z"));
  CHECK(GetObject().ask(example).has_value());
  example.clock.set(at("20130523T234500Z"));
  CHECK(GetObject().ask(example).has_value());

  example.clock.set(at("20130524T001501Z"));
  const Outcome late = GetObject().ask(example);
  CHECK(code_of(late) == ErrorCode::request_time_skewed);
  CHECK(late.error().request_time == kTime);
  CHECK(late.error().server_time == "2013-05-24T00:15:01Z");

  example.clock.set(at("20130523T234459Z"));
  CHECK(code_of(GetObject().ask(example)) == ErrorCode::request_time_skewed);
}

TEST_CASE("x-amz-date wins over Date, which serves where it is alone") {
  GetObject both;
  both.fields.emplace_back("Date", "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(both.ask().has_value());

  GetObject date;
  date.remove("x-amz-date");
  date.fields.emplace_back("Date", "Fri, 24 May 2013 00:00:00 GMT");
  CHECK(code_of(date.ask()) == ErrorCode::signature_mismatch);  // It has another canonical request.
}

TEST_CASE("a request without a date that can be read is refused") {
  GetObject none;
  none.remove("x-amz-date");
  CHECK(code_of(none.ask()) == ErrorCode::access_denied);

  GetObject bad;
  bad.remove("x-amz-date");
  bad.fields.emplace_back("x-amz-date", "yesterday");
  CHECK(code_of(bad.ask()) == ErrorCode::access_denied);
}

TEST_CASE("host and every x-amz header must be signed") {
  GetObject meta;
  meta.fields.emplace_back("X-Amz-Meta-Owner", "me");
  const Outcome refused = meta.ask();
  CHECK(code_of(refused) == ErrorCode::access_denied);
  CHECK(detail_of(refused) == "There were headers present in the request which were not signed");
  CHECK(refused.error().headers_not_signed == "x-amz-meta-owner");

  GetObject host;
  host.replace("host;", "");
  CHECK(host.ask().error().headers_not_signed == "host");
}

TEST_CASE("a header request that does not say what its body is has signed an empty one") {
  const std::string canonical = "GET\n/\n\nhost:" + std::string(kHost) + "\nx-amz-date:" + std::string(kTime) +
                                "\n\nhost;x-amz-date\n" + std::string(kEmptySha256);
  const std::string text = "AWS4-HMAC-SHA256\n" + std::string(kTime) + "\n20130524/us-east-1/s3/aws4_request\n" +
                           to_hex(digest_of(DigestAlgorithm::sha256, canonical).bytes);
  const auto key = signing_key(kSecretKey, "20130524", "us-east-1", "s3");

  const Outcome identity = ask(Example(), "GET", "/",
                               {{"Host", kHost},
                                {"x-amz-date", kTime},
                                {"Authorization", authorization("host;x-amz-date", to_hex(hmac_sha256(key, text)))}});

  REQUIRE(identity);
  CHECK(identity->payload == Payload::sha256);
  CHECK(to_hex(identity->payload_sha256) == kEmptySha256);
}

TEST_CASE("a header request may declare only what there is") {
  const auto declaring = [](std::string_view declared) {
    GetObject get;
    get.remove("x-amz-content-sha256");
    get.fields.emplace_back("x-amz-content-sha256", declared);
    return code_of(get.ask());
  };
  CHECK(declaring("e3b0") == ErrorCode::invalid_argument);
  CHECK(declaring("") == ErrorCode::invalid_argument);
  CHECK(declaring(std::string(64, 'x')) == ErrorCode::invalid_argument);
  CHECK(declaring("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD") == ErrorCode::not_implemented);
}

TEST_CASE("an Authorization header that is not well formed is refused") {
  const auto refusal = [](std::string_view authorization) {
    GetObject get;
    get.authorization = authorization;
    return code_of(get.ask());
  };

  CHECK(refusal("") == ErrorCode::access_denied);
  CHECK(refusal("AWS4-HMAC-SHA256") == ErrorCode::authorization_malformed);
  CHECK(refusal("AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws4_request") ==
        ErrorCode::authorization_malformed);
  CHECK(refusal("AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=host,Signature=0") ==
        ErrorCode::authorization_malformed);
  CHECK(refusal("AWS4-HMAC-SHA256 Credential=/20130524/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0") ==
        ErrorCode::authorization_malformed);
  CHECK(refusal("AWS4-HMAC-SHA256 Signature=0,Signature=0") == ErrorCode::authorization_malformed);
  CHECK(refusal("AWS4-HMAC-SHA256 Signature") == ErrorCode::authorization_malformed);
  CHECK(refusal("Basic dTpw") == ErrorCode::invalid_argument);
}

TEST_CASE("two Authorization headers are refused") {
  GetObject get;
  const std::string other = get.authorization;
  get.fields.emplace_back("authorization", other);

  CHECK(code_of(get.ask()) == ErrorCode::authorization_malformed);
}

TEST_CASE("Signature Version 4A is not supported") {
  GetObject version4a;
  version4a.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256");
  CHECK(code_of(version4a.ask()) == ErrorCode::unsupported_signature);

  Presigned presigned4a;
  presigned4a.algorithm = "AWS4-ECDSA-P256-SHA256";
  CHECK(code_of(presigned4a.ask()) == ErrorCode::unsupported_signature);
}

TEST_CASE("a request is signed in its header or in its query, not in both") {
  GetObject get;
  get.target = Presigned().target();
  CHECK(code_of(get.ask()) == ErrorCode::invalid_request);

  get.target = "/test.txt?AWSAccessKeyId=x";
  CHECK(code_of(get.ask()) == ErrorCode::invalid_request);
}

TEST_CASE("a token of temporary credentials is refused") {
  GetObject header;
  header.fields.emplace_back("x-amz-security-token", "token");
  CHECK(code_of(header.ask()) == ErrorCode::access_denied);
  CHECK_THAT(detail_of(header.ask()), Catch::Contains("token"));

  Presigned query;
  query.more = "&X-Amz-Security-Token=token";
  CHECK(code_of(query.ask()) == ErrorCode::access_denied);
}

TEST_CASE("a target with a malformed escape is refused") {
  GetObject path;
  path.target = "/100%";
  CHECK(code_of(path.ask()) == ErrorCode::invalid_request);

  GetObject query;
  query.target = "/test.txt?prefix=%zz";
  CHECK(code_of(query.ask()) == ErrorCode::invalid_request);
}

TEST_CASE("only signed chunks are given what their chain starts from") {
  const Outcome identity =
      ask(Example(), "PUT", "/examplebucket/chunkObject.txt",
          {{"Host", "s3.amazonaws.com"},
           {"x-amz-date", kTime},
           {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
           {"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
           {"Content-Encoding", "aws-chunked"},
           {"x-amz-decoded-content-length", "66560"},
           {"Content-Length", "66824"},
           {"Authorization", authorization("content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                                           "x-amz-decoded-content-length;x-amz-storage-class",
                                           "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")}});

  REQUIRE(identity);
  CHECK(identity->payload == Payload::streaming_signed);
  CHECK(identity->seed_signature == "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  CHECK(identity->amz_date == kTime);
  CHECK(identity->scope == "20130524/us-east-1/s3/aws4_request");
  CHECK(identity->signing_key == signing_key(kSecretKey, "20130524", "us-east-1", "s3"));
}

TEST_CASE("the signing key is the one of AWS's example") {
  CHECK(to_hex(signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20120215", "us-east-1", "iam")) ==
        "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d");
}

TEST_CASE("two users and two days do not share a key") {
  std::vector<User> users = example_users();
  users.push_back(users.front());
  users.back().access_key = "OTHER";
  users.back().secret_key = "other secret";
  const Credentials credentials(users);
  const FixedClock clock(at(kTime));
  const SigV4 sigv4(credentials, clock, "us-east-1");
  GetObject mine;
  GetObject theirs;
  theirs.replace(kAccessKey, "OTHER");
  const auto ask_both = [&](const GetObject& get) {
    FieldList all = get.fields;
    all.emplace_back("Authorization", get.authorization);
    const Fields fields = fields_of(all);
    return sigv4.authenticate({.method = get.method, .target = get.target, .fields = fields}).has_value();
  };

  CHECK(ask_both(mine));
  CHECK_FALSE(ask_both(theirs));
  CHECK(ask_both(mine));
}

TEST_CASE("many threads may ask at once") {
  const Example example;
  std::array<int, 4> accepted{};
  {
    std::vector<std::jthread> threads;
    threads.reserve(accepted.size());
    for (int& count : accepted) {
      threads.emplace_back([&] {
        for (int round = 0; round < 100; ++round) count += GetObject().ask(example).has_value() ? 1 : 0;
      });
    }
  }

  CHECK(accepted == std::array{100, 100, 100, 100});
}

TEST_CASE("no bytes in a request make it crash or be believed") {
  std::mt19937 random(20130524);  // NOLINT: the same bytes at each run.
  const std::string alphabet = std::string("%&=?+;,/ \t\nAWS4-HMAC-SHA256X-Amz-Signature\xff\x01") + '\0';
  const auto garbage = [&](std::string text) {
    for (auto changes = random() % 8; changes != 0; --changes) {
      const auto place = random() % (text.size() + 1);
      const char c = random() % 2 == 0 ? alphabet[random() % alphabet.size()] : static_cast<char>(random() & 255);
      if (random() % 3 == 0) text.erase(place, random() % 9);
      text.insert(std::min<std::size_t>(place, text.size()), 1 + random() % 3, c);
    }
    return text;
  };
  const Example example;

  for (int round = 0; round < 4000; ++round) {
    GetObject get;
    get.authorization = garbage(get.authorization);
    get.target = garbage(round % 2 == 0 ? get.target : Presigned().target());
    if (round % 3 == 0) get.authorization.clear();
    const Outcome outcome = get.ask(example);
    CHECK((!outcome || get.target == "/test.txt" || get.target == Presigned().target()));
  }
}

}  // namespace sluice::auth

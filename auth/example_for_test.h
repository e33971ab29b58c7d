#pragma once

#include <catch2/catch.hpp>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/date.h"
#include "auth/sigv4.h"
#include "gateway/core/encoding.h"

namespace sluice::auth::test {

// The credentials, the day and the bucket of AWS's published examples.
inline constexpr std::string_view kAccessKey = "AKIAIOSFODNN7EXAMPLE";
inline constexpr std::string_view kSecretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
inline constexpr std::string_view kTime = "20130524T000000Z";
inline constexpr std::string_view kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

inline UtcTime at(std::string_view iso_basic) { return parse_iso_basic(iso_basic).value(); }

inline std::vector<User> example_users() {
  User user;
  user.name = "example";
  user.account = "acme";
  user.access_key = kAccessKey;
  user.secret_key = kSecretKey;
  return {user};
}

/// A deployment in us-east-1 whose clock stands at the examples' time.
struct Example {
  Credentials credentials{example_users()};
  FixedClock clock{at(kTime)};
  SigV4 sigv4{credentials, clock, "us-east-1"};
};

using FieldList = std::vector<std::pair<std::string_view, std::string_view>>;

inline Fields fields_of(const FieldList& list) {
  Fields fields;
  for (const auto& [name, value] : list) fields.add(name, value);
  return fields;
}

inline std::string authorization(std::string_view signed_headers, std::string_view signature) {
  return std::string("AWS4-HMAC-SHA256 Credential=")
      .append(kAccessKey)
      .append("/20130524/us-east-1/s3/aws4_request,SignedHeaders=")
      .append(signed_headers)
      .append(",Signature=")
      .append(signature);
}

inline constexpr std::string_view kHost = "examplebucket.s3.amazonaws.com";

using Outcome = std::expected<SignedIdentity, SignatureFault>;

inline Outcome ask(const Example& example, std::string_view method, std::string_view target, const FieldList& list) {
  const Fields fields = fields_of(list);
  return example.sigv4.authenticate({.method = method, .target = target, .fields = fields});
}

inline ErrorCode code_of(const Outcome& outcome) {
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error().error.code;
}

inline std::string detail_of(const Outcome& outcome) {
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error().error.detail;
}

/// AWS's "GET object" example, for tests that spoil one thing of it.
struct GetObject {
  std::string method = "GET";
  std::string target = "/test.txt";
  std::string authorization = test::authorization("host;range;x-amz-content-sha256;x-amz-date",
                                                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  FieldList fields{
      {"Host", kHost}, {"Range", "bytes=0-9"}, {"x-amz-content-sha256", kEmptySha256}, {"x-amz-date", kTime}};

  void remove(std::string_view name) {
    std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  }
  void replace(std::string_view from, std::string_view to) {
    authorization.replace(authorization.find(from), from.size(), to);
  }
  Outcome ask(const Example& example = Example()) const {
    FieldList all = fields;
    all.emplace_back("Authorization", authorization);
    return test::ask(example, method, target, all);
  }
};

/// AWS's presigned URL example, by its parameters.
struct Presigned {
  std::string algorithm = "AWS4-HMAC-SHA256";
  std::string credential = "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request";
  std::string date{kTime};
  std::string expires = "86400";
  std::string signed_headers = "host";
  std::string signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
  std::string more;
  FieldList fields{{"Host", kHost}};

  std::string target() const {
    return "/test.txt?X-Amz-Algorithm=" + algorithm + "&X-Amz-Credential=" + credential + "&X-Amz-Date=" + date +
           "&X-Amz-Expires=" + expires + "&X-Amz-SignedHeaders=" + signed_headers + "&X-Amz-Signature=" + signature +
           more;
  }
  Outcome ask(const Example& example = Example()) const { return test::ask(example, "GET", target(), fields); }
};

}  // namespace sluice::auth::test

#pragma once

#include <chrono>
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

}  // namespace sluice::auth::test

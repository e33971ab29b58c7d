#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credentials.h"
#include "auth/identity.h"
#include "gateway/core/clock.h"
#include "gateway/core/fields.h"
#include "gateway/core/result.h"

namespace sluice::auth {

/// The parts of a request a signature covers; views into the caller's header.
struct SignedRequest {
  std::string_view method;
  std::string_view target;  ///< Raw: path and query as received.
  const Fields& fields;
  std::string_view virtual_host_bucket = {};  ///< The bucket that Host names, if it does.
};

/// What the body of a signed request must be (x-amz-content-sha256).
enum class Payload : std::uint8_t {
  unsigned_payload,            ///< UNSIGNED-PAYLOAD, and presigned requests.
  sha256,                      ///< A hex digest: payload_sha256.
  streaming_signed,            ///< STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  streaming_signed_trailer,    ///< STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
  streaming_unsigned_trailer,  ///< STREAMING-UNSIGNED-PAYLOAD-TRAILER
};

/// A signing key (AWS4 → date → region → service → aws4_request), raw.
using SigningKey = std::string;

/// A request whose signature holds, or that has none.
struct SignedIdentity {
  Identity identity;
  Payload payload = Payload::unsigned_payload;
  std::string payload_sha256;  ///< Raw 32 bytes, for Payload::sha256.
  bool presigned = false;
  bool by_header = false;        ///< Version 4 in the Authorization header: it covers every x-amz-* field.
  bool plus_is_space = false;    ///< A raw `+` in the query was signed as a space, not as itself.
  bool plus_is_literal = false;  ///< It was signed as itself; Version 2 does not cover enough to tell.

  // What the chain of chunk signatures starts from, for the streaming payloads.
  SigningKey signing_key;
  std::string seed_signature;  ///< Lower-case hex.
  std::string amz_date;        ///< 20260101T000000Z
  std::string scope;           ///< 20260101/us-east-1/s3/aws4_request
};

/// Why a signature was refused, with what helps its sender find the fault.
struct SignatureFault {
  Error error;
  // Set where they apply; never a secret, never a signature we computed.
  std::string access_key;
  std::string signature_provided;
  std::string string_to_sign;
  std::string canonical_request;
  std::string region;              ///< Ours, for wrong_region.
  std::string request_time;        ///< For request_time_skewed.
  std::string server_time;         ///< ISO 8601, for request_time_skewed and request_expired.
  std::string expires;             ///< ISO 8601, for request_expired.
  std::string headers_not_signed;  ///< Names joined by `, `, for access_denied on their account.
  bool presigned = false;          ///< Was signed in the query, not in the Authorization header.
};

/// AWS Signature Version 4 ("Authenticating Requests (AWS Signature Version 4)",
/// Amazon S3 API Reference), by header and by query; with its predecessor Version 2
/// where that is accepted. Safe for concurrent use.
class SigV4 {
 public:
  static constexpr std::chrono::minutes kSkewMax{15};

  /// `region` is the one region of this deployment. The others must outlive this.
  SigV4(const Credentials& credentials, const Clock& clock, std::string region, bool accept_version2 = true);
  ~SigV4();

  /// Who signed `request`. A request that carries no signature at all is
  /// anonymous: Identity without a user. Checks the clock (15 minutes), the scope
  /// (wrong_region), that `host` and every x-amz-* header is signed, and that
  /// x-amz-content-sha256 is one we know. A signature of Version 2 is
  /// unsupported_signature where it is not accepted.
  std::expected<SignedIdentity, SignatureFault> authenticate(const SignedRequest& request) const;

 private:
  class KeyCache;
  class Attempt;
  const Credentials& credentials_;
  const Clock& clock_;
  std::string region_;
  bool accept_version2_;
  std::unique_ptr<KeyCache> keys_;  ///< Signing keys by user and day.
};

/// The signing key of a day (yyyymmdd), region and service.
SigningKey signing_key(std::string_view secret, std::string_view day, std::string_view region,
                       std::string_view service);

}  // namespace sluice::auth

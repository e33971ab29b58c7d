#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "auth/target.h"
#include "gateway/core/fields.h"

namespace sluice::auth {

/// What a raw `+` in a query stood for when its sender signed it.
enum class Plus : std::uint8_t { literal, space };

/// What a signature covers; views into the request.
struct SignedParts {
  std::string_view method;
  const Target& target;
  const Fields& fields;
  std::string_view signed_headers;  ///< As claimed: name;name
  std::string_view payload_hash;    ///< As sent, or UNSIGNED-PAYLOAD.
  bool presigned = false;           ///< X-Amz-Signature is left out of the query.
  Plus plus = Plus::literal;
};

/// The canonical request ("Signature Calculations for the Authorization Header",
/// Amazon S3 API Reference); nothing if an escape in the target is malformed.
std::optional<std::string> canonical_request(const SignedParts& parts);

/// Is `name` in `signed_headers`?
bool is_signed(std::string_view signed_headers, std::string_view name);

/// The fields that must be signed and are not, joined by `, `: `host` and every x-amz-*.
std::string headers_not_signed(const Fields& fields, std::string_view signed_headers);

}  // namespace sluice::auth

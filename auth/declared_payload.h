#pragma once

#include <string>
#include <string_view>

#include "auth/sigv4.h"
#include "gateway/core/result.h"

namespace sluice::auth {

/// What x-amz-content-sha256 says of a body.
struct DeclaredPayload {
  Payload payload = Payload::unsigned_payload;
  std::string sha256;  ///< Raw, for Payload::sha256.
};

/// Reads x-amz-content-sha256. Fails with not_implemented for an unknown form of
/// streaming, else with invalid_argument.
Result<DeclaredPayload> parse_payload(std::string_view text);

/// Does each chunk of the body carry a signature of its own?
bool is_streaming_signed(Payload payload);

}  // namespace sluice::auth

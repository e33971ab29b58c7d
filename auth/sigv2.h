#pragma once

#include <expected>
#include <string_view>

#include "auth/credentials.h"
#include "auth/sigv4.h"
#include "auth/target.h"
#include "gateway/core/clock.h"

namespace sluice::auth {

/// Does an Authorization header claim a signature of version 2 (`AWS key:signature`)?
bool is_version2(std::string_view authorization);

/// Does the query claim one?
bool is_version2(const Target& target);

/// What a signature of version 2 is checked against.
struct Version2Context {
  const Credentials& credentials;
  const Clock& clock;
};

/// Who signed `request` with AWS Signature Version 2 ("Signing and authenticating
/// REST requests", Amazon S3 User Guide), in its header or, if is_version2(target),
/// in its query; one of both, once. `target` is the request's. The body is what
/// x-amz-content-sha256 declares, or unsigned.
std::expected<SignedIdentity, SignatureFault> authenticate_version2(const Version2Context& context,
                                                                    const SignedRequest& request, const Target& target);

}  // namespace sluice::auth

#pragma once

#include <string>
#include <string_view>

#include "auth/target.h"
#include "gateway/core/result.h"

namespace sluice::auth {

/// What a request says of its own signature: nothing of it is proven. Views into
/// what it was read from.
struct Claim {
  std::string_view access_key{};
  std::string_view scope{};  ///< day/region/service/terminator
  std::string_view day{};
  std::string_view region{};
  std::string_view service{};
  std::string_view terminator{};
  std::string_view signed_headers{};  ///< name;name
  std::string_view signature{};       ///< Hex.
  std::string_view date{};            ///< X-Amz-Date, of a presigned request alone.
  std::string_view expires{};         ///< X-Amz-Expires, of a presigned request alone.
};

/// Reads an Authorization header. Fails with authorization_malformed; with
/// unsupported_signature for Signature Version 2 and 4A; with invalid_argument
/// for another scheme; with access_denied for an empty one.
Result<Claim> claim_of_header(std::string_view authorization);

/// Does the query claim to be signed, with Signature Version 4?
bool is_presigned(const Target& target);

/// Reads a presigned query. Fails with authorization_malformed, or with
/// unsupported_signature for Signature Version 4A. The claim looks into `target`
/// and `decoded`, whose content is replaced.
Result<Claim> claim_of_query(const Target& target, std::string& decoded);

}  // namespace sluice::auth

#pragma once

#include <cstdint>
#include <string>

#include "gateway/core/error.h"

namespace sluice::auth {

/// Why the Blob service refuses a request, as finely as its error codes tell:
/// each is one wire code. 403 but where it says otherwise.
enum class BlobAuthFault : std::uint8_t {
  authentication_failed,        ///< AuthenticationFailed: error.detail is its AuthenticationErrorDetail.
  authorization_failure,        ///< AuthorizationFailure: no SAS of this kind may do this.
  permission_mismatch,          ///< AuthorizationPermissionMismatch
  service_mismatch,             ///< AuthorizationServiceMismatch
  resource_type_mismatch,       ///< AuthorizationResourceTypeMismatch
  source_ip_mismatch,           ///< AuthorizationSourceIPMismatch
  protocol_mismatch,            ///< AuthorizationProtocolMismatch
  invalid_authentication_info,  ///< InvalidAuthenticationInfo, 400: the Authorization field is malformed.
  invalid_header_value,         ///< InvalidHeaderValue, 400: a signed field comes twice.
};

/// A refusal, with what helps the sender find the fault. Never a secret, never a
/// signature we computed.
struct AzureFault {
  BlobAuthFault reason = BlobAuthFault::authentication_failed;
  Error error;                 ///< The same in the words both protocols share.
  std::string string_to_sign;  ///< Ours, where the signature does not match it.
};

}  // namespace sluice::auth

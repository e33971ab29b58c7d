#pragma once

#include <cstdint>
#include <expected>

#include "auth/azure_account.h"
#include "auth/azure_fault.h"
#include "auth/sigv4.h"
#include "gateway/core/clock.h"

namespace sluice::auth {

/// How a request of the Blob protocol says who asks.
enum class BlobCredential : std::uint8_t {
  anonymous,
  shared_key,  ///< Authorization: SharedKey or SharedKeyLite.
  sas,         ///< A `sig` in the query, perhaps with a bearer token beside it.
  bearer,      ///< Authorization: Bearer, alone.
  unknown,     ///< Authorization of another scheme: InvalidAuthenticationInfo.
};

BlobCredential blob_credential(const SignedRequest& request);

/// How a request names its account.
struct AzureAddress {
  const AzureAccount& account;
  bool in_path = false;    ///< http://host/account/container, not http://account.host/container.
  bool secondary = false;  ///< The name is spelled `account-secondary`.
};

/// Shared Key and Shared Key Lite of the Blob service ("Authorize with Shared
/// Key", Azure Storage REST API). Where clients differ in how they write the
/// string to sign (docs/azure-auth.md), each way is tried. Safe for concurrent use.
class SharedKey {
 public:
  explicit SharedKey(const Clock& clock) : clock_(clock) {}

  /// Who signed `request`, which carries BlobCredential::shared_key. Checks the
  /// account, the clock (15 minutes) and that no signed field comes twice.
  std::expected<Identity, AzureFault> authenticate(const SignedRequest& request, const AzureAddress& address) const;

 private:
  const Clock& clock_;
};

}  // namespace sluice::auth

#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "auth/azure_account.h"
#include "auth/blob_grant.h"
#include "auth/sas_token.h"
#include "auth/sigv4.h"
#include "gateway/core/clock.h"

namespace sluice::auth {

/// What a request is for, decoded. A blob without a container is in `$root`.
struct BlobResource {
  std::string_view container;  ///< Empty for the service itself.
  std::string_view blob;       ///< Empty for the container itself; for List Blobs, its prefix.
  std::string_view snapshot;   ///< The request's `snapshot` parameter.
  std::string_view version;    ///< The request's `versionid` parameter.
};

/// A request that carries a SAS, with what a SAS may depend on.
struct SasRequest {
  const SignedRequest& request;
  const AzureAccount& account;
  BlobResource resource;
  std::string_view remote_address;  ///< As RequestContext has it.
  bool secure = false;              ///< Came over TLS.
  std::string_view bearer_oid;      ///< The user and tenant a bearer token beside the SAS has proven.
  std::string_view bearer_tid;
};

/// What a container's ACL says under one id: times and letters as they stand
/// there, empty where it says nothing.
struct StoredAccessPolicy {
  std::string start;
  std::string expiry;
  std::string permissions;
};

/// A SAS whose signature holds for its request, but perhaps not its time.
class SignedSas {
 public:
  /// The id of the policy that grant() needs, of resource.container.
  std::optional<std::string_view> policy_id() const;

 private:
  friend class Sas;
  SasToken token_;
  std::string directory_;
  bool beneath_ = false;
};

/// Shared access signatures of the Blob service: account, service and user
/// delegation SAS ("Delegate access by using a shared access signature", Azure
/// Storage REST API; the versions' forms are in docs/azure-auth.md). Safe for concurrent use.
///
///   verify() proves the signature; where the SAS names a stored access policy the
///   caller reads it; grant() tells what may be done; Grant::allows() judges.
class Sas {
 public:
  explicit Sas(const Clock& clock) : clock_(clock) {}

  /// Proves the signature under either account key, then checks the address, the
  /// protocol, and the times of a user delegation key.
  std::expected<SignedSas, AzureFault> verify(const SasRequest& request) const;

  /// What the SAS grants now. `policy` is that of policy_id(), or null if there
  /// is none; a field may be in the SAS or in the policy, not in both.
  std::expected<Grant, AzureFault> grant(const SignedSas& sas, const StoredAccessPolicy* policy) const;

 private:
  const Clock& clock_;
};

}  // namespace sluice::auth

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "auth/azure_account.h"
#include "gateway/core/clock.h"
#include "gateway/core/result.h"

namespace sluice::auth {

/// What names a user delegation key. All of it comes back, as text, in each SAS
/// that is signed with the key.
struct DelegationKeyName {
  std::string_view oid;            ///< skoid: whose key it is.
  std::string_view tid;            ///< sktid: that user's tenant.
  std::string_view start;          ///< skt
  std::string_view expiry;         ///< ske
  std::string_view service;        ///< sks: always `b`.
  std::string_view version;        ///< skv
  std::string_view delegated_tid;  ///< skdutid; empty but where the key is for users of another tenant.
};

/// The raw key of that name. It follows from the account's key and the name, so
/// issued keys need no storage; a new account key revokes them.
std::string delegation_key(std::string_view account_key, std::string_view account, const DelegationKeyName& name);

/// What Get User Delegation Key is asked for.
struct DelegationKeyRequest {
  std::string oid;
  std::string tid;
  UtcTime start;
  UtcTime expiry;
  std::string version;  ///< The request's x-ms-version.
  std::string delegated_tid;
};

/// What Get User Delegation Key answers.
struct IssuedDelegationKey {
  std::string oid;
  std::string tid;
  std::string start;  ///< 2026-06-01T00:00:00Z
  std::string expiry;
  std::string service;
  std::string version;
  std::string delegated_tid;
  std::string value;  ///< Base64.
};

/// A key under the account's first key. Fails with invalid_argument for an id
/// that is empty or could not be part of a string to sign, an expiry that is past
/// or not after the start, or one more than seven days after the start or `now`.
Result<IssuedDelegationKey> issue_delegation_key(const AzureAccount& account, const DelegationKeyRequest& request,
                                                 UtcTime now);

}  // namespace sluice::auth

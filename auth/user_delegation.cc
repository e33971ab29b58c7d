#include "auth/user_delegation.h"

#include <algorithm>
#include <chrono>

#include "auth/date.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

// No request and no SAS starts with this, so nothing signed with the account's
// key for another purpose is ever one of these keys.
constexpr std::string_view kPurpose = "sluice user delegation key";
constexpr std::chrono::days kLifetimeMax{7};
constexpr std::string_view kVersionMin = "2018-11-09";

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '&' && c != ','; });
}

std::string to_text(UtcTime time) { return to_iso_extended(std::chrono::floor<std::chrono::seconds>(time)); }

}  // namespace

std::string delegation_key(std::string_view account_key, std::string_view account, const DelegationKeyName& name) {
  std::string message(kPurpose);
  for (const std::string_view part :
       {account, name.oid, name.tid, name.start, name.expiry, name.service, name.version, name.delegated_tid}) {
    message.append(1, '\n').append(part);
  }
  return hmac_sha256(account_key, message);
}

Result<IssuedDelegationKey> issue_delegation_key(const AzureAccount& account, const DelegationKeyRequest& request,
                                                 UtcTime now) {
  if (!is_id(request.oid) || !is_id(request.tid)) {
    return fail(ErrorCode::invalid_argument, "an object id and a tenant id are needed");
  }
  if (!request.delegated_tid.empty() && !is_id(request.delegated_tid)) {
    return fail(ErrorCode::invalid_argument, "the delegated tenant id is malformed");
  }
  if (!is_id(request.version) || request.version < kVersionMin) {
    return fail(ErrorCode::invalid_argument, "user delegation keys need version 2018-11-09 or later");
  }
  if (request.expiry <= request.start || request.expiry <= now) {
    return fail(ErrorCode::invalid_argument, "Expiry must be after Start and in the future");
  }
  if (request.expiry - request.start > kLifetimeMax || request.expiry - now > kLifetimeMax) {
    return fail(ErrorCode::invalid_argument, "Expiry must be within seven days");
  }

  IssuedDelegationKey key{.oid = request.oid,
                          .tid = request.tid,
                          .start = to_text(request.start),
                          .expiry = to_text(request.expiry),
                          .service = "b",
                          .version = request.version,
                          .delegated_tid = request.delegated_tid,
                          .value = {}};
  const DelegationKeyName name{.oid = key.oid,
                               .tid = key.tid,
                               .start = key.start,
                               .expiry = key.expiry,
                               .service = key.service,
                               .version = key.version,
                               .delegated_tid = key.delegated_tid};
  key.value = to_base64(delegation_key(account.keys.front().raw(), account.name, name));
  return key;
}

}  // namespace sluice::auth

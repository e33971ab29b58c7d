#include "auth/shared_key.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "auth/date.h"
#include "auth/shared_key_text.h"
#include "auth/target.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kScheme = "SharedKey";
constexpr std::string_view kLiteScheme = "SharedKeyLite";
constexpr std::chrono::minutes kSkewMax{15};
// What is hashed at most for one request, in bytes: a forged one must not cost more.
constexpr std::size_t kHashedSizeMax = 1 << 20;

std::string_view scheme_of(std::string_view authorization) { return authorization.substr(0, authorization.find(' ')); }

/// An Authorization field taken apart: `SharedKey account:signature`.
struct Claim {
  bool lite = false;
  std::string_view account;
  std::string signature;  ///< Raw.
};

std::optional<Claim> parse_claim(std::string_view authorization) {
  const std::string_view scheme = scheme_of(authorization);
  Claim claim;
  claim.lite = equals_ignoring_case(scheme, kLiteScheme);
  if (!claim.lite && !equals_ignoring_case(scheme, kScheme)) return std::nullopt;
  const std::string_view credential = trim(authorization.substr(scheme.size()));
  const std::size_t colon = credential.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  claim.account = credential.substr(0, colon);
  auto signature = from_base64(credential.substr(colon + 1));
  if (!signature || signature->empty()) return std::nullopt;
  claim.signature = *std::move(signature);
  return claim;
}

bool names(std::string_view name, const AzureAddress& address) {
  if (name == address.account.name) return true;
  return address.secondary && name == address.account.name + "-secondary";
}

std::unexpected<AzureFault> refuse(BlobAuthFault reason, ErrorCode code, std::string detail) {
  return std::unexpected(
      AzureFault{.reason = reason, .error = {.code = code, .detail = std::move(detail)}, .string_to_sign = {}});
}

std::expected<void, AzureFault> check_time(const Fields& fields, UtcTime now) {
  const auto override_date = fields.find("x-ms-date");
  const auto time = parse_rfc1123(override_date ? *override_date : fields.get("Date"));
  if (!time) {
    return refuse(BlobAuthFault::authentication_failed, ErrorCode::authorization_malformed,
                  "The request needs an x-ms-date or Date header in RFC 1123 form.");
  }
  if (std::chrono::abs(now - *time) > kSkewMax) {
    return refuse(BlobAuthFault::authentication_failed, ErrorCode::request_time_skewed,
                  "The request's date is more than 15 minutes from the server's time, " +
                      to_iso_extended(std::chrono::floor<std::chrono::seconds>(now)) + ".");
  }
  return {};
}

bool any_matches(const SharedKeyTexts& texts, const AzureAccount& account, std::string_view signature) {
  std::string text;
  std::size_t hashed_size = 0;
  for (const std::string& head : texts.heads) {
    for (const std::string& headers : texts.headers) {
      for (const std::string& resource : texts.resources) {
        text.assign(head).append(headers).append(resource);
        if (is_signed_by(account, text, signature)) return true;
        hashed_size += text.size() * account.keys.size();
        if (hashed_size > kHashedSizeMax) return false;
      }
    }
  }
  return false;
}

}  // namespace

BlobCredential blob_credential(const SignedRequest& request) {
  const auto authorization = request.fields.find("Authorization");
  const std::string_view scheme = scheme_of(authorization.value_or(std::string_view{}));
  if (equals_ignoring_case(scheme, kScheme) || equals_ignoring_case(scheme, kLiteScheme)) {
    return BlobCredential::shared_key;
  }
  const bool bearer = equals_ignoring_case(scheme, "Bearer");
  if (authorization && !bearer) return BlobCredential::unknown;
  if (Target(request.target).find("sig")) return BlobCredential::sas;
  return bearer ? BlobCredential::bearer : BlobCredential::anonymous;
}

std::expected<Identity, AzureFault> SharedKey::authenticate(const SignedRequest& request,
                                                            const AzureAddress& address) const {
  const auto claim = parse_claim(request.fields.get("Authorization"));
  if (!claim) {
    return refuse(BlobAuthFault::invalid_authentication_info, ErrorCode::authorization_malformed,
                  "Authorization must be SharedKey or SharedKeyLite, a space, and account:signature.");
  }
  if (!names(claim->account, address)) {
    return refuse(BlobAuthFault::authentication_failed, ErrorCode::unknown_access_key,
                  "The account that signed is not the account the request is for.");
  }
  if (auto timely = check_time(request.fields, clock_.now()); !timely) {
    return std::unexpected(std::move(timely).error());
  }
  if (const std::string repeated = repeated_signed_field(request.fields); !repeated.empty()) {
    return refuse(BlobAuthFault::invalid_header_value, ErrorCode::invalid_argument,
                  "The header " + repeated + " may come only once.");
  }

  const auto usual = claim->lite ? usual_shared_key_lite_text : usual_shared_key_text;
  if (is_signed_by(address.account, usual(request, address), claim->signature)) return address.account.identity;
  const SharedKeyTexts texts = (claim->lite ? shared_key_lite_texts : shared_key_texts)(request, address);
  if (any_matches(texts, address.account, claim->signature)) return address.account.identity;

  auto refusal = refuse(BlobAuthFault::authentication_failed, ErrorCode::signature_mismatch,
                        "The signature does not match the request.");
  refusal.error().string_to_sign = texts.heads.front() + texts.headers.front() + texts.resources.front();
  return refusal;
}

}  // namespace sluice::auth

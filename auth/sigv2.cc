#include "auth/sigv2.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "auth/date.h"
#include "auth/declared_payload.h"
#include "auth/sigv2_text.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::string_view kScheme = "AWS";
constexpr std::string_view kKeyParameter = "AWSAccessKeyId";
constexpr std::string_view kNotDecoded = "the query of the request target is not percent-encoded correctly";

std::string hmac_sha1(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  // Fails for want of memory only; going on would sign with nothing.
  if (HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(message.data()),
           message.size(), mac.data(), &size) == nullptr) {
    throw std::bad_alloc();
  }
  return {reinterpret_cast<const char*>(mac.data()), size};
}

/// One request on its way to be believed, as SigV4::Attempt.
class Attempt {
 public:
  Attempt(const Version2Context& context, const SignedRequest& request, const Target& target)
      : context_(context), request_(request), target_(target), presigned_(is_version2(target)) {
    fault_.presigned = presigned_;
  }

  Result<SignedIdentity> run();

  /// What to tell after run() failed with `error`.
  SignatureFault fault(Error error) {
    fault_.error = std::move(error);
    return std::move(fault_);
  }

 private:
  Result<> read_header();
  Result<> read_query();
  Result<> check_tokens() const;
  Result<> find_user();
  Result<> check_skew();
  Result<> check_expiry();
  Result<> find_payload();
  Result<> check_signature();

  const Version2Context& context_;
  const SignedRequest& request_;
  const Target& target_;
  const bool presigned_;
  SignatureFault fault_;

  std::string access_key_;
  std::string signature_;  ///< Base64.
  std::string date_;       ///< As it is signed.
  bool has_amz_date_ = false;
  std::shared_ptr<const User> user_;
  DeclaredPayload payload_;
  bool plus_is_space_ = false;
};

Result<SignedIdentity> Attempt::run() {
  TRY(presigned_ ? read_query() : read_header());
  TRY(check_tokens());
  TRY(find_user());
  TRY(presigned_ ? check_expiry() : check_skew());
  TRY(find_payload());
  TRY(check_signature());
  SignedIdentity result;
  result.identity.user = user_;
  result.payload = payload_.payload;
  result.payload_sha256 = std::move(payload_.sha256);
  result.presigned = presigned_;
  result.plus_is_space = plus_is_space_;
  return result;
}

Result<> Attempt::read_header() {
  const std::string_view pair = trim(trim(request_.fields.get("authorization")).substr(kScheme.size()));
  // Base64 has no colon; an access key might.
  const std::size_t colon = pair.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == pair.size()) {
    return fail(ErrorCode::invalid_argument, "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature");
  }
  access_key_ = pair.substr(0, colon);
  signature_ = pair.substr(colon + 1);
  return done;
}

Result<> Attempt::read_query() {
  constexpr std::array<std::string_view, 3> kNames{kKeyParameter, "Signature", "Expires"};
  const std::array<std::string*, kNames.size()> places{&access_key_, &signature_, &date_};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (std::ranges::count(target_.query, kNames[i], &QueryPair::name) != 1) {
      return fail(
          ErrorCode::access_denied,
          "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters, each once");
    }
    auto value = percent_decode(*target_.find(kNames[i]));
    if (!value) return fail(ErrorCode::invalid_request, std::string(kNotDecoded));
    *places[i] = *std::move(value);
  }
  return done;
}

// There are no temporary credentials, so no token is one we gave.
Result<> Attempt::check_tokens() const {
  constexpr std::string_view kToken = "x-amz-security-token";
  const auto is_token = [&](const QueryPair& pair) { return equals_ignoring_case(pair.name, kToken); };
  if (!request_.fields.has(kToken) && std::ranges::none_of(target_.query, is_token)) return done;
  return fail(ErrorCode::access_denied,
              "The provided token is malformed or otherwise invalid: this server gives no temporary credentials.");
}

Result<> Attempt::find_user() {
  fault_.access_key = access_key_;
  user_ = context_.credentials.find(access_key_);
  if (user_) return done;
  return fail(ErrorCode::unknown_access_key, "The AWS Access Key Id you provided does not exist in our records.");
}

Result<> Attempt::check_skew() {
  const auto amz_date = request_.fields.find("x-amz-date");
  has_amz_date_ = amz_date.has_value();
  const std::string_view text = amz_date ? *amz_date : request_.fields.get("date");
  if (!has_amz_date_) date_ = text;
  fault_.request_time = text;
  auto time = parse_rfc1123(text);
  if (!time) time = parse_iso_basic(text);
  if (!time || time->time_since_epoch() < seconds(0)) {
    return fail(ErrorCode::access_denied, "AWS authentication requires a valid Date or x-amz-date header");
  }
  const UtcTime now = context_.clock.now();
  if (now - *time <= SigV4::kSkewMax && *time - now <= SigV4::kSkewMax) return done;
  fault_.server_time = to_iso_extended(std::chrono::floor<seconds>(now));
  return fail(ErrorCode::request_time_skewed,
              "The difference between the request time and the current time is too large.");
}

Result<> Attempt::check_expiry() {
  const auto expires = parse_decimal(date_);
  if (!expires) {
    return fail(ErrorCode::access_denied, "Invalid date: Expires should be seconds since epoch");
  }
  const UtcTime now = context_.clock.now();
  const auto now_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(0, now.time_since_epoch().count()));
  // Rounded up: at the very second it still holds. Compared as numbers, for any may be sent.
  if ((now_ms + 999) / 1000 <= *expires) return done;
  fault_.expires = to_iso_extended(sys_seconds(seconds(*expires)));
  fault_.server_time = to_iso_extended(std::chrono::floor<seconds>(now));
  return fail(ErrorCode::request_expired, "Request has expired");
}

Result<> Attempt::find_payload() {
  const auto declared = request_.fields.find("x-amz-content-sha256");
  if (!declared) return done;
  TRY(payload_, parse_payload(*declared));
  if (!is_streaming_signed(payload_.payload)) return done;
  return fail(ErrorCode::access_denied, "a body of signed chunks needs a request of Signature Version 4");
}

Result<> Attempt::check_signature() {
  const Version2Parts parts{.method = request_.method,
                            .target = target_,
                            .fields = request_.fields,
                            .virtual_host_bucket = request_.virtual_host_bucket,
                            .date = date_};
  const std::string_view path = target_.path;
  const bool names_bucket = request_.virtual_host_bucket.empty() && path.size() > 1 && path.rfind('/') == 0;
  const bool has_empty = std::ranges::any_of(
      target_.query, [](const QueryPair& pair) { return pair.value.empty() && pair.value.data() != nullptr; });

  // Each bit of the number is one difference; those that cannot matter are passed over.
  constexpr unsigned kSlash = 1, kEquals = 2, kPlus = 4, kAmzDate = 8, kAll = 15;
  const unsigned possible = (names_bucket ? kSlash : 0) | (has_empty ? kEquals : 0) |
                            (target_.query_has_plus ? kPlus : 0) | (has_amz_date_ ? kAmzDate : 0);
  for (unsigned bits = 0; bits <= kAll; ++bits) {
    if ((bits & ~possible) != 0) continue;
    const Version2Spelling spelling{.plus = (bits & kPlus) != 0 ? Plus::space : Plus::literal,
                                    .slash_after_bucket = (bits & kSlash) != 0,
                                    .keep_equals = (bits & kEquals) != 0,
                                    .amz_date_as_date = (bits & kAmzDate) != 0};
    auto text = version2_text(parts, spelling);
    if (!text) return fail(ErrorCode::invalid_request, std::string(kNotDecoded));
    if (constant_time_equal(to_base64(hmac_sha1(user_->secret_key, *text)), signature_)) {
      plus_is_space_ = spelling.plus == Plus::space;
      return done;
    }
    if (bits == 0) fault_.string_to_sign = *std::move(text);
  }
  fault_.signature_provided = signature_;
  return fail(ErrorCode::signature_mismatch,
              "The request signature we calculated does not match the signature you provided. Check your key and "
              "signing method.");
}

}  // namespace

bool is_version2(std::string_view authorization) {
  const std::string_view text = trim(authorization);
  return text.substr(0, text.find_first_of(" \t")) == kScheme;
}

bool is_version2(const Target& target) { return target.find(kKeyParameter).has_value(); }

std::expected<SignedIdentity, SignatureFault> authenticate_version2(const Version2Context& context,
                                                                    const SignedRequest& request,
                                                                    const Target& target) {
  Attempt attempt(context, request, target);
  auto identity = attempt.run();
  if (!identity) return std::unexpected(attempt.fault(std::move(identity).error()));
  return *std::move(identity);
}

}  // namespace sluice::auth

#include "auth/sigv4.h"

#include <algorithm>
#include <map>
#include <utility>

#include "auth/canonical_request.h"
#include "auth/claim.h"
#include "auth/date.h"
#include "auth/declared_payload.h"
#include "auth/hmac_key.h"
#include "auth/sigv2.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::string_view kService = "s3";
constexpr std::string_view kTerminator = "aws4_request";
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::string_view kEmptyPayload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::uint64_t kExpiresMax = 7 * 24 * 60 * 60;

/// A number as a client would write it, perhaps out of every range?
bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string quoted(std::string_view text) {
  std::string result;
  return result.append(1, '"').append(text).append(1, '"');
}

}  // namespace

SigningKey signing_key(std::string_view secret, std::string_view day, std::string_view region,
                       std::string_view service) {
  const std::string of_day = hmac_sha256(std::string("AWS4").append(secret), day);
  return hmac_sha256(hmac_sha256(hmac_sha256(of_day, region), service), kTerminator);
}

/// Signing keys by user and day. Full, it starts anew: only known users and days
/// near today get in, so that is rare.
class SigV4::KeyCache {
 public:
  struct Entry {
    explicit Entry(SigningKey key) : raw(std::move(key)), hmac(raw) {}
    SigningKey raw;
    HmacKey hmac;
  };

  explicit KeyCache(std::string region) : region_(std::move(region)) {}

  /// `day` is the yyyymmdd of a date that exists.
  std::shared_ptr<const Entry> get(const User& user, std::string_view day) {
    const Place place{&user, parse_decimal(day).value_or(0)};
    {
      const std::scoped_lock lock(mutex_);
      const auto found = entries_.find(place);
      if (found != entries_.end()) return found->second;
    }
    auto entry = std::make_shared<const Entry>(auth::signing_key(user.secret_key, day, region_, kService));
    const std::scoped_lock lock(mutex_);
    if (entries_.size() >= kEntriesMax) entries_.clear();
    entries_.insert_or_assign(place, entry);
    return entry;
  }

 private:
  static constexpr std::size_t kEntriesMax = 4096;
  using Place = std::pair<const User*, std::uint64_t>;  ///< Users live as long as the Credentials.

  const std::string region_;
  std::mutex mutex_;
  std::map<Place, std::shared_ptr<const Entry>> entries_;
};

/// One request on its way to be believed. Each step fills what the next ones
/// need, and what a refusal has to tell.
class SigV4::Attempt {
 public:
  Attempt(const SigV4& scheme, const SignedRequest& request)
      : scheme_(scheme), request_(request), target_(request.target) {}

  std::expected<SignedIdentity, SignatureFault> run();

 private:
  enum class Scheme : std::uint8_t { none, version2, version4 };

  struct Computed {
    std::string canonical_request;
    std::string string_to_sign;
    std::string signature;
  };

  Result<Scheme> find_claim();
  Result<SignedIdentity> anonymous() const;
  Result<SignedIdentity> verified();
  Result<> check_tokens() const;
  Result<> find_time();
  Result<> check_scope();
  Result<> find_user();
  Result<> check_skew();
  Result<> check_expiry();
  Result<> check_signed_headers();
  Result<> find_payload();
  Result<Computed> compute(Plus plus) const;
  Result<> check_signature();
  SignedIdentity identity() const;

  const SigV4& scheme_;
  const SignedRequest& request_;
  const Target target_;
  SignatureFault fault_;

  bool presigned_ = false;
  Claim claim_;
  std::string decoded_;         ///< What claim_ of a presigned request looks into.
  std::string_view sent_time_;  ///< As a header says it.
  sys_seconds time_;            ///< When it was signed.
  std::string converted_date_;  ///< What amz_date_ looks into, if it came in another form.
  std::string_view amz_date_;   ///< time_ as it is signed.
  std::shared_ptr<const User> user_;
  std::string_view payload_hash_;  ///< As it is signed.
  DeclaredPayload payload_;
  std::shared_ptr<const KeyCache::Entry> key_;
  bool plus_is_space_ = false;
};

std::expected<SignedIdentity, SignatureFault> SigV4::Attempt::run() {
  const auto refused = [this](Error error) {
    if (fault_.request_time.empty()) fault_.request_time = sent_time_;
    fault_.error = std::move(error);
    return std::unexpected(std::move(fault_));
  };
  const auto scheme = find_claim();
  if (!scheme) return refused(scheme.error());
  if (*scheme == Scheme::version2) {
    return authenticate_version2({.credentials = scheme_.credentials_, .clock = scheme_.clock_}, request_, target_);
  }
  auto identity = *scheme == Scheme::none ? anonymous() : verified();
  if (!identity) return refused(std::move(identity).error());
  return *std::move(identity);
}

Result<SignedIdentity> SigV4::Attempt::verified() {
  TRY(check_tokens());
  TRY(find_time());
  TRY(check_scope());
  TRY(find_user());
  TRY(presigned_ ? check_expiry() : check_skew());
  TRY(check_signed_headers());
  TRY(find_payload());
  TRY(check_signature());
  return identity();
}

/// What signature the request claims; of version 4, claim_ is it.
Result<SigV4::Attempt::Scheme> SigV4::Attempt::find_claim() {
  const auto header = request_.fields.find("authorization");
  presigned_ = is_presigned(target_);
  fault_.presigned = presigned_;
  const bool version2 = !presigned_ && is_version2(target_);
  const bool by_query = presigned_ || version2;
  if (by_query && header && !header->empty()) {
    return fail(ErrorCode::invalid_request,
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                "parameter or the Authorization header should be specified");
  }
  if (version2) {
    if (scheme_.accept_version2_) return Scheme::version2;
    return fail(ErrorCode::unsupported_signature,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
  }
  if (presigned_) {
    TRY(claim_, claim_of_query(target_, decoded_));
    return Scheme::version4;
  }
  if (!header) return Scheme::none;
  if (request_.fields.count("authorization") > 1) {
    return fail(ErrorCode::authorization_malformed, "The Authorization header was given more than once.");
  }
  if (scheme_.accept_version2_ && is_version2(*header)) return Scheme::version2;
  TRY(claim_, claim_of_header(*header));
  return Scheme::version4;
}

Result<SignedIdentity> SigV4::Attempt::anonymous() const {
  SignedIdentity result;
  const auto declared = request_.fields.find("x-amz-content-sha256");
  if (!declared) return result;
  TRY(auto payload, parse_payload(*declared));
  if (is_streaming_signed(payload.payload)) {
    return fail(ErrorCode::access_denied, "a body of signed chunks needs a signed request");
  }
  result.payload = payload.payload;
  result.payload_sha256 = std::move(payload.sha256);
  return result;
}

// There are no temporary credentials, so no token is one we gave.
Result<> SigV4::Attempt::check_tokens() const {
  if (!request_.fields.has("x-amz-security-token") && !target_.find("X-Amz-Security-Token")) return done;
  return fail(ErrorCode::access_denied,
              "The provided token is malformed or otherwise invalid: this server gives no temporary credentials.");
}

Result<> SigV4::Attempt::find_time() {
  if (presigned_) {
    const auto time = parse_iso_basic(claim_.date);
    if (!time) {
      return fail(ErrorCode::authorization_malformed,
                  "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
    }
    time_ = *time;
    amz_date_ = claim_.date;
    return done;
  }
  const auto amz_date = request_.fields.find("x-amz-date");
  const std::string_view text = amz_date ? *amz_date : request_.fields.get("date");
  sent_time_ = text;
  if (const auto time = parse_iso_basic(text)) {
    time_ = *time;
    amz_date_ = text;
    return done;
  }
  const auto time = parse_rfc1123(text);
  if (!time) {
    return fail(ErrorCode::access_denied, "AWS authentication requires a valid Date or x-amz-date header");
  }
  time_ = *time;
  converted_date_ = to_iso_basic(*time);
  amz_date_ = converted_date_;
  return done;
}

Result<> SigV4::Attempt::check_scope() {
  fault_.access_key = claim_.access_key;
  const auto malformed = [&](std::string_view detail) {
    std::string text =
        presigned_ ? "Error parsing the X-Amz-Credential parameter; " : "The authorization header is malformed; ";
    return fail(ErrorCode::authorization_malformed, std::move(text.append(detail)));
  };
  if (claim_.day != amz_date_.substr(0, 8)) {
    return malformed("Invalid credential date " + quoted(claim_.day) +
                     ". This date is not the same as X-Amz-Date: " + quoted(amz_date_.substr(0, 8)) + ".");
  }
  if (claim_.service != kService) {
    return malformed("incorrect service " + quoted(claim_.service) + ". This endpoint belongs to \"s3\".");
  }
  if (claim_.terminator != kTerminator) {
    return malformed("incorrect terminal " + quoted(claim_.terminator) + ". This endpoint uses \"aws4_request\".");
  }
  if (claim_.region != scheme_.region_) {
    fault_.region = scheme_.region_;
    return fail(ErrorCode::wrong_region, scheme_.region_);
  }
  return done;
}

Result<> SigV4::Attempt::find_user() {
  user_ = scheme_.credentials_.find(claim_.access_key);
  if (user_) return done;
  return fail(ErrorCode::unknown_access_key, "The AWS Access Key Id you provided does not exist in our records.");
}

Result<> SigV4::Attempt::check_skew() {
  const UtcTime now = scheme_.clock_.now();
  if (now - time_ <= kSkewMax && time_ - now <= kSkewMax) return done;
  fault_.server_time = to_iso_extended(std::chrono::floor<seconds>(now));
  return fail(ErrorCode::request_time_skewed,
              "The difference between the request time and the current time is too large.");
}

Result<> SigV4::Attempt::check_expiry() {
  const auto expires = parse_decimal(claim_.expires);
  if (!expires && !is_integer(claim_.expires)) {
    return fail(ErrorCode::authorization_malformed, "X-Amz-Expires should be a number");
  }
  if (!expires || *expires == 0 || *expires > kExpiresMax) {
    return fail(ErrorCode::access_denied, "X-Amz-Expires must be between 1 second and one week (604800 seconds)");
  }
  const UtcTime now = scheme_.clock_.now();
  const sys_seconds end = time_ + seconds(*expires);
  if (now > end) {
    fault_.expires = to_iso_extended(end);
    fault_.server_time = to_iso_extended(std::chrono::floor<seconds>(now));
    return fail(ErrorCode::request_expired, "Request has expired");
  }
  if (time_ - now > kSkewMax) {
    fault_.request_time = claim_.date;
    fault_.server_time = to_iso_extended(std::chrono::floor<seconds>(now));
    return fail(ErrorCode::access_denied, "Request is not valid yet");
  }
  return done;
}

Result<> SigV4::Attempt::check_signed_headers() {
  // Each name is looked for among all fields.
  constexpr std::ptrdiff_t kNamesMax = 256;
  if (std::ranges::count(claim_.signed_headers, ';') >= kNamesMax) {
    return fail(ErrorCode::authorization_malformed, "SignedHeaders has too many names");
  }
  fault_.headers_not_signed = headers_not_signed(request_.fields, claim_.signed_headers);
  if (fault_.headers_not_signed.empty()) return done;
  return fail(ErrorCode::access_denied, "There were headers present in the request which were not signed");
}

Result<> SigV4::Attempt::find_payload() {
  if (const auto header = request_.fields.find("x-amz-content-sha256")) {
    payload_hash_ = *header;
  } else if (!presigned_) {
    // curl before 8.1 signs the hash of no body and leaves the header out. Held to
    // that hash, a request without the header can have no body but the empty one.
    payload_hash_ = kEmptyPayload;
  } else {
    payload_hash_ = target_.find("X-Amz-Content-Sha256").value_or(kUnsignedPayload);
  }
  TRY(payload_, parse_payload(payload_hash_));
  return done;
}

Result<SigV4::Attempt::Computed> SigV4::Attempt::compute(Plus plus) const {
  Computed computed;
  auto canonical = canonical_request({.method = request_.method,
                                      .target = target_,
                                      .fields = request_.fields,
                                      .signed_headers = claim_.signed_headers,
                                      .payload_hash = payload_hash_,
                                      .presigned = presigned_,
                                      .plus = plus});
  if (!canonical) return fail(ErrorCode::invalid_request, "the request target is not percent-encoded correctly");
  computed.canonical_request = *std::move(canonical);
  std::string& text = computed.string_to_sign;
  text.reserve(192);
  text.append("AWS4-HMAC-SHA256\n").append(amz_date_).append(1, '\n').append(claim_.scope).append(1, '\n');
  append_hex(text, sha256(computed.canonical_request).view());
  computed.signature = to_hex(key_->hmac.sign(text).view());
  return computed;
}

Result<> SigV4::Attempt::check_signature() {
  key_ = scheme_.keys_->get(*user_, claim_.day);
  TRY(Computed computed, compute(Plus::literal));
  if (constant_time_equal(computed.signature, claim_.signature)) return done;
  if (target_.query_has_plus) {
    // Some clients sign a space and send it as a form does.
    TRY(const Computed other, compute(Plus::space));
    plus_is_space_ = constant_time_equal(other.signature, claim_.signature);
    if (plus_is_space_) return done;
  }
  fault_.signature_provided = claim_.signature;
  fault_.string_to_sign = std::move(computed.string_to_sign);
  fault_.canonical_request = std::move(computed.canonical_request);
  return fail(ErrorCode::signature_mismatch,
              "The request signature we calculated does not match the signature you provided. Check your key and "
              "signing method.");
}

SignedIdentity SigV4::Attempt::identity() const {
  SignedIdentity result;
  result.identity.user = user_;
  result.payload = payload_.payload;
  result.payload_sha256 = payload_.sha256;
  result.presigned = presigned_;
  result.by_header = !presigned_;
  result.plus_is_space = plus_is_space_;
  result.plus_is_literal = target_.query_has_plus && !plus_is_space_;
  if (!is_streaming_signed(payload_.payload)) return result;
  result.signing_key = key_->raw;
  result.seed_signature = claim_.signature;
  result.amz_date = amz_date_;
  result.scope = claim_.scope;
  return result;
}

SigV4::SigV4(const Credentials& credentials, const Clock& clock, std::string region, bool accept_version2)
    : credentials_(credentials),
      clock_(clock),
      region_(std::move(region)),
      accept_version2_(accept_version2),
      keys_(std::make_unique<KeyCache>(region_)) {}

SigV4::~SigV4() = default;

std::expected<SignedIdentity, SignatureFault> SigV4::authenticate(const SignedRequest& request) const {
  return Attempt(*this, request).run();
}

}  // namespace sluice::auth

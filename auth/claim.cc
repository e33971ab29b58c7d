#include "auth/claim.h"

#include <algorithm>
#include <array>
#include <optional>

#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kAlgorithm4A = "AWS4-ECDSA-P256-SHA256";

std::unexpected<Error> unsupported() {
  return fail(ErrorCode::unsupported_signature,
              "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.");
}

std::unexpected<Error> malformed(std::string detail) {
  return fail(ErrorCode::authorization_malformed, std::move(detail));
}

/// Takes what follows the last slash off the end of `text`.
std::optional<std::string_view> take_last(std::string_view& text) {
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view last = text.substr(slash + 1);
  text = text.substr(0, slash);
  return last;
}

// Read from the right, so that an access key may hold slashes.
bool read_credential(std::string_view credential, Claim& claim) {
  std::string_view rest = credential;
  const auto terminator = take_last(rest);
  const auto service = take_last(rest);
  const auto region = take_last(rest);
  const auto day = take_last(rest);
  if (!terminator || !service || !region || !day || rest.empty()) return false;
  claim.access_key = rest;
  claim.scope = credential.substr(rest.size() + 1);
  claim.day = *day;
  claim.region = *region;
  claim.service = *service;
  claim.terminator = *terminator;
  return true;
}

/// The three fields of an Authorization header, undivided.
struct HeaderParts {
  std::optional<std::string_view> credential, signed_headers, signature;
};

/// Where the field of that name goes, or null if there is no such field.
std::optional<std::string_view>* place(HeaderParts& parts, std::string_view name) {
  if (name == "Credential") return &parts.credential;
  if (name == "SignedHeaders") return &parts.signed_headers;
  if (name == "Signature") return &parts.signature;
  return nullptr;
}

/// Makes `value` a view of itself decoded, in `out` if that differs.
bool decode(std::string_view& value, std::string& out) {
  if (!value.contains('%')) return true;
  const auto text = percent_decode(value);
  if (!text) return false;
  const std::size_t begin = out.size();
  out += *text;
  value = std::string_view(out).substr(begin);
  return true;
}

Result<HeaderParts> header_parts(std::string_view text) {
  HeaderParts parts;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const std::string_view pair = trim(field);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) {
      return malformed("The authorization header is malformed; a component is not of the form name=value.");
    }
    auto* const value = place(parts, trim(pair.substr(0, equals)));
    if (value == nullptr || value->has_value()) {
      return malformed("The authorization header is malformed; it has an unknown or repeated component.");
    }
    *value = trim(pair.substr(equals + 1));
  }
  return parts;
}

}  // namespace

Result<Claim> claim_of_header(std::string_view authorization) {
  const std::string_view text = trim(authorization);
  if (text.empty()) return fail(ErrorCode::access_denied, "The Authorization header is empty.");
  const std::string_view scheme = text.substr(0, text.find_first_of(" \t"));
  if (scheme == "AWS" || scheme == kAlgorithm4A) return unsupported();
  if (scheme != kAlgorithm) return fail(ErrorCode::invalid_argument, "Unsupported Authorization Type");

  TRY(const HeaderParts parts, header_parts(text.substr(scheme.size())));
  if (!parts.credential) return malformed("The authorization header is malformed; Credential is missing.");
  if (!parts.signed_headers) return malformed("The authorization header is malformed; SignedHeaders is missing.");
  if (!parts.signature) return malformed("The authorization header is malformed; Signature is missing.");
  Claim claim{.signed_headers = *parts.signed_headers, .signature = *parts.signature};
  if (!read_credential(*parts.credential, claim)) {
    return malformed(
        "The authorization header is malformed; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  }
  return claim;
}

bool is_presigned(const Target& target) {
  return std::ranges::any_of(target.query, [](const QueryPair& pair) {
    return pair.name == "X-Amz-Algorithm" || pair.name == "X-Amz-Credential" || pair.name == "X-Amz-Signature";
  });
}

Result<Claim> claim_of_query(const Target& target, std::string& decoded) {
  constexpr std::array<std::string_view, 6> kNames{"X-Amz-Algorithm", "X-Amz-Credential",    "X-Amz-Date",
                                                   "X-Amz-Expires",   "X-Amz-SignedHeaders", "X-Amz-Signature"};
  std::array<std::string_view, kNames.size()> values;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (std::ranges::count(target.query, kNames[i], &QueryPair::name) != 1) {
      return malformed(
          "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
          "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters, each once.");
    }
    values[i] = *target.find(kNames[i]);
  }
  decoded.clear();
  std::size_t size = 0;
  for (const std::string_view value : values) size += value.size();
  decoded.reserve(size);  // The views below rely on it.
  for (std::string_view& value : values) {
    if (!decode(value, decoded)) return malformed("A parameter of the signature is not percent-encoded correctly.");
  }
  const auto [algorithm, credential, date, expires, signed_headers, signature] = values;
  if (algorithm == kAlgorithm4A) return unsupported();
  if (algorithm != kAlgorithm) return malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\".");
  Claim claim{.signed_headers = signed_headers, .signature = signature, .date = date, .expires = expires};
  if (!read_credential(credential, claim)) {
    return malformed(
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  }
  return claim;
}

}  // namespace sluice::auth

#include "auth/declared_payload.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

struct PayloadName {
  std::string_view text;
  Payload payload;
};
constexpr std::array<PayloadName, 4> kPayloads{{
    {"UNSIGNED-PAYLOAD", Payload::unsigned_payload},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", Payload::streaming_signed},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", Payload::streaming_signed_trailer},
    {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", Payload::streaming_unsigned_trailer},
}};

// What every request without a body declares.
constexpr std::string_view kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kEmptyDigest(
    "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b"
    "\x78\x52\xb8\x55",
    32);

}  // namespace

Result<DeclaredPayload> parse_payload(std::string_view text) {
  if (text == kEmptyHash) return DeclaredPayload{Payload::sha256, std::string(kEmptyDigest)};
  if (text.size() == 64) {
    if (auto digest = from_hex(text)) return DeclaredPayload{Payload::sha256, *std::move(digest)};
  }
  const auto* const known = std::ranges::find(kPayloads, text, &PayloadName::text);
  if (known != kPayloads.end()) return DeclaredPayload{known->payload, {}};
  if (text.starts_with("STREAMING-")) {
    return fail(ErrorCode::not_implemented, "x-amz-content-sha256: this form of streaming is not implemented");
  }
  return fail(
      ErrorCode::invalid_argument,
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.");
}

bool is_streaming_signed(Payload payload) {
  return payload == Payload::streaming_signed || payload == Payload::streaming_signed_trailer;
}

}  // namespace sluice::auth

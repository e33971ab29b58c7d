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

}  // namespace

Result<DeclaredPayload> parse_payload(std::string_view text) {
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

#include "auth/chunk_signature.h"

#include <utility>

#include "auth/hmac_key.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

constexpr std::string_view kSha256OfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

}  // namespace

ChunkSignatureChain::ChunkSignatureChain(const SignedIdentity& seed)
    : key_(seed.signing_key), amz_date_(seed.amz_date), scope_(seed.scope), previous_(seed.seed_signature) {}

Result<> ChunkSignatureChain::check_chunk(std::string_view sha256, std::string_view signature) {
  std::string text = "AWS4-HMAC-SHA256-PAYLOAD\n";
  text.append(amz_date_).append("\n").append(scope_).append("\n").append(previous_).append("\n");
  text.append(kSha256OfNothing).append("\n").append(to_hex(sha256));
  return check(text, signature);
}

Result<> ChunkSignatureChain::check_trailer(std::string_view canonical_trailer, std::string_view signature) {
  std::string text = "AWS4-HMAC-SHA256-TRAILER\n";
  text.append(amz_date_).append("\n").append(scope_).append("\n").append(previous_).append("\n");
  text.append(to_hex(sha256(canonical_trailer).view()));
  return check(text, signature);
}

Result<> ChunkSignatureChain::check(std::string_view string_to_sign, std::string_view signature) {
  std::string expected = to_hex(HmacKey(key_).sign(string_to_sign).view());
  if (!constant_time_equal(expected, signature)) {
    return fail(ErrorCode::signature_mismatch, "a chunk of the body does not match its signature");
  }
  previous_ = std::move(expected);
  return done;
}

}  // namespace sluice::auth

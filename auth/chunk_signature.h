#pragma once

#include <string>
#include <string_view>

#include "auth/sigv4.h"
#include "gateway/core/result.h"

namespace sluice::auth {

/// The chain of signatures over the chunks of a STREAMING-AWS4-HMAC-SHA256-*
/// body ("Signature Calculations for the Authorization Header: Transferring
/// Payload in Multiple Chunks", Amazon S3 API Reference). One body, one chain.
class ChunkSignatureChain {
 public:
  /// Takes key, date, scope and seed from a streaming SignedIdentity.
  explicit ChunkSignatureChain(const SignedIdentity& seed);

  /// Checks the next chunk: `sha256` of its bytes (raw; the empty string's for the
  /// final one) against `signature` (hex), and moves on. Fails with signature_mismatch.
  Result<> check_chunk(std::string_view sha256, std::string_view signature);

  /// Checks the trailer: `canonical_trailer` is each `name:value\n` in order.
  Result<> check_trailer(std::string_view canonical_trailer, std::string_view signature);

 private:
  Result<> check(std::string_view string_to_sign, std::string_view signature);
  SigningKey key_;
  std::string amz_date_;
  std::string scope_;
  std::string previous_;
};

}  // namespace sluice::auth

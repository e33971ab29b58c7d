#pragma once

#include <array>
#include <string_view>

#include "gateway/core/lane_hash.h"

namespace sluice::auth {

/// A SHA-256 digest, raw.
struct Sha256 {
  std::array<char, 32> bytes{};
  std::string_view view() const { return {bytes.data(), bytes.size()}; }
};

/// The digest of bytes at hand, without an allocation.
Sha256 sha256(std::string_view bytes);

/// HMAC-SHA256 (RFC 2104) under one key whose own blocks are hashed once, ahead.
/// Safe for concurrent use.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);

  Sha256 sign(std::string_view message) const;

 private:
  LaneHash inner_;  ///< After the block of the key, as outer_.
  LaneHash outer_;
};

}  // namespace sluice::auth

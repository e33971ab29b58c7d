#pragma once

#include <array>
#include <memory>
#include <string_view>

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
  ~HmacKey();
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;

  Sha256 sign(std::string_view message) const;

 private:
  struct States;
  std::unique_ptr<States> states_;
};

}  // namespace sluice::auth

#include "auth/hmac_key.h"

#include <algorithm>

namespace sluice::auth {
namespace {

Sha256 finish(LaneHash& hash) {
  Sha256 digest;
  hash.finish(digest.bytes);
  return digest;
}

LaneHash after_block(std::string_view key, char pad) {
  if (key.size() > LaneHash::kBlockSize) return after_block(sha256(key).view(), pad);
  std::array<char, LaneHash::kBlockSize> block{};
  std::ranges::copy(key, block.begin());
  for (char& c : block) c = static_cast<char>(c ^ pad);
  LaneHash hash(LaneAlgorithm::sha256);
  hash.update({block.data(), block.size()});
  return hash;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  LaneHash hash(LaneAlgorithm::sha256);
  hash.update(bytes);
  return finish(hash);
}

HmacKey::HmacKey(std::string_view key) : inner_(after_block(key, 0x36)), outer_(after_block(key, 0x5C)) {}

Sha256 HmacKey::sign(std::string_view message) const {
  LaneHash inner = inner_;
  inner.update(message);
  LaneHash outer = outer_;
  outer.update(finish(inner).view());
  return finish(outer);
}

}  // namespace sluice::auth

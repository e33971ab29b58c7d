#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/body.h"
#include "gateway/core/extent_store.h"

namespace sluice {

/// A key of 256 bits that is wiped from memory when it is let go. It has no text
/// form, so that it cannot end up in a log. Copies are wiped each by themselves.
class SecretKey {
 public:
  static constexpr std::size_t kSize = 32;
  /// What wrapped_by() gives: the key, encrypted, and a tag.
  static constexpr std::size_t kWrappedSize = kSize + 16;

  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();

  /// The key whose bytes those are; nothing unless there are kSize of them.
  static std::optional<SecretKey> of(std::string_view bytes);
  /// From the system's secure generator.
  static SecretKey random();

  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), kSize}; }
  /// In a time that does not depend on the keys.
  bool equals(const SecretKey& other) const;

  /// A key that says nothing of this one: HMAC-SHA256 over `label`.
  SecretKey derive(std::string_view label) const;

  /// This key, encrypted under `wrapping` (AES-256-GCM, nonce of zeros), which must
  /// wrap no other key, and bound to `context`.
  std::string wrapped_by(const SecretKey& wrapping, std::string_view context) const;
  /// The inverse; nothing if key or context are others, or the bytes have changed.
  static std::optional<SecretKey> unwrap(const SecretKey& wrapping, std::string_view wrapped, std::string_view context);

 private:
  SecretKey() = default;
  std::array<unsigned char, kSize> bytes_{};
};

/// The state of one cipher at work; let go of, it is wiped.
class CipherContext {
 public:
  CipherContext();
  ~CipherContext();
  CipherContext(const CipherContext&) = delete;
  CipherContext& operator=(const CipherContext&) = delete;
  EVP_CIPHER_CTX* get() const { return context_; }

 private:
  EVP_CIPHER_CTX* context_;
};

// A content is encrypted with AES-256-GCM (NIST SP 800-38D) under a key that encrypts
// nothing else, so the nonce is twelve zeros. Block i of the content is thereby
// encrypted with counter i + 2 (AES-CTR), which lets any range of it be decrypted
// by itself; the tag, which is stored elsewhere, can be verified over the whole.

/// The most bytes one key may encrypt.
inline constexpr std::uint64_t kEncryptedSizeMax = (std::uint64_t{1} << 36) - 32;
inline constexpr std::size_t kCipherTagSize = 16;

/// The bytes of a body, encrypted while they are pulled; as many as there were.
/// Fails with entity_too_large beyond kEncryptedSizeMax.
class EncryptingSource final : public BodySource {
 public:
  EncryptingSource(BodySource& inner, const SecretKey& key);

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return inner_.remaining(); }

  /// The tag of all bytes; called once, after the end.
  std::string tag();

 private:
  BodySource& inner_;
  CipherContext context_;
  std::uint64_t size_ = 0;
};

/// The stored form of a content, of which some range is to be decrypted.
struct SealedContent {
  std::uint64_t size = 0;
  std::string tag;
};

/// Decrypts the bytes of a range of a content while they are pulled. If it is all
/// of it, the last of them are handed out once the tag has been found right, and
/// fail with corrupt otherwise; a lesser range says nothing of the tag.
class DecryptingSource final : public BodySource {
 public:
  /// `inner` gives the encrypted bytes of `range`, which is not empty.
  DecryptingSource(std::unique_ptr<BodySource> inner, const SecretKey& key, const SealedContent& content,
                   ByteRange range);

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return left_; }

 private:
  std::unique_ptr<BodySource> inner_;
  CipherContext context_;
  std::string tag_;  ///< Empty: not to be verified.
  std::uint64_t left_;
};

/// Encrypts the bytes of a whole content where they are; its tag.
std::string encrypt(const SecretKey& key, std::string& bytes);

/// The bytes of a whole content at hand; fails with corrupt if the tag is not theirs.
Result<std::string> decrypt(const SecretKey& key, std::string bytes, std::string_view tag);

}  // namespace sluice

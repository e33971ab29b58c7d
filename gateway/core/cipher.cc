#include "gateway/core/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <cassert>
#include <new>
#include <stdexcept>
#include <system_error>

namespace sluice {
namespace {

constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kBlockSize = 16;
constexpr std::uint32_t kFirstCounter = 2;  // 1 makes the tag.
constexpr std::array<unsigned char, kNonceSize> kNonce{};

// A cipher step fails for want of memory only; going on would hand out wrong bytes.
void must(bool succeeded) {
  if (!succeeded) throw std::bad_alloc();
}

// OpenSSL looks an algorithm up by name at every use of EVP_aes_256_gcm() and its like.
const EVP_CIPHER* fetched(const char* name) {
  const EVP_CIPHER* const type = EVP_CIPHER_fetch(nullptr, name, nullptr);
  if (type == nullptr) throw std::runtime_error(std::string("this OpenSSL has no ") + name);
  return type;
}
const EVP_CIPHER* gcm_type() {
  static const EVP_CIPHER* const type = fetched("AES-256-GCM");
  return type;
}
const EVP_CIPHER* ctr_type() {
  static const EVP_CIPHER* const type = fetched("AES-256-CTR");
  return type;
}

const unsigned char* data_of(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* data_of(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

void begin_gcm(const CipherContext& context, const SecretKey& key, bool encrypts) {
  must(EVP_CipherInit_ex2(context.get(), gcm_type(), data_of(key.bytes()), kNonce.data(), encrypts ? 1 : 0, nullptr) ==
       1);
}

void begin_ctr(const CipherContext& context, const SecretKey& key, std::uint64_t offset) {
  std::array<unsigned char, kBlockSize> counter{};
  const auto block = static_cast<std::uint32_t>(offset / kBlockSize + kFirstCounter);
  for (std::size_t i = 0; i < 4; ++i) counter[kBlockSize - 1 - i] = static_cast<unsigned char>(block >> (8 * i));
  must(EVP_CipherInit_ex2(context.get(), ctr_type(), data_of(key.bytes()), counter.data(), 1, nullptr) == 1);
  std::array<unsigned char, kBlockSize> skipped{};
  int size = 0;
  must(EVP_CipherUpdate(context.get(), skipped.data(), &size, skipped.data(), static_cast<int>(offset % kBlockSize)) ==
       1);
  OPENSSL_cleanse(skipped.data(), skipped.size());
}

void update(const CipherContext& context, std::span<const std::byte> in, std::span<std::byte> out) {
  assert(in.size() == out.size());
  constexpr std::size_t kStep = 1U << 30;  // OpenSSL counts with int.
  for (std::size_t at = 0; at < in.size(); at += kStep) {
    const auto step = static_cast<int>(std::min(kStep, in.size() - at));
    int size = 0;
    must(EVP_CipherUpdate(context.get(), reinterpret_cast<unsigned char*>(out.data() + at), &size,
                          reinterpret_cast<const unsigned char*>(in.data() + at), step) == 1);
    assert(size == step);
  }
}

// Passes `chunk` through the cipher: in its own memory where nobody else sees it,
// else in other memory, beside which it is kept, so that the bound of its pool bounds both.
Chunk updated(const CipherContext& context, Chunk chunk) {
  if (chunk.unshared()) {
    update(context, chunk.bytes(), chunk.writable());
    return chunk;
  }
  struct Beside {
    std::unique_ptr<std::byte[]> memory;
    Chunk chunk;
  };
  const auto beside =
      std::make_shared<Beside>(std::make_unique_for_overwrite<std::byte[]>(chunk.size()), std::move(chunk));
  const std::span<std::byte> out(beside->memory.get(), beside->chunk.size());
  update(context, beside->chunk.bytes(), out);
  return {beside, out};
}

std::string take_tag(const CipherContext& context) {
  std::string tag(kCipherTagSize, '\0');
  std::array<unsigned char, kBlockSize> none{};
  int size = 0;
  must(EVP_CipherFinal_ex(context.get(), none.data(), &size) == 1);
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag.size()), tag.data()) == 1);
  return tag;
}

bool verify_tag(const CipherContext& context, std::string_view tag) {
  if (tag.size() != kCipherTagSize) return false;
  std::string expected(tag);
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag.size()), expected.data()) == 1);
  std::array<unsigned char, kBlockSize> none{};
  int size = 0;
  return EVP_CipherFinal_ex(context.get(), none.data(), &size) == 1;
}

void bind(const CipherContext& context, std::string_view associated) {
  int size = 0;
  must(EVP_CipherUpdate(context.get(), nullptr, &size, data_of(associated), static_cast<int>(associated.size())) == 1);
}

}  // namespace

SecretKey::~SecretKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

std::optional<SecretKey> SecretKey::of(std::string_view bytes) {
  if (bytes.size() != kSize) return std::nullopt;
  SecretKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

SecretKey SecretKey::random() {
  SecretKey key;
  if (::getentropy(key.bytes_.data(), kSize) != 0) {
    throw std::system_error(errno, std::generic_category(), "the system's secure generator");
  }
  return key;
}

bool SecretKey::equals(const SecretKey& other) const {
  return CRYPTO_memcmp(bytes_.data(), other.bytes_.data(), kSize) == 0;
}

SecretKey SecretKey::derive(std::string_view label) const {
  SecretKey derived;
  unsigned size = kSize;
  must(HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(kSize), data_of(label), label.size(), derived.bytes_.data(),
            &size) != nullptr);
  return derived;
}

std::string SecretKey::wrapped_by(const SecretKey& wrapping, std::string_view context) const {
  const CipherContext cipher;
  begin_gcm(cipher, wrapping, true);
  bind(cipher, context);
  std::string wrapped(kSize, '\0');
  int size = 0;
  must(EVP_CipherUpdate(cipher.get(), data_of(wrapped), &size, bytes_.data(), static_cast<int>(kSize)) == 1);
  return wrapped + take_tag(cipher);
}

std::optional<SecretKey> SecretKey::unwrap(const SecretKey& wrapping, std::string_view wrapped,
                                           std::string_view context) {
  if (wrapped.size() != kWrappedSize) return std::nullopt;
  const CipherContext cipher;
  begin_gcm(cipher, wrapping, false);
  bind(cipher, context);
  SecretKey key;
  int size = 0;
  must(EVP_CipherUpdate(cipher.get(), key.bytes_.data(), &size, data_of(wrapped), static_cast<int>(kSize)) == 1);
  if (!verify_tag(cipher, wrapped.substr(kSize))) return std::nullopt;
  return key;
}

CipherContext::CipherContext() : context_(EVP_CIPHER_CTX_new()) { must(context_ != nullptr); }

CipherContext::~CipherContext() { EVP_CIPHER_CTX_free(context_); }

EncryptingSource::EncryptingSource(BodySource& inner, const SecretKey& key) : inner_(inner) {
  begin_gcm(context_, key, true);
}

Task<Chunk> EncryptingSource::read() {
  CO_TRY(Chunk chunk, co_await inner_.read());
  if (chunk.empty()) co_return Chunk{};
  if (chunk.size() > kEncryptedSizeMax - size_) {
    co_return fail(ErrorCode::entity_too_large, "more than one key may encrypt");
  }
  size_ += chunk.size();
  co_return updated(context_, std::move(chunk));
}

std::string EncryptingSource::tag() { return take_tag(context_); }

DecryptingSource::DecryptingSource(std::unique_ptr<BodySource> inner, const SecretKey& key,
                                   const SealedContent& content, ByteRange range)
    : inner_(std::move(inner)), left_(range.length) {
  assert(range.length != 0);
  if (range.length == content.size) {
    tag_ = content.tag;
    begin_gcm(context_, key, false);
  } else {
    begin_ctr(context_, key, range.offset);
  }
}

Task<Chunk> DecryptingSource::read() {
  if (left_ == 0) co_return Chunk{};
  CO_TRY(Chunk chunk, co_await inner_->read());
  if (chunk.empty() || chunk.size() > left_) co_return fail(ErrorCode::corrupt, "an encrypted content of another size");
  chunk = updated(context_, std::move(chunk));
  if (chunk.size() == left_ && !tag_.empty() && !verify_tag(context_, tag_)) {
    co_return fail(ErrorCode::corrupt, "an encrypted content does not match its tag");
  }
  left_ -= chunk.size();
  co_return chunk;
}

std::string encrypt(const SecretKey& key, std::string& bytes) {
  const CipherContext context;
  begin_gcm(context, key, true);
  const auto span = std::as_writable_bytes(std::span(bytes));
  update(context, span, span);
  return take_tag(context);
}

Result<std::string> decrypt(const SecretKey& key, std::string bytes, std::string_view tag) {
  const CipherContext context;
  begin_gcm(context, key, false);
  const auto span = std::as_writable_bytes(std::span(bytes));
  update(context, span, span);
  if (!verify_tag(context, tag)) return fail(ErrorCode::corrupt, "an encrypted content does not match its tag");
  return bytes;
}

}  // namespace sluice

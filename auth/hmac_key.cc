#include "auth/hmac_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace sluice::auth {
namespace {

constexpr std::size_t kBlockSize = 64;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// A digest step fails for want of memory only; going on would sign with nothing.
void must(int outcome) {
  if (outcome != 1) throw std::bad_alloc();
}

Context new_context() {
  Context context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  return context;
}

// Fetched once: EVP_sha256() would be looked up by name at every use.
const EVP_MD* sha256_type() {
  static const EVP_MD* const type = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (type == nullptr) throw std::runtime_error("this OpenSSL has no SHA-256");
  return type;
}

/// Where this thread hashes; nothing is in it between calls.
EVP_MD_CTX* scratch() {
  thread_local const Context context = new_context();
  return context.get();
}

void update(EVP_MD_CTX* context, std::string_view bytes) {
  must(EVP_DigestUpdate(context, bytes.data(), bytes.size()));
}

Sha256 finish(EVP_MD_CTX* context) {
  Sha256 digest;
  must(EVP_DigestFinal_ex(context, reinterpret_cast<unsigned char*>(digest.bytes.data()), nullptr));
  return digest;
}

Context after_block(std::string_view key, char pad) {
  std::array<char, kBlockSize> block{};
  std::ranges::copy(key, block.begin());
  for (char& c : block) c = static_cast<char>(c ^ pad);
  Context context = new_context();
  must(EVP_DigestInit_ex(context.get(), sha256_type(), nullptr));
  update(context.get(), {block.data(), block.size()});
  return context;
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  EVP_MD_CTX* const context = scratch();
  must(EVP_DigestInit_ex(context, sha256_type(), nullptr));
  update(context, bytes);
  return finish(context);
}

struct HmacKey::States {
  explicit States(std::string_view key) : inner(after_block(key, 0x36)), outer(after_block(key, 0x5C)) {}
  Context inner;
  Context outer;
};

HmacKey::HmacKey(std::string_view key)
    : states_(std::make_unique<States>(key.size() <= kBlockSize ? key : sha256(key).view())) {}

HmacKey::~HmacKey() = default;

Sha256 HmacKey::sign(std::string_view message) const {
  EVP_MD_CTX* const context = scratch();
  must(EVP_MD_CTX_copy_ex(context, states_->inner.get()));
  update(context, message);
  const Sha256 inner = finish(context);
  must(EVP_MD_CTX_copy_ex(context, states_->outer.get()));
  update(context, inner.view());
  return finish(context);
}

}  // namespace sluice::auth

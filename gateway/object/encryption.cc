#include "gateway/object/encryption.h"

#include "gateway/core/encoding.h"
#include "gateway/object/codec.h"

namespace sluice::object {
namespace {

// Binds a wrapped key to what its record says of it.
std::string context_of(const Encryption& encryption) {
  return "sluice object key 1 " + std::to_string(static_cast<unsigned>(encryption.mode)) + " " + encryption.master;
}

std::unexpected<Error> no_master_key(std::string_view id) {
  if (id.empty()) return fail(ErrorCode::no_master_key, "No master key is configured to encrypt objects under.");
  return fail(ErrorCode::no_master_key, "The master key '" + std::string(id) + "' of this object is not configured.");
}

Encryption wrap(const SecretKey& key, const SecretKey& wrapping, EncryptionMode mode, std::string master) {
  Encryption encryption{.mode = mode, .master = std::move(master), .salt = random_bytes(kSaltSize), .wrapped = {}};
  encryption.wrapped = key.wrapped_by(wrapping.derive(encryption.salt), context_of(encryption));
  return encryption;
}

std::optional<SecretKey> unwrap(const Encryption& encryption, const SecretKey& wrapping) {
  return SecretKey::unwrap(wrapping.derive(encryption.salt), encryption.wrapped, context_of(encryption));
}

Result<Encryption> wrap(const KeyRing& ring, const SecretKey& key, const EncryptionChoice& choice) {
  if (ring.empty()) return no_master_key({});
  const auto& id = choice.master.empty() ? ring.current() : choice.master;
  const SecretKey* const master = ring.find(id);
  if (master == nullptr) return fail(ErrorCode::no_such_master_key, "There is no master key '" + id + "'.");
  return wrap(key, *master, choice.mode, id);
}

}  // namespace

bool KeyRing::add(std::string id, const SecretKey& key) {
  if (keys_.empty()) current_ = id;
  return keys_.emplace(std::move(id), key).second;
}

const SecretKey* KeyRing::find(std::string_view id) const {
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

const KeyRing& KeyRing::none() {
  static const KeyRing ring;
  return ring;
}

Result<std::optional<ObjectKey>> new_object_key(const KeyRing& ring, const EncryptionRequest& request,
                                                const BucketSettings& bucket) {
  EncryptionRequest asked = request;
  if (asked.empty() && !bucket.encryption.empty()) {
    TRY(asked.choice, parse_encryption_setting(bucket.encryption));
  }
  if (asked.empty()) return std::optional<ObjectKey>{};
  const auto key = SecretKey::random();
  TRY(auto encryption, rewrap(ring, key, asked));
  return ObjectKey{key, std::move(encryption)};
}

Result<Encryption> rewrap(const KeyRing& ring, const SecretKey& key, const EncryptionRequest& request) {
  if (request.customer_key) return wrap(key, *request.customer_key, EncryptionMode::customer, {});
  return wrap(ring, key, *request.choice);
}

Result<std::optional<SecretKey>> open_object_key(const KeyRing& ring, const std::optional<Encryption>& encryption,
                                                 const std::optional<SecretKey>& customer_key) {
  const bool by_customer = encryption && encryption->mode == EncryptionMode::customer;
  if (customer_key && !by_customer) return fail(ErrorCode::customer_key_unexpected);
  if (!encryption) return std::optional<SecretKey>{};
  if (by_customer && !customer_key) return fail(ErrorCode::customer_key_missing);
  const SecretKey* const wrapping = by_customer ? &*customer_key : ring.find(encryption->master);
  if (wrapping == nullptr) return no_master_key(encryption->master);
  auto key = unwrap(*encryption, *wrapping);
  if (key) return key;
  if (by_customer) return fail(ErrorCode::customer_key_mismatch);
  return fail(ErrorCode::corrupt, "the master key " + encryption->master + " does not open the key of an object");
}

Result<> check_customer_key(const std::optional<Encryption>& encryption, const std::optional<SecretKey>& customer_key) {
  const bool by_customer = encryption && encryption->mode == EncryptionMode::customer;
  if (!by_customer && !customer_key) return done;
  TRY(open_object_key(KeyRing::none(), encryption, customer_key));
  return done;
}

ContentEncryption::ContentEncryption(BodySource& body, const std::optional<ObjectKey>& key) : body_(body) {
  if (!key) return;
  seed_ = random_bytes(kSeedSize);
  encrypting_.emplace(body, content_key(key->key, {.seed = seed_, .tag = {}}));
}

std::optional<Seal> ContentEncryption::seal(std::uint64_t size) {
  if (!encrypting_ || size == 0) return std::nullopt;
  return Seal{std::move(seed_), encrypting_->tag()};
}

std::string shown_md5(const std::optional<ObjectKey>& key, std::string md5) {
  const bool by_customer = key && key->encryption.mode == EncryptionMode::customer;
  if (!by_customer) return md5;
  return std::string(key->key.derive("sluice shown md5 1 " + md5).bytes().substr(0, md5.size()));
}

SecretKey content_key(const SecretKey& object_key, const Seal& seal) {
  return object_key.derive("sluice content 1 " + seal.seed);
}

std::string to_setting(const EncryptionChoice& choice) {
  return Encoder().number(1, static_cast<unsigned>(choice.mode)).bytes(2, choice.master).take();
}

Result<std::optional<EncryptionChoice>> parse_encryption_setting(std::string_view setting) {
  if (setting.empty()) return std::optional<EncryptionChoice>{};
  EncryptionChoice choice;
  std::uint64_t mode = 0;
  Decoder in(setting);
  while (in.next()) {
    if (in.tag() == 1) mode = in.number();
    if (in.tag() == 2) choice.master = in.bytes();
  }
  choice.mode = static_cast<EncryptionMode>(mode);
  const bool known =
      mode == static_cast<unsigned>(EncryptionMode::managed) || mode == static_cast<unsigned>(EncryptionMode::named);
  if (!in.ok() || !known) return fail(ErrorCode::corrupt, "the encryption setting of a bucket");
  return choice;
}

}  // namespace sluice::object

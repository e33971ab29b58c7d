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

// What was encrypted under the seed, of that tag, lies there. No two say the same: varints end by themselves.
std::string place_of(const Seal& seal, const SecretKey& object_key, ByteRange place) {
  std::string label = "sluice place 1 " + seal.seed + seal.tag;
  append_varint(label, place.offset);
  append_varint(label, place.length);
  return std::string(object_key.derive(label).bytes().substr(0, kPlaceSize));
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

Result<> check_same_key(const KeyRing& ring, const std::optional<Encryption>& encryption,
                        const std::optional<SecretKey>& customer_key, const std::optional<SecretKey>& key) {
  TRY(const auto now, open_object_key(ring, encryption, customer_key));
  if (now.has_value() == key.has_value() && (!key || now->equals(*key))) return done;
  return fail(ErrorCode::unavailable, "the object was replaced by another while it was written to");
}

Result<> check_customer_key(const std::optional<Encryption>& encryption, const std::optional<SecretKey>& customer_key) {
  const bool by_customer = encryption && encryption->mode == EncryptionMode::customer;
  if (!by_customer && !customer_key) return done;
  TRY(open_object_key(KeyRing::none(), encryption, customer_key));
  return done;
}

ContentEncryption::ContentEncryption(BodySource& body, const std::optional<ObjectKey>& key)
    : ContentEncryption(body, key ? std::optional(key->key) : std::nullopt) {}

ContentEncryption::ContentEncryption(BodySource& body, const std::optional<SecretKey>& object_key) : body_(body) {
  if (!object_key) return;
  seed_ = random_bytes(kSeedSize);
  encrypting_.emplace(body, content_key(*object_key, {.seed = seed_, .tag = {}}));
}

std::optional<Seal> ContentEncryption::seal(std::uint64_t size) {
  if (!encrypting_ || size == 0) return std::nullopt;
  return Seal{std::move(seed_), encrypting_->tag()};
}

std::string shown_md5(const std::optional<ObjectKey>& key, std::string md5) {
  if (!key) return md5;
  return shown_md5(key->key, key->encryption, std::move(md5));
}

std::string shown_md5(const std::optional<SecretKey>& key, const std::optional<Encryption>& encryption,
                      std::string md5) {
  const bool by_customer = key && encryption && encryption->mode == EncryptionMode::customer;
  if (!by_customer) return md5;
  return std::string(key->derive("sluice shown md5 1 " + md5).bytes().substr(0, md5.size()));
}

SecretKey content_key(const SecretKey& object_key, const Seal& seal) {
  return object_key.derive("sluice content 1 " + seal.seed);
}

void bind(Seal& seal, const SecretKey& object_key, ByteRange place) { seal.place = place_of(seal, object_key, place); }

Result<> check_place(const Seal& seal, const SecretKey& object_key, ByteRange place) {
  if (constant_time_equal(seal.place, place_of(seal, object_key, place))) return done;
  return fail(ErrorCode::corrupt, "a piece of an encrypted object is not where it belongs");
}

Seal seal_piece(const SecretKey& object_key, std::string& bytes, std::uint64_t offset) {
  Seal seal{.seed = random_bytes(kSeedSize), .tag = {}};
  seal.tag = encrypt(content_key(object_key, seal), bytes);
  bind(seal, object_key, {offset, bytes.size()});
  return seal;
}

Result<std::string> unseal_piece(const SecretKey& object_key, std::string bytes, const Seal& seal,
                                 std::uint64_t offset) {
  TRY(check_place(seal, object_key, {offset, bytes.size()}));
  return decrypt(content_key(object_key, seal), std::move(bytes), seal.tag);
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

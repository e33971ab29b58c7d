#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/cipher.h"
#include "gateway/object/info.h"
#include "gateway/object/record.h"

// docs/decisions/0004-encryption.md says what is encrypted how, and why.

namespace sluice::object {

/// The master keys of a deployment, by id. They wrap the keys of objects; which of
/// them, each object remembers. Filled before it is shared; then safe for concurrent use.
class KeyRing {
 public:
  /// False: there is a key of that id already. The first is the one for new objects.
  bool add(std::string id, const SecretKey& key);

  bool empty() const { return keys_.empty(); }
  const std::string& current() const { return current_; }
  /// Null: there is none of that id.
  const SecretKey* find(std::string_view id) const;

  /// The one without keys.
  static const KeyRing& none();

 private:
  std::map<std::string, SecretKey, std::less<>> keys_;
  std::string current_;
};

/// How a writer wants the bytes encrypted. Nothing said: as the bucket is set, else not.
struct EncryptionRequest {
  std::optional<EncryptionChoice> choice;  ///< Not `customer`: that is said by the key.
  std::optional<SecretKey> customer_key;

  bool empty() const { return !choice && !customer_key; }
};

/// A key that an object's contents are to be encrypted under, and what its record says of it.
struct ObjectKey {
  SecretKey key;
  Encryption encryption;
};

/// What a write with that request into a bucket with that setting does; nothing: it
/// does not encrypt. Fails with no_master_key, or no_such_master_key where the request names it.
Result<std::optional<ObjectKey>> new_object_key(const KeyRing& ring, const EncryptionRequest& request,
                                                const BucketSettings& bucket);

/// `key`, wrapped anew as that request wants it, which is of the same mode.
Result<Encryption> rewrap(const KeyRing& ring, const SecretKey& key, const EncryptionRequest& request);

/// The key of an object; nothing: it is not encrypted. Fails with customer_key_missing,
/// customer_key_mismatch, customer_key_unexpected and no_master_key.
Result<std::optional<SecretKey>> open_object_key(const KeyRing& ring, const std::optional<Encryption>& encryption,
                                                 const std::optional<SecretKey>& customer_key);

/// Is `key`, which what is to be written into the object was encrypted under, the key of the object still? Fails as
/// open_object_key, and with unavailable where it is not: the object was replaced by another meanwhile.
Result<> check_same_key(const KeyRing& ring, const std::optional<Encryption>& encryption,
                        const std::optional<SecretKey>& customer_key, const std::optional<SecretKey>& key);

/// May who has that customer key (or none) know of the object? Fails as open_object_key,
/// but never with no_master_key.
Result<> check_customer_key(const std::optional<Encryption>& encryption, const std::optional<SecretKey>& customer_key);

/// A content on its way to the store: encrypts `body`, if there is a key, under a
/// key of its own, else hands it through.
class ContentEncryption {
 public:
  ContentEncryption(BodySource& body, const std::optional<ObjectKey>& key);
  ContentEncryption(BodySource& body, const std::optional<SecretKey>& object_key);

  BodySource& source() { return encrypting_ ? *encrypting_ : body_; }
  /// What the record must say of the content, after its end. None of an empty one.
  std::optional<Seal> seal(std::uint64_t size);

 private:
  BodySource& body_;
  std::string seed_;
  std::optional<EncryptingSource> encrypting_;
};

/// What is told as the MD5 of a content: that, or its HMAC under the object's key where a
/// customer keeps the key, so that it does not tell who knows a content that this is it.
std::string shown_md5(const std::optional<ObjectKey>& key, std::string md5);
std::string shown_md5(const std::optional<SecretKey>& key, const std::optional<Encryption>& encryption,
                      std::string md5);

/// The key of one content.
SecretKey content_key(const SecretKey& object_key, const Seal& seal);

// A piece of an append object is a content that lies at a place of the object, and nowhere else: the seal proves it.

/// Writes into the seal of a piece that it lies at `place` in the object.
void bind(Seal& seal, const SecretKey& object_key, ByteRange place);
/// Fails with corrupt unless that was done, with that place.
Result<> check_place(const Seal& seal, const SecretKey& object_key, ByteRange place);

/// Encrypts a small piece where it is; its seal.
Seal seal_piece(const SecretKey& object_key, std::string& bytes, std::uint64_t offset);
/// The bytes of one; fails with corrupt where they, their seal or their place are others.
Result<std::string> unseal_piece(const SecretKey& object_key, std::string bytes, const Seal& seal,
                                 std::uint64_t offset);

/// The setting of a bucket (BucketSettings::encryption), and what it says; nothing: it is unset.
std::string to_setting(const EncryptionChoice& choice);
Result<std::optional<EncryptionChoice>> parse_encryption_setting(std::string_view setting);

}  // namespace sluice::object

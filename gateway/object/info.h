#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/core/clock.h"
#include "gateway/core/digest.h"
#include "gateway/core/result.h"
#include "gateway/object/lease.h"
#include "gateway/object/protection.h"

namespace sluice::object {

/// How the content presents itself, as its writer said. Empty is unsaid.
struct ContentHeaders {
  std::string type;
  std::string cache_control;
  std::string disposition;
  std::string encoding;
  std::string language;
  std::string expires;  ///< The literal text.
  std::string redirect_location;
  std::string md5{};  ///< Raw: of all bytes, as the writer says; nobody has checked it.
  friend bool operator==(const ContentHeaders&, const ContentHeaders&) = default;
};

/// User metadata in the order given; the case of names is kept.
using Metadata = std::vector<std::pair<std::string, std::string>>;

enum class ChecksumType : std::uint8_t {
  full_object = 1,  ///< Of all bytes.
  composite = 2,    ///< Of the concatenated raw checksums of the parts.
};

/// A checksum that is stored with an object or part and given back.
struct Checksum {
  Digest digest;
  ChecksumType type = ChecksumType::full_object;
  friend bool operator==(const Checksum&, const Checksum&) = default;
};

/// Who keeps the key that the key of an object is wrapped by. The numbers are stored.
enum class EncryptionMode : std::uint8_t {
  managed = 1,   ///< The deployment: its current master key.
  customer = 2,  ///< The customer, who gives it with every request; it is not stored.
  named = 3,     ///< The deployment: a master key that the customer names.
};

/// An encryption whose keys the deployment has.
struct EncryptionChoice {
  EncryptionMode mode = EncryptionMode::managed;
  std::string master;  ///< Id of the master key; empty: the current one.
  friend bool operator==(const EncryptionChoice&, const EncryptionChoice&) = default;
};

inline constexpr std::size_t kSaltSize = 16;
inline constexpr std::size_t kSeedSize = 16;
inline constexpr std::size_t kPlaceSize = 16;

/// What is stored of an object's key: enough to have it again, with the key that wrapped it.
struct Encryption {
  EncryptionMode mode = EncryptionMode::managed;
  std::string master;   ///< Id of the master key; empty with the customer's.
  std::string salt;     ///< What the wrapping key was derived with.
  std::string wrapped;  ///< The key, and a tag that tells a wrong wrapping key from the right one.
  friend bool operator==(const Encryption&, const Encryption&) = default;
};

/// What is stored of an encrypted content beside its bytes.
struct Seal {
  std::string seed;     ///< What its key was derived from the object's with.
  std::string tag;      ///< Of all its bytes.
  std::string place{};  ///< Of a piece of an append object: proves that it belongs where it lies.
  friend bool operator==(const Seal&, const Seal&) = default;
};

/// Tags of an object or bucket, in the order given.
using Tags = std::vector<std::pair<std::string, std::string>>;

/// Does a bucket keep what is overwritten and removed?
enum class Versioning : std::uint8_t {
  off = 0,  ///< Never has.
  enabled = 1,
  suspended = 2,  ///< Keeps the versions it has; what is written now replaces the null version alone.
};

/// Names a version of an object by its revision: 0 is the null version, the one that was
/// written while versioning was off or suspended.
enum class VersionId : std::uint64_t { null = 0 };

/// Which state of a key is meant: a version, or a snapshot by its revision, or else the
/// current object.
struct Which {
  std::optional<VersionId> version{};
  std::uint64_t snapshot = 0;
  bool deleted = false;  ///< One that is soft deleted; what was current is a snapshot then. For removals alone.

  bool current() const { return !version && snapshot == 0; }
};

/// The S3 face: `null`, or 16 hex digits.
std::string to_text(VersionId version);
/// Nothing: no version can have that name.
std::optional<VersionId> parse_version(std::string_view text);

/// The Blob face of a revision, of versions and snapshots: `2026-01-02T03:04:05.1234567Z`.
std::string revision_time(std::uint64_t revision);
/// The revision of that face; nothing where it is none.
std::optional<std::uint64_t> parse_revision_time(std::string_view text);

/// A revision as an entity tag: `0x` and 16 hex digits.
std::string revision_tag(std::uint64_t revision);

/// What an object is a copy of, as its writer named it. A copy is whole from its first moment.
struct CopyOrigin {
  std::string id;  ///< Names the copying.
  std::string source;
  friend bool operator==(const CopyOrigin&, const CopyOrigin&) = default;
};

/// What a page object that follows another, snapshot by snapshot, has come to.
struct Following {
  std::string bucket;  ///< What it follows,
  std::string key;
  UtcTime created{};           ///< and when the content of that was made: one that is put anew is another.
  std::uint64_t source = 0;    ///< The snapshot of that which was copied last, by its revision.
  std::uint64_t snapshot = 0;  ///< The snapshot of this object which that became.
  friend bool operator==(const Following&, const Following&) = default;
};

/// How an object may be written. All are read alike. The numbers are stored.
enum class ObjectKind : std::uint8_t {
  block = 0,   ///< Whole, or as committed parts.
  append = 1,  ///< At its end.
  page = 2,    ///< Anywhere, in pages of 512 bytes.
};

/// How soon the bytes of an object are to be had. The numbers are stored.
enum class Tier : std::uint8_t {
  none = 0,  ///< Nobody has said: as hot.
  hot = 1,
  cool = 2,
  cold = 3,
  archive = 4,  ///< Not at all: its bytes are not read, and it is not copied.
};

/// The tier of an object, as it was set.
struct Tiering {
  Tier tier = Tier::none;
  UtcTime changed{};  ///< When it was changed, where it is not the one that the object was made with.

  // Of what is archived, and on its way back.
  Tier awaited = Tier::none;  ///< The tier it will be in; none: it stays.
  UtcTime due{};              ///< When it will.
  bool urgent = false;

  /// What it has come to by then.
  Tiering at(UtcTime now) const;
  friend bool operator==(const Tiering&, const Tiering&) = default;
};

struct ObjectInfo {
  std::uint64_t size = 0;
  /// Raw 16 bytes: of the content, or of its parts' digests. Random ones instead of the
  /// content's where a customer keeps its key (encryption).
  std::string md5;
  std::uint32_t part_count = 0;  ///< 0 for an object put whole.
  std::uint64_t revision = 0;    ///< Of the write that made it: a version keeps it as long as it is.
  std::uint64_t changed = 0;     ///< The revision of its last change in place; 0: there was none.
  UtcTime modified;
  UtcTime created;    ///< Of the content; a change of its description alone keeps it.
  std::string owner;  ///< An account.
  ContentHeaders headers;
  Metadata metadata;
  Tags tags;
  std::string acl;  ///< As the layer that enforces it writes it; empty: the owner's alone.
  std::optional<Checksum> checksum;
  std::optional<Encryption> encryption{};
  std::optional<CopyOrigin> copy;
  std::optional<Lease> lease;  ///< Of the current object.
  ObjectKind kind = ObjectKind::block;
  std::uint32_t block_count = 0;         ///< Of what is written in place: how often it was.
  bool sealed = false;                   ///< Of an append object: it takes no more.
  std::uint64_t sequence_number = 0;     ///< Of a page object; its writers' own.
  std::optional<Following> following{};  ///< Of a page object that is written by following another alone.

  bool versioned = false;      ///< Was written while versioning was on, so that it has a version id of its own.
  bool delete_marker = false;  ///< Stands for a removal; there are no bytes.
  /// Removed, and kept for a while. A delete marker that is so stands where a key has nothing
  /// but what is kept so.
  bool soft_deleted = false;
  UtcTime deleted{};           ///< Of what is soft deleted: when it was,
  UtcTime kept_until{};        ///< and until when it is kept.
  std::uint64_t snapshot = 0;  ///< Of a snapshot, its revision as one; `revision` is that of what it was taken of.
  Tiering tiering{};
  Protection protection{};

  bool is_archived(UtcTime now) const { return tiering.at(now).tier == Tier::archive; }
  std::uint64_t last_revision() const { return changed != 0 ? changed : revision; }
  VersionId version() const { return versioned ? VersionId{revision} : VersionId::null; }

  /// Names the content: hex md5, and `-N` for N parts. The S3 face; unquoted. Of what is
  /// written in place no digest is known: the hex names its writes then, and `-N` tells
  /// clients that it is none.
  std::string content_tag() const;
  /// Names the revision, that of the last change included: `0x` and 16 hex digits. The Blob face; unquoted.
  std::string revision_tag() const;
};

/// What follows another object is read by its snapshots alone, and written by following alone: fails with
/// kind_mismatch where the state is such, and no snapshot.
Result<> check_not_following(const ObjectInfo& info);

/// What containers of the Blob protocol let the public read.
enum class PublicAccess : std::uint8_t { none = 0, objects = 1, bucket = 2 };

/// A named set of limits that shared access signatures refer to; all as its writer said.
struct AccessPolicy {
  std::string id;
  std::string start;
  std::string expiry;
  std::string permission;
  friend bool operator==(const AccessPolicy&, const AccessPolicy&) = default;
};

/// What a bucket is set to. Strings are documents as the layer that gives them a
/// meaning writes them; empty is unset.
struct BucketSettings {
  Versioning versioning = Versioning::off;
  Tags tags;
  Metadata metadata;
  std::string acl;
  std::string policy;
  std::string cors;
  std::string lifecycle;
  std::string encryption;
  std::string ownership;
  std::string public_access_block;
  PublicAccess public_access = PublicAccess::none;
  std::vector<AccessPolicy> access_policies;
  ObjectLock object_lock{};
  friend bool operator==(const BucketSettings&, const BucketSettings&) = default;
};

/// What an account is set to; as BucketSettings.
struct AccountSettings {
  std::string service;
  friend bool operator==(const AccountSettings&, const AccountSettings&) = default;
};

/// One part of an upload, or of an object made from one.
struct PartInfo {
  std::uint32_t number = 0;
  std::uint64_t size = 0;
  std::string md5;  ///< Raw 16 bytes, as ObjectInfo's.
  UtcTime modified;
  std::optional<Digest> checksum;
  /// How the upload is encrypted; told by a stage, not stored with the part.
  std::optional<EncryptionChoice> encryption{};
  std::string block_id{};  ///< Opaque bytes: its name, where its writer gave it one.

  std::string content_tag() const;  ///< Hex md5, unquoted.
};

}  // namespace sluice::object

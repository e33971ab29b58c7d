#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/clock.h"
#include "gateway/core/context.h"
#include "gateway/core/digest.h"
#include "gateway/object/conditions.h"
#include "gateway/object/encryption.h"
#include "gateway/object/info.h"
#include "gateway/object/name.h"
#include "gateway/object/reclaimer.h"
#include "gateway/object/record.h"

namespace sluice::object {

/// A range as it is asked for, before the size is known: `first` to `last`
/// inclusive, to the end without `last`; without `first`, the last `last` bytes.
struct RangeRequest {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
};

/// Asked about an object, as it is read, before anything else is done with it; what
/// it fails with, the operation fails with. Empty: all are admitted.
using Admission = std::function<Result<>(const ObjectInfo&)>;

struct OpenOptions {
  Which which{};
  Conditions conditions;
  std::optional<RangeRequest> range;
  std::optional<std::uint32_t> part_number;  ///< Not together with a range.
  Admission admit{};

  /// The customer's key, without which an object that needs one is told nothing of.
  std::optional<SecretKey> customer_key{};
  bool key_waived = false;  ///< For stat(): what is asked does not need that key.
};

/// What a read is about: the object, and which of its bytes.
struct Selection {
  ObjectInfo info;
  ByteRange range;               ///< Resolved; the whole object without a range.
  bool partial = false;          ///< A range or part was asked for.
  std::optional<PartInfo> part;  ///< The part asked for; of an object put whole, part 1 is all of it.
};

/// Texts that readers made of a record alone, each its own, for all who read it.
struct Descriptions {
  MadeOnce<std::string> s3_face;
  MadeOnce<std::string> blob_face;
};

/// An object whose row is in memory, with the bytes if those are: shared, as they are kept.
struct HeldObject {
  std::shared_ptr<const Row> row;  ///< Keeps `record`.
  const ObjectRecord* record = nullptr;
  std::optional<Chunk> content;                ///< What `range` is of it, checked.
  ByteRange range;                             ///< Resolved, of what was asked for.
  const Descriptions* descriptions = nullptr;  ///< As long as `row`.
};

/// An object opened for reading. Its bytes are `content`, then what `body` yields
/// (null: nothing more). They stay readable, unchanged, however the name fares; of page
/// objects as Pages says.
struct OpenObject {
  Selection selection;
  Chunk content;
  std::unique_ptr<BodySource> body;
};

struct PutOptions {
  Conditions conditions;
  std::string owner;  ///< Empty: the bucket's.
  ContentHeaders headers;
  Metadata metadata;
  std::optional<DigestAlgorithm> checksum;  ///< Taken of the body, and stored.
  Tags tags{};
  std::string acl{};
  EncryptionRequest encryption{};
  Tier tier = Tier::none;
  Protection protection{};
};

struct CopyOptions {
  Conditions source_conditions;
  Conditions conditions;  ///< Of the destination.
  std::string owner;      ///< Empty: the bucket's.
  /// Replace what the source has; without it everything is carried over.
  struct Replacement {
    ContentHeaders headers;
    Metadata metadata;
  };
  std::optional<Replacement> replacement;
  std::optional<DigestAlgorithm> checksum;  ///< Wanted on the copy; the source's own kind otherwise.
  std::string acl{};                        ///< Of the copy; the source's is never carried over.
  Admission admit_source{};
  std::optional<SecretKey> source_customer_key{};
  /// Of the copy. Nothing said: as the bucket is set, else as the source, if the
  /// deployment has the keys of that, else none.
  EncryptionRequest encryption{};
  Which source{};              ///< Which state of `from` is copied.
  std::optional<Tags> tags{};  ///< Replace those of the source; without it they are carried over.
  bool as_block = false;       ///< What is written in place is stored anew, as a block object.
  bool from_archive = false;   ///< A source that is archived is copied too.
  Protection protection{};     ///< Of the copy; the source's is never carried over.
  /// Changes what is carried over, last of all. The tier is not: it is to be set here.
  std::function<Result<>(ObjectInfo&)> edit{};
};

/// May an object be given a snapshot of another next?
enum class Followed : std::uint8_t {
  yes,
  no_snapshot,  ///< What is to be followed is none.
  other,        ///< The object follows another one, or none.
  put_anew,     ///< What it followed was put anew since, and is another one.
  not_later,    ///< It has that snapshot already, or a later one.
};

struct FollowAnswer {
  Followed followed = Followed::yes;
  ObjectInfo info{};  ///< Of the object, where it is.
};

/// What becomes of the snapshots of what is removed.
enum class Snapshots : std::uint8_t {
  refuse,   ///< There must be none, or snapshot_present.
  include,  ///< They go too.
  only,     ///< They go, the object stays.
};

struct ChangeOptions {
  Which which{};
  Conditions conditions{};
  /// A new revision, modified now; of what is not protected alone. Otherwise dates and revision stay: so it
  /// is with tags and ACL.
  bool revises = false;
};

/// What is set of a state's protection; what is not named stays.
struct ProtectionChange {
  Which which{};
  Conditions conditions{};
  std::optional<Retention> retention{};  ///< Mode none: it is taken away.
  std::optional<LegalHold> legal_hold{};
  Bypass bypass = Bypass::no;
  Admission admit{};
};

struct RemoveRequest {
  std::string key;
  Conditions conditions{};  ///< Of the state that is removed.
  Which which{};
  Snapshots snapshots = Snapshots::refuse;  ///< Where `which` is the current state.
  /// What would be gone for good is soft deleted until then; not a null version that is named, nor
  /// what is current in its stead.
  std::optional<UtcTime> kept_until{};
  Bypass bypass = Bypass::no;
};

struct Removal {
  bool removed = false;                ///< Something was there.
  bool delete_marker = false;          ///< A marker was put, or the version removed was one.
  bool kept = false;                   ///< It is soft deleted.
  std::optional<VersionId> version{};  ///< The marker's, or of the version removed.
};

struct PartPage {
  ObjectInfo info;
  std::vector<PartInfo> parts;
  bool truncated = false;
};

/// Objects as both protocols mean them: named, immutable once committed,
/// replaced whole. Safe for concurrent use.
///
/// All fail with no_such_bucket or no_such_object where there is none, with
/// no_such_version or is_delete_marker where a version is named, with corrupt
/// and unavailable as the backend says, and conflict only when a write kept
/// losing races for long. Whatever writes the current object fails as
/// check_lease_for_write where that is leased, and whatever would change or remove a state that is protected
/// as check_unprotected. Of encrypted objects also as new_object_key() and
/// open_object_key().
class Objects {
 public:
  Objects(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys = KeyRing::none())
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), keys_(keys) {}

  /// Fails with precondition_failed, not_modified, range_not_satisfiable (detail:
  /// the size, in decimal), invalid_part_number, archived, and as check_lease.
  Task<OpenObject> open(const RequestContext& context, const ObjectName& name, const OpenOptions& options);

  /// The current object of that name, if that costs no wait and it is not encrypted; nothing
  /// says nothing. For `with_content` the bytes of `range`, without one all, must be in memory too.
  std::optional<HeldObject> at_hand(const ObjectName& name, bool with_content,
                                    const std::optional<RangeRequest>& range = std::nullopt);

  /// What open() would read of it: fails as that does where neither a version, a part nor a
  /// key is asked for.
  static Result<ByteRange> range_of(const HeldObject& object, const OpenOptions& options);

  /// As open, without the bytes: never archived.
  Task<Selection> stat(const RequestContext& context, const ObjectName& name, const OpenOptions& options);

  /// The parts of an object made from an upload, after number `after`; none for one put whole.
  Task<PartPage> parts(const RequestContext& context, const ObjectName& name, std::uint32_t after, std::size_t limit,
                       const Admission& admit = {}, const Which& which = {});

  /// Reads `body` to its end, then makes it the object in one commit: a reader
  /// sees the old object or the new one, and a failure leaves the old. Bucket and
  /// conditions are checked before the first byte is read, and again at the commit.
  /// Takes md5 (and options.checksum) of `body` itself; the caller adds what it expects.
  Task<ObjectInfo> put(const RequestContext& context, const ObjectName& name, const PutOptions& options,
                       DigestSource& body);

  /// Makes `to` an object with the content of `from`, sharing its extents, so its cost
  /// does not grow with its size (but for a checksum of another kind, which is
  /// computed). Fails with archived. The content tag of the source is kept. Where it is to be encrypted
  /// otherwise than the source, it is stored anew, and has its own content tag.
  Task<ObjectInfo> copy(const RequestContext& context, const ObjectName& from, const ObjectName& to,
                        const CopyOptions& options);

  /// Makes `to` follow `from`: gives it the pages of a snapshot of that, which options.source names, and keeps them as
  /// a snapshot of `to` as well; extents are shared. `to` is not there, or has followed that very object until now,
  /// with earlier snapshots: it is read by its snapshots alone, and written in no other way. Headers, metadata and
  /// sequence number are those of the source, unless options.edit says otherwise. Fails as copy(), with kind_mismatch
  /// where the source is no page object, and with not_implemented where the bucket wants another encryption.
  Task<FollowAnswer> follow(const RequestContext& context, const ObjectName& from, const ObjectName& to,
                            const CopyOptions& options);

  /// Gives the object another ACL, and changes nothing else of it, its dates and
  /// revision included. `change` is asked with what is there, in the transaction that
  /// keeps the ACL it makes; several times where others change the object too.
  using AclChange = std::function<Result<std::string>(const ObjectInfo&)>;
  Task<> set_acl(const RequestContext& context, const ObjectName& name, const AclChange& change,
                 const Which& which = {});

  /// Changes what is said of an object, where it stands, and never its bytes. `edit` is
  /// called in the transaction that keeps what it makes, again where another write came
  /// in between; its failure is the answer. Fails as check_write, of the current object
  /// as check_lease_for_write, and with metadata_too_large.
  using Edit = std::function<Result<>(ObjectInfo&)>;
  Task<ObjectInfo> change(const RequestContext& context, const ObjectName& name, const ChangeOptions& options,
                          const Edit& edit);

  /// Protects a state, or takes that back; neither dates nor revision change, and a lease is no hindrance. Fails
  /// as check_write and check_retention, and with no_object_lock where the bucket has none.
  Task<ObjectInfo> protect(const RequestContext& context, const ObjectName& name, const ProtectionChange& change);

  /// What a key's current state is, a delete marker too. Nothing: there is none.
  Task<std::optional<ObjectInfo>> head(const RequestContext& context, const ObjectName& name);

  /// Brings back what is soft deleted of a key and still kept: the object, where there is none, as it was;
  /// its snapshots; its versions. Fails with no_such_object where there is nothing to be current then, and
  /// with entity_too_large where there are too many.
  Task<ObjectInfo> undelete(const RequestContext& context, const ObjectName& name);

  /// Keeps the current object as it is now, as a snapshot; its content is shared. The
  /// answer's `snapshot` names it. `metadata` replaces what the object has.
  Task<ObjectInfo> snapshot(const RequestContext& context, const ObjectName& name, const Conditions& conditions,
                            const std::optional<Metadata>& metadata = {});

  /// Brings an object into `tier`; neither dates nor revision change. What is archived comes back
  /// after a while, `pace`: until then the answer's `awaited` says to where. Fails as change(), with
  /// kind_mismatch where it is not a block object, and with returning while it is on its way
  /// to another tier.
  struct Pace {
    std::chrono::milliseconds normal{};
    std::chrono::milliseconds urgent{};
  };
  struct TierChoice {
    Tier tier = Tier::hot;
    bool urgent = false;  ///< Asks for the urgent pace, also of what is on its way.
  };
  Task<ObjectInfo> set_tier(const RequestContext& context, const ObjectName& name, const ChangeOptions& options,
                            TierChoice choice, Pace pace);

  /// Removes the named objects of one bucket, up to 1000, each on its own: one
  /// answer for each, in order. Where the bucket has versioning, the current object is
  /// kept as a version (unless it is the null version and versioning suspended), and a
  /// delete marker put in its place; a version or snapshot that is named is gone for
  /// good, and the newest version left is current then. Removing what is not there
  /// succeeds, unless a condition requires it (if_match: no_such_object).
  Task<std::vector<Result<Removal>>> remove(const RequestContext& context, const std::string& bucket,
                                            const std::vector<RemoveRequest>& requests);

 private:
  struct NewObject;
  Task<> commit(const ObjectName& name, const PutOptions& options, NewObject& object);
  Task<ObjectInfo> undelete_once(const ObjectName& name);
  Task<ObjectInfo> protect_once(const ObjectName& name, const ProtectionChange& change);
  Task<ObjectInfo> change_once(const ObjectName& name, const ChangeOptions& options, const Edit& edit);
  struct RemoveBatch;
  Task<> remove(RemoveBatch& batch);

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
};

}  // namespace sluice::object

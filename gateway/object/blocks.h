#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/object/encryption.h"
#include "gateway/object/objects.h"

namespace sluice::object {

struct BucketRecord;
struct Decryption;
struct ObjectRecord;
struct UploadRecord;

/// One block, staged or part of an object.
struct BlockInfo {
  std::string id;  ///< Opaque bytes.
  std::uint64_t size = 0;
};

/// Where a commit looks for a block.
enum class BlockSource : std::uint8_t {
  committed,    ///< Among the parts of the present object.
  uncommitted,  ///< Among those that are staged.
  latest,       ///< Staged, or else of the present object.
};

/// A block that a commit names.
struct BlockClaim {
  BlockSource source = BlockSource::latest;
  std::string id;
};

/// What a block is staged with.
struct BlockOptions {
  std::optional<std::string> lease{};       ///< Of the object, which the sender holds.
  std::optional<SecretKey> customer_key{};  ///< To be encrypted under.
};

/// Where a block is copied from.
struct BlockCopy {
  ObjectName from;
  Which which{};
  Conditions conditions{};
  std::optional<ByteRange> range{};         ///< All without it.
  std::optional<Digest> expected{};         ///< Of the bytes: md5 or crc64nvme.
  std::optional<SecretKey> customer_key{};  ///< Of the source.
};

struct BlockCommit {
  Conditions conditions;
  std::string owner;
  ContentHeaders headers;
  Metadata metadata;
  Tags tags;
  std::vector<BlockClaim> blocks;  ///< In the object's order; one may come several times.
  Tier tier = Tier::none;
  std::optional<SecretKey> customer_key{};
  Protection protection{};
};

/// What a blob is and may become made of.
struct BlockLists {
  std::optional<ObjectInfo> object;
  std::vector<BlockInfo> committed;
  std::vector<BlockInfo> uncommitted;  ///< By id.
};

/// Objects made of named blocks: staged one by one under an object's name, then
/// committed as a list that may also name blocks of the object as it is. Each key has
/// one set of staged blocks, made with the first of them and gone with a commit.
/// Safe for concurrent use.
///
/// The first block that is staged for a key decides how all are encrypted, and so the
/// object: under the customer's key that comes with it, or as the bucket is set. All others come with that key.
/// Blocks of the object as it is can be named beside staged ones where both are encrypted alike.
///
/// The object a commit makes has its blocks as its parts, 1 to N; the parts of an
/// object that an upload made can be named as blocks, too, by id_of().
class Blocks {
 public:
  static constexpr std::size_t kIdSizeMax = 64;
  static constexpr std::size_t kCountMax = 50000;  ///< Of one object.
  static constexpr std::uint64_t kSizeMax = 4000ULL << 20;
  static constexpr std::chrono::days kKept{7};  ///< Staged blocks are, since the last of them.

  Blocks(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys = KeyRing::none())
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), keys_(keys) {}

  /// Reads `body` to its end and makes it the block `id`; of several for one id the
  /// last to finish stays. Takes md5 and crc64nvme of `body`. Fails with invalid_block
  /// for an id that is empty, longer than kIdSizeMax, or of another length than those staged,
  /// with kind_mismatch where the object is none of blocks, where the object is leased, as check_lease_for_write,
  /// and as new_object_key and open_object_key. The md5 told is that of the bytes, whoever has the key.
  Task<PartInfo> stage(const RequestContext& context, const ObjectName& name, const std::string& id, DigestSource& body,
                       const BlockOptions& options = {});

  /// Makes bytes of another object the block `id`. Fails as stage, with digest_mismatch, and with
  /// range_not_satisfiable where the range does not lie within the source.
  Task<PartInfo> stage_copy(const RequestContext& context, const ObjectName& name, const std::string& id,
                            const BlockCopy& copy, const BlockOptions& options = {});

  /// Makes the object of the named blocks in one commit; all staged blocks of the key
  /// are gone then. Fails with invalid_part (detail: nothing of the id) for a block
  /// that is not there, with not_implemented for blocks that are encrypted in different ways,
  /// as open_object_key, and as check_write.
  Task<ObjectInfo> commit(const RequestContext& context, const ObjectName& name, const BlockCommit& options);

  /// Fails with no_such_object where there is neither an object nor a staged block. Of a
  /// version or snapshot there are committed ones alone; fails then as Objects::stat.
  Task<BlockLists> list(const RequestContext& context, const ObjectName& name, const Which& which = {});

  /// Gives the staged blocks of a key back. Succeeds where there are none.
  Task<> discard(const RequestContext& context, const ObjectName& name);

  /// Gives the staged blocks of every key back to which none was added for kKept. The count of keys.
  Task<std::uint64_t> expire();

  /// The name of a part as a block: its own, or one made of its number.
  static std::string id_of(const PartInfo& part);

 private:
  struct Staged;
  Task<std::optional<ObjectKey>> find_key(const ObjectName& name, const std::string& id, const BucketRecord& bucket,
                                          const std::optional<SecretKey>& customer_key);
  Task<std::optional<ObjectKey>> begin_set(const ObjectName& name, const std::string& id,
                                           const std::optional<SecretKey>& customer_key);
  Result<std::optional<ObjectKey>> key_of(const UploadRecord& set, const std::optional<SecretKey>& customer_key) const;
  Result<std::optional<ObjectKey>> key_beside(const std::optional<ObjectRecord>& head, const EncryptionRequest& request,
                                              const BucketSettings& bucket) const;
  Task<> store(Staged& staged, DigestSource& body);
  static void describe(Staged& staged, const DigestSource& body);
  static PartInfo told(const Staged& staged);
  Task<PartInfo> keep(Staged& staged);
  Task<bool> keep_once(Staged& staged);
  Task<std::optional<PartInfo>> stage_current(Staged& staged);
  Task<bool> share(Staged& staged, const Decryption& decryption, ByteRange range);
  Task<> discard_once(const ObjectName& name);
  Task<bool> expire_once(const ObjectName& name);

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
};

}  // namespace sluice::object

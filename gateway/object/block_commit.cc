#include <algorithm>
#include <map>
#include <span>

#include "gateway/object/blocks.h"
#include "gateway/object/catalog.h"
#include "gateway/object/cursor.h"
#include "gateway/object/encryption.h"
#include "gateway/object/ids.h"
#include "gateway/object/install.h"
#include "gateway/object/manifest.h"
#include "gateway/object/retry.h"
#include "gateway/object/staging.h"

namespace sluice::object {
namespace {

// Up to this many blocks, slices, and bytes of manifest, one commit does it all.
constexpr std::size_t kBlocksAtOnce = 100;
constexpr std::size_t kSlicesAtOnce = 1000;
constexpr std::size_t kSizeAtOnce = 300 * 1024;
constexpr std::size_t kRowsAtOnce = 8;
constexpr int kRoundsMax = 20;

Result<ObjectInfo> describe(const BlockCommit& options, const std::vector<PartRecord>& parts,
                            const std::optional<Encryption>& encryption) {
  ObjectInfo info;
  info.encryption = encryption;
  info.owner = options.owner;
  info.headers = options.headers;
  info.metadata = options.metadata;
  info.tags = options.tags;
  info.tiering.tier = options.tier;
  info.protection = options.protection;
  std::string md5s;
  std::optional<Digest> crc = digest_of(DigestAlgorithm::crc64nvme, {});
  for (const auto& part : parts) {
    info.size += part.info.size;
    md5s += part.info.md5;
    const auto& aside = part.crc64nvme ? part.crc64nvme : part.info.checksum;
    const bool combines = crc && aside && aside->algorithm == DigestAlgorithm::crc64nvme;
    crc = combines ? std::optional(combine_crc(*crc, *aside, part.info.size)) : std::nullopt;
  }
  info.md5 = digest_of(DigestAlgorithm::md5, md5s).bytes;
  info.part_count = static_cast<std::uint32_t>(parts.size());
  if (crc) info.checksum = Checksum{std::move(*crc), ChecksumType::full_object};
  return info;
}

/// Makes an object of a list of blocks. The slices of each named block gain a reference
/// for each time it is named; the staged blocks then go as a whole, and with the object
/// that was there before go the blocks of it.
class BlockCommitting {
 public:
  BlockCommitting(Backend backend, Reclaimer& reclaimer, const Clock& clock, const KeyRing& keys,
                  const ObjectName& name, const BlockCommit& options)
      : backend_(backend), reclaimer_(reclaimer), clock_(clock), keys_(keys), name_(name), options_(options) {}

  Task<ObjectInfo> make() {
    for (int round = 1; round <= kRoundsMax; ++round) {
      auto attempt = [this] { return make_at_once(); };
      CO_TRY(const auto made, co_await retry_conflicts(attempt));
      if (made) co_return *made;
      CO_TRY(const auto built, co_await make_in_steps());
      if (built) co_return *built;
      co_await back_off(round);
    }
    co_return fail(ErrorCode::conflict, "the blocks kept changing during the commit");
  }

 private:
  std::string set_row() const { return upload_key(name_, kBlocksUpload); }

  /// What the list names, at one moment.
  struct Named {
    std::string head;                 ///< The object's row, or empty.
    std::optional<UploadRecord> set;  ///< Of the staged blocks.
    std::vector<PartRecord> parts;    ///< In the list's order, numbered from 1.
    std::optional<Encryption> encryption;
  };
  using ById = std::map<std::string, PartRecord, std::less<>>;

  // With `staged`, the staged blocks are taken from there; else each is got, and so guarded.
  Task<Named> resolve(Transaction& transaction, const ById* staged) {
    Catalog rows(transaction);
    Named named;
    CO_TRY(const auto bucket, co_await rows.get<BucketRecord>(bucket_key(name_.bucket)));
    if (!bucket) co_return fail(ErrorCode::no_such_bucket, name_.bucket);
    CO_TRY(named.set, co_await rows.get<UploadRecord>(set_row()));
    if (named.set && named.set->bucket_id != bucket->id) named.set.reset();
    CO_TRY(auto head, co_await transaction.get(object_key(name_)));
    named.head = std::move(head).value_or(std::string());
    ById committed;
    Ways ways;
    if (named.set) ways.staged = named.set->encryption;
    if (!named.head.empty()) {
      CO_TRY(const auto record, decode_row<ObjectRecord>(object_key(name_), named.head));
      if (record.info.kind != ObjectKind::block) co_return fail(ErrorCode::kind_mismatch, "not a block object");
      ways.committed = record.info.encryption;
    }
    if (!named.head.empty() && wants_committed()) {
      CO_TRY(committed, co_await committed_of(named.head));
    }
    for (const BlockClaim& claim : options_.blocks) {
      std::optional<PartRecord> part;
      if (claim.source != BlockSource::committed && named.set) {
        if (staged != nullptr) {
          const auto found = staged->find(claim.id);
          if (found != staged->end()) part = found->second;
        } else {
          CO_TRY(part, co_await rows.get<PartRecord>(block_key(named.set->blocks, claim.id)));
        }
      }
      if (part) ways.names_staged = true;
      if (!part && claim.source != BlockSource::uncommitted) {
        const auto found = committed.find(claim.id);
        if (found != committed.end()) part = found->second;
        ways.names_committed = true;
      }
      if (!part) co_return fail(ErrorCode::invalid_part, "a block of the list is not there");
      part->info.block_id = claim.id;
      part->info.number = static_cast<std::uint32_t>(named.parts.size() + 1);
      named.parts.push_back(std::move(*part));
    }
    CO_TRY(named.encryption, encryption_of(ways, bucket->settings));
    co_return named;
  }

  /// How the blocks that a list may name are encrypted, and which it does.
  struct Ways {
    std::optional<Encryption> staged;
    std::optional<Encryption> committed;
    bool names_staged = false;
    bool names_committed = false;
  };

  // How the object will be: as its blocks are, to which the sender must have the key.
  Result<std::optional<Encryption>> encryption_of(const Ways& ways, const BucketSettings& bucket) const {
    if (!ways.names_staged && !ways.names_committed) {
      TRY(const auto key, new_object_key(keys_, {.choice = {}, .customer_key = options_.customer_key}, bucket));
      return key ? std::optional(key->encryption) : std::nullopt;
    }
    const auto& way = ways.names_staged ? ways.staged : ways.committed;
    TRY(const auto key, open_object_key(keys_, way, options_.customer_key));
    if (!ways.names_staged || !ways.names_committed || ways.staged == ways.committed) return way;
    const auto other = open_object_key(keys_, ways.committed, options_.customer_key);
    const bool same = other && *other && key && key->equals(**other);
    if (same) return way;
    return fail(ErrorCode::not_implemented,
                "The blocks of the blob as it is are encrypted in another way than those that are staged.");
  }

  bool wants_committed() const {
    return std::ranges::any_of(options_.blocks,
                               [](const BlockClaim& claim) { return claim.source != BlockSource::uncommitted; });
  }

  // A replaced object's rows may be gone: then the transaction cannot commit either.
  Task<ById> committed_of(const std::string& head) {
    ById blocks;
    CO_TRY(const auto record, decode_row<ObjectRecord>(object_key(name_), head));
    const auto* manifest = std::get_if<Manifest>(&record.content);
    if (manifest == nullptr) co_return blocks;
    for (std::size_t i = 0; i < manifest->rows.size(); ++i) {
      CO_TRY(auto parts, co_await read_row(backend_.index, *manifest, i));
      if (!parts) co_return fail(ErrorCode::conflict, "the object was replaced");
      for (auto& part : *parts) blocks.insert_or_assign(Blocks::id_of(part.info), std::move(part));
    }
    co_return blocks;
  }

  Task<ById> staged_of(Transaction& transaction) {
    ById blocks;
    CO_TRY(const auto set, co_await Catalog(transaction).get<UploadRecord>(set_row()));
    if (!set) co_return blocks;
    Cursor cursor(transaction, keys_with(parts_prefix(set->blocks)));
    for (;; cursor.pop()) {
      CO_TRY(const Entry* row, co_await cursor.peek());
      if (row == nullptr) co_return blocks;
      CO_TRY(auto part, decode_row<PartRecord>(row->key, row->value));
      std::string id = part.info.block_id;
      blocks.insert_or_assign(std::move(id), std::move(part));
    }
  }

  // Nothing: it is too large for one commit.
  Task<std::optional<ObjectInfo>> make_at_once() {
    if (options_.blocks.size() > kBlocksAtOnce) co_return std::optional<ObjectInfo>{};
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    CO_TRY(Named named, co_await resolve(*transaction, nullptr));
    CO_TRY(auto info, describe(options_, named.parts, named.encryption));
    std::size_t slice_count = 0;
    for (const auto& part : named.parts) slice_count += part.slices.size();
    ObjectRecord record{.info = std::move(info), .content = {}, .upload_id = {}};
    if (!named.parts.empty()) {
      auto packed = pack(new_id(clock_.now()), named.parts);
      if (packed.size > kSizeAtOnce || slice_count > kSlicesAtOnce) co_return std::optional<ObjectInfo>{};
      for (auto& [key, value] : packed.rows) transaction->put(std::move(key), std::move(value));
      record.content = std::move(packed.manifest);
    }
    for (const auto& part : named.parts) {
      for (const auto& slice : part.slices) references.add(slice);
    }
    co_return co_await finish(rows, references, named.set, record);
  }

  Task<std::optional<ObjectInfo>> finish(Catalog& rows, References& references, const std::optional<UploadRecord>& set,
                                         ObjectRecord& record) {
    CO_TRY(const auto bucket, co_await claim_bucket(rows, name_.bucket));
    CO_TRY(co_await install(rows, references, clock_.now(), name_, bucket->settings, options_.conditions, record));
    CO_TRY(co_await references.apply(rows));
    if (set) {
      rows.erase(set_row());
      rows.put(upload_garbage_key(set->blocks), UploadGarbage{});
    }
    CO_TRY(co_await rows.transaction().commit());
    reclaimer_.wake();
    co_return record.info;
  }

  // A long list is resolved once. Then the rows of the manifest are written, some in
  // each commit, each only if the blocks in it are still what they were. Nothing: they
  // are not, and all begins anew.
  Task<std::optional<ObjectInfo>> make_in_steps() {
    const auto reading = reclaimer_.enter();
    const auto snapshot = backend_.index.begin();
    CO_TRY(const ById staged, co_await staged_of(*snapshot));
    CO_TRY(const Named named, co_await resolve(*snapshot, &staged));
    CO_TRY(co_await check_early(backend_.index, clock_.now(), name_, options_.conditions));
    CO_TRY(auto info, describe(options_, named.parts, named.encryption));

    const Building building(reclaimer_, new_id(clock_.now()));
    auto begin = [&] { return begin_building(building); };
    CO_TRY(co_await retry_conflicts(begin));
    auto packed = pack(building.id(), named.parts);
    for (std::size_t at = 0; at < packed.rows.size(); at += kRowsAtOnce) {
      const auto count = std::min(kRowsAtOnce, packed.rows.size() - at);
      auto attempt = [&] { return write_rows(building, named, std::span(packed.rows).subspan(at, count)); };
      CO_TRY(const bool written, co_await retry_conflicts(attempt));
      if (!written) co_return std::optional<ObjectInfo>{};
    }
    ObjectRecord record{.info = std::move(info), .content = std::move(packed.manifest), .upload_id = {}};
    auto attempt = [&] { return finish_building(building, named, record); };
    co_return co_await retry_conflicts(attempt);
  }

  Task<> begin_building(const Building& building) {
    const auto transaction = backend_.index.begin();
    Catalog(*transaction).put(manifest_garbage_key(building.id()), building.row(/*owned=*/true));
    co_return co_await transaction->commit();
  }

  Task<> check_marked(Catalog& rows, const Building& building) {
    CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(manifest_garbage_key(building.id())));
    if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the commit away");
    co_return done;
  }

  Task<bool> write_rows(const Building& building, const Named& named, std::span<const Entry> entries) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    CO_TRY(co_await check_marked(rows, building));
    CO_TRY(const bool same, co_await is_same(rows, named));
    if (!same) co_return false;
    for (const auto& [key, value] : entries) {
      CO_TRY(const auto row, decode_row<ManifestRecord>(key, value));
      for (const auto& part : row.parts) {
        CO_TRY(const bool there, co_await is_there(rows, named, part));
        if (!there) co_return false;
        for (const auto& slice : part.slices) references.add(slice);
      }
      transaction->put(key, value);
    }
    CO_TRY(co_await references.apply(rows));
    CO_TRY(co_await transaction->commit());
    co_return true;
  }

  // The object and the set of staged blocks are those that were read.
  Task<bool> is_same(Catalog& rows, const Named& named) {
    CO_TRY(const auto head, co_await rows.transaction().get(object_key(name_)));
    CO_TRY(const auto set, co_await rows.get<UploadRecord>(set_row()));
    const bool same_set = named.set ? set && set->blocks == named.set->blocks : true;
    co_return same_set&& head.value_or(std::string()) == named.head;
  }

  // Is the block still staged as it was, where it is a staged one? One of the object is,
  // as the object is the same.
  Task<bool> is_there(Catalog& rows, const Named& named, const PartRecord& part) {
    const BlockClaim& claim = options_.blocks[part.info.number - 1];
    if (claim.source == BlockSource::committed || !named.set) co_return true;
    CO_TRY(const auto staged, co_await rows.get<PartRecord>(block_key(named.set->blocks, claim.id)));
    // Of the object, then; unless it has been staged since.
    if (!staged) co_return claim.source == BlockSource::latest;
    co_return staged->slices == part.slices;
  }

  Task<std::optional<ObjectInfo>> finish_building(const Building& building, const Named& named, ObjectRecord& record) {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    References references;
    CO_TRY(co_await check_marked(rows, building));
    CO_TRY(const bool same, co_await is_same(rows, named));
    if (!same) co_return std::optional<ObjectInfo>{};
    rows.erase(manifest_garbage_key(building.id()));
    co_return co_await finish(rows, references, named.set, record);
  }

  Backend backend_;
  Reclaimer& reclaimer_;
  const Clock& clock_;
  const KeyRing& keys_;
  const ObjectName& name_;
  const BlockCommit& options_;
};

}  // namespace

Task<ObjectInfo> Blocks::commit(const RequestContext&, const ObjectName& name, const BlockCommit& options) {
  CO_TRY(check_name(name));
  if (options.blocks.size() > kCountMax) co_return fail(ErrorCode::invalid_part, "an object has 50000 blocks at most");
  co_return co_await BlockCommitting(backend_, reclaimer_, clock_, keys_, name, options).make();
}

}  // namespace sluice::object

#include "gateway/object/blocks.h"

#include <algorithm>

#include "gateway/object/content.h"
#include "gateway/object/current.h"
#include "gateway/object/cursor.h"
#include "gateway/object/ids.h"
#include "gateway/object/install.h"
#include "gateway/object/manifest.h"
#include "gateway/object/references.h"
#include "gateway/object/retry.h"
#include "gateway/object/staging.h"

namespace sluice::object {
namespace {

constexpr std::size_t kSweepPage = 500;

Result<> check_id(const std::string& id) {
  if (!id.empty() && id.size() <= Blocks::kIdSizeMax) return done;
  return fail(ErrorCode::invalid_block, "a block id has 1 to 64 bytes");
}

Result<ByteRange> range_within(std::optional<ByteRange> range, std::uint64_t size) {
  if (!range) return ByteRange{0, size};
  if (range->length == 0 || range->offset >= size || range->length > size - range->offset) {
    return fail(ErrorCode::range_not_satisfiable, std::to_string(size));
  }
  return *range;
}

Conditions holding(const std::optional<std::string>& lease) {
  Conditions conditions;
  conditions.lease = lease;
  return conditions;
}

std::optional<Encryption> encryption_of(const std::optional<ObjectKey>& key) {
  return key ? std::optional(key->encryption) : std::nullopt;
}

// An empty set of blocks, whose first has that id.
UploadRecord new_set(const BucketRecord& bucket, const std::string& id, const std::optional<ObjectKey>& key,
                     UtcTime now) {
  UploadRecord set;
  set.bucket_id = bucket.id;
  set.begun = now;
  set.blocks = new_upload_id(now);
  set.block_id_size = static_cast<std::uint32_t>(id.size());
  set.encryption = encryption_of(key);
  return set;
}

}  // namespace

std::string Blocks::id_of(const PartInfo& part) {
  if (!part.block_id.empty()) return part.block_id;
  std::string number = std::to_string(part.number);
  return "part" + std::string(6 - std::min<std::size_t>(number.size(), 6), '0') + number;
}

/// A block on its way: its bytes are in extents of its own, or shared with an object.
struct Blocks::Staged {
  const ObjectName& name;
  const BlockOptions& options;
  std::optional<ObjectKey> key;  ///< What the bytes are to be encrypted with.
  PartRecord record;
  std::string md5;  ///< Of the bytes; the record may have another.
  StoredBody body;

  struct Source {
    const BlockCopy& copy;
    Reclaimer::Reading reading;
    const CurrentRow* current = nullptr;
  };
  std::optional<Source> source;  ///< Of a copy.
};

PartInfo Blocks::told(const Staged& staged) {
  auto info = staged.record.info;
  info.md5 = staged.md5;
  if (staged.key) info.encryption = EncryptionChoice{staged.key->encryption.mode, staged.key->encryption.master};
  return info;
}

Result<std::optional<ObjectKey>> Blocks::key_of(const UploadRecord& set,
                                                const std::optional<SecretKey>& customer_key) const {
  TRY(const auto key, open_object_key(keys_, set.encryption, customer_key));
  if (!key) return std::optional<ObjectKey>{};
  return ObjectKey{*key, *set.encryption};
}

// The key of the object as it is, where that is encrypted as wanted, so that its blocks can
// be named beside those that are staged; else another.
Result<std::optional<ObjectKey>> Blocks::key_beside(const std::optional<ObjectRecord>& head,
                                                    const EncryptionRequest& request,
                                                    const BucketSettings& bucket) const {
  EncryptionRequest asked = request;
  if (asked.empty()) {
    TRY(asked.choice, parse_encryption_setting(bucket.encryption));
  }
  const auto has = head ? head->info.encryption : std::nullopt;
  if (asked.empty() || !has) return new_object_key(keys_, asked, bucket);
  const auto mode = asked.customer_key ? EncryptionMode::customer : asked.choice->mode;
  const auto key = has->mode == mode ? open_object_key(keys_, has, asked.customer_key)
                                     : Result<std::optional<SecretKey>>(std::nullopt);
  if (!key || !*key) return new_object_key(keys_, asked, bucket);
  TRY(auto encryption, rewrap(keys_, **key, asked));
  return ObjectKey{**key, std::move(encryption)};
}

// Nothing: the blocks of that name are plain.
Task<std::optional<ObjectKey>> Blocks::find_key(const ObjectName& name, const std::string& id,
                                                const BucketRecord& bucket,
                                                const std::optional<SecretKey>& customer_key) {
  const auto key = upload_key(name, kBlocksUpload);
  CO_TRY(const auto row, co_await backend_.index.get(key));
  if (row) {
    CO_TRY(const auto set, decode_row<UploadRecord>(key, *row));
    if (set.bucket_id == bucket.id) co_return key_of(set, customer_key);
  }
  if (!customer_key && bucket.settings.encryption.empty()) co_return std::optional<ObjectKey>{};
  auto attempt = [&] { return begin_set(name, id, customer_key); };
  co_return co_await retry_conflicts(attempt);
}

// What is encrypted has its set before its first block is there: blocks that come
// together then have one key.
Task<std::optional<ObjectKey>> Blocks::begin_set(const ObjectName& name, const std::string& id,
                                                 const std::optional<SecretKey>& customer_key) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  const auto row = upload_key(name, kBlocksUpload);
  CO_TRY(const auto bucket, co_await claim_bucket(rows, name.bucket));
  CO_TRY(const auto head, co_await rows.get<ObjectRecord>(object_key(name)));
  CO_TRY(const auto set, co_await rows.get<UploadRecord>(row));
  if (set && set->bucket_id == bucket->id) co_return key_of(*set, customer_key);
  if (set) rows.put(upload_garbage_key(set->blocks), UploadGarbage{});
  CO_TRY(auto key, key_beside(head, {.choice = {}, .customer_key = customer_key}, bucket->settings));
  rows.put(row, new_set(*bucket, id, key, clock_.now()));
  CO_TRY(co_await transaction->commit());
  co_return std::move(key);
}

Task<PartInfo> Blocks::stage(const RequestContext&, const ObjectName& name, const std::string& id, DigestSource& body,
                             const BlockOptions& options) {
  CO_TRY(check_name(name));
  CO_TRY(check_id(id));
  CO_TRY(const auto bucket, co_await check_early(backend_.index, clock_.now(), name, holding(options.lease)));
  CO_TRY(auto key, co_await find_key(name, id, *bucket, options.customer_key));
  Staged staged{
      .name = name, .options = options, .key = std::move(key), .record = {}, .md5 = {}, .body = {}, .source = {}};
  staged.record.info.block_id = id;
  body.take(DigestAlgorithm::md5);
  body.take(DigestAlgorithm::crc64nvme);
  CO_TRY(co_await store(staged, body));
  co_return co_await keep(staged);
}

Task<PartInfo> Blocks::stage_copy(const RequestContext&, const ObjectName& name, const std::string& id,
                                  const BlockCopy& copy, const BlockOptions& options) {
  CO_TRY(check_name(name));
  CO_TRY(check_name(copy.from));
  CO_TRY(check_id(id));
  CO_TRY(const auto bucket, co_await check_early(backend_.index, clock_.now(), name, holding(options.lease)));
  CO_TRY(auto key, co_await find_key(name, id, *bucket, options.customer_key));
  Staged staged{.name = name,
                .options = options,
                .key = std::move(key),
                .record = {},
                .md5 = {},
                .body = {},
                .source = Staged::Source{copy, reclaimer_.enter()}};
  staged.record.info.block_id = id;
  auto use = [&](const CurrentRow& current) {
    staged.source->current = &current;
    return stage_current(staged);
  };
  co_return co_await with_current(backend_.index, copy.from, copy.which, use);
}

// Reads `body` to its end, and says in the record what it is and where.
Task<> Blocks::store(Staged& staged, DigestSource& body) {
  ContentEncryption encryption(body, staged.key);
  CO_TRY(staged.body, co_await store_body(backend_, reclaimer_, encryption.source(), {.size_max = kSizeMax}));
  staged.record.slices = staged.body.slices();
  staged.record.seal = encryption.seal(staged.body.size);
  describe(staged, body);
  co_return done;
}

void Blocks::describe(Staged& staged, const DigestSource& body) {
  auto& info = staged.record.info;
  info.size = body.size();
  staged.md5 = body.digest(DigestAlgorithm::md5)->bytes;
  info.md5 = shown_md5(staged.key, staged.md5);
  info.checksum = body.digest(DigestAlgorithm::crc64nvme);
}

// Nothing: the source was replaced meanwhile.
Task<std::optional<PartInfo>> Blocks::stage_current(Staged& staged) {
  const ObjectRecord& source = staged.source->current->record;
  const BlockCopy& copy = staged.source->copy;
  CO_TRY(const auto decryption, decryption_of(keys_, source.info.encryption, source.seal, copy.customer_key));
  CO_TRY(check_source(copy.conditions, source.info));
  CO_TRY(check_not_following(source.info));
  if (source.info.is_archived(clock_.now())) co_return fail(ErrorCode::archived);
  CO_TRY(check_lease(copy.conditions.lease, source.info.lease, clock_.now()));
  CO_TRY(const auto resolved, range_within(copy.range, source.info.size));
  if (resolved.length > kSizeMax) co_return fail(ErrorCode::entity_too_large, std::to_string(resolved.length));
  CO_TRY(const bool shared, co_await share(staged, decryption, resolved));
  if (!shared) co_return std::optional<PartInfo>{};
  auto attempt = [&] { return keep_once(staged); };
  CO_TRY(const bool kept, co_await retry_conflicts(attempt));
  if (!kept) co_return std::optional<PartInfo>{};
  staged.body.keep();
  co_return told(staged);
}

// Fills in slices and digests; the bytes are written anew where there is nothing to
// share, or too much of it, or where they are encrypted. False: the source was replaced.
Task<bool> Blocks::share(Staged& staged, const Decryption& decryption, ByteRange range) {
  const ObjectRecord& source = staged.source->current->record;
  staged.body = StoredBody{};
  CO_TRY(auto opened, co_await open_content(backend_, staged.source->reading, source.content, decryption, range));
  if (!opened) co_return false;
  ChunkSource chunk(opened->content);
  DigestSource body(opened->body ? *opened->body : chunk);
  body.take(DigestAlgorithm::md5);
  body.take(DigestAlgorithm::crc64nvme);
  if (const auto& expected = staged.source->copy.expected) body.expect(*expected);
  std::optional<std::vector<Slice>> slices;
  const bool encrypted = decryption.key || staged.key;
  if (!encrypted && is_of_slices(source.content) && range.length != 0) {
    CO_TRY(slices, co_await slices_in(backend_.index, source.content, range));
    if (!slices) co_return false;
  }
  if (!slices || slices->size() > kSlicesMax) {
    CO_TRY(co_await store(staged, body));
    co_return true;
  }
  staged.record.slices = std::move(*slices);
  staged.record.seal.reset();
  for (;;) {
    CO_TRY(const Chunk read, co_await body.read());
    if (read.empty()) break;
  }
  describe(staged, body);
  co_return true;
}

Task<PartInfo> Blocks::keep(Staged& staged) {
  auto attempt = [&] { return keep_once(staged); };
  CO_TRY(co_await retry_conflicts(attempt));
  staged.body.keep();
  co_return told(staged);
}

// False: the source of a copy is not what it was. Blocks of one key do not get in each
// other's way: the row of their set is only got, once it is there and not marked.
Task<bool> Blocks::keep_once(Staged& staged) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  const std::string& id = staged.record.info.block_id;
  const auto key = upload_key(staged.name, kBlocksUpload);
  const auto now = clock_.now();
  CO_TRY(const auto bucket, co_await rows.get<BucketRecord>(bucket_key(staged.name.bucket)));
  if (!bucket) co_return fail(ErrorCode::no_such_bucket, staged.name.bucket);
  CO_TRY(const auto head, co_await rows.get<ObjectRecord>(object_key(staged.name)));
  CO_TRY(check_lease_for_write(staged.options.lease, lease_of(head), now));
  if (head && head->info.kind != ObjectKind::block) co_return fail(ErrorCode::kind_mismatch, "not a block object");
  CO_TRY(auto set, co_await rows.get<UploadRecord>(key));
  // A set of an earlier bucket of the name is as good as none; its rows are the reclaimer's.
  const bool fresh = !set || set->bucket_id != bucket->id;
  if (fresh && set) rows.put(upload_garbage_key(set->blocks), UploadGarbage{});
  if (fresh) set = new_set(*bucket, id, staged.key, now);
  if (set->block_id_size != id.size()) {
    co_return fail(ErrorCode::invalid_block, "the ids of an object's blocks have one length");
  }
  // Another set was begun while the bytes came: they cannot be of it.
  if (set->encryption != encryption_of(staged.key)) {
    co_return fail(ErrorCode::unavailable, "the blocks of this key were begun anew under another key");
  }
  if (fresh || !set->commit.empty()) {
    set->commit.clear();
    rows.put(key, *set);
  }
  if (staged.source) {
    CO_TRY(const auto row, co_await transaction->get(staged.source->current->key));
    if (!row || *row != staged.source->current->row->bytes()) co_return false;
  }

  staged.record.info.number = 1;
  staged.record.info.modified = now;
  const auto where = block_key(set->blocks, id);
  CO_TRY(const auto replaced, co_await rows.get<PartRecord>(where));
  rows.put(where, staged.record);
  if (replaced) references.drop(replaced->slices);
  for (const auto& extent : staged.body.extents) references.adopt(extent.extent());
  if (staged.body.extents.empty()) {
    for (const auto& slice : staged.record.slices) references.add(slice);
  }
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (replaced || fresh) reclaimer_.wake();
  co_return true;
}

namespace {

/// The row of a key's staged blocks; nothing where there are none.
Task<std::optional<UploadRecord>> find_set(Transaction& transaction, const ObjectName& name) {
  Catalog rows(transaction);
  CO_TRY(const auto bucket, co_await rows.get<BucketRecord>(bucket_key(name.bucket)));
  if (!bucket) co_return fail(ErrorCode::no_such_bucket, name.bucket);
  CO_TRY(auto set, co_await rows.get<UploadRecord>(upload_key(name, kBlocksUpload)));
  if (set && set->bucket_id != bucket->id) set.reset();
  co_return std::move(set);
}

// Nothing: a row of the manifest is gone, because the object was replaced.
Task<std::optional<std::vector<BlockInfo>>> committed_in(Index& index, const Content& content) {
  std::vector<BlockInfo> blocks;
  const auto* manifest = std::get_if<Manifest>(&content);
  if (manifest == nullptr) co_return blocks;
  for (std::size_t i = 0; i < manifest->rows.size(); ++i) {
    CO_TRY(const auto parts, co_await read_row(index, *manifest, i));
    if (!parts) co_return std::optional<std::vector<BlockInfo>>{};
    for (const auto& part : *parts) blocks.push_back({Blocks::id_of(part.info), part.info.size});
  }
  co_return blocks;
}

Task<std::vector<BlockInfo>> uncommitted_in(Transaction& transaction, const UploadRecord& set) {
  std::vector<BlockInfo> blocks;
  Cursor cursor(transaction, keys_with(parts_prefix(set.blocks)));
  for (;; cursor.pop()) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) co_return blocks;
    CO_TRY(const auto part, decode_row<PartRecord>(row->key, row->value));
    blocks.push_back({part.info.block_id, part.info.size});
  }
}

}  // namespace

Task<BlockLists> Blocks::list(const RequestContext&, const ObjectName& name, const Which& which) {
  CO_TRY(check_name(name));
  BlockLists lists;
  const auto reading = reclaimer_.enter();
  const auto transaction = backend_.index.begin();
  CO_TRY(const auto set, co_await find_set(*transaction, name));
  if (set && which.current()) {
    CO_TRY(lists.uncommitted, co_await uncommitted_in(*transaction, *set));
  }
  auto use = [&](const CurrentRow& current) -> Task<std::optional<bool>> {
    CO_TRY(auto committed, co_await committed_in(backend_.index, current.record.content));
    if (!committed) co_return std::optional<bool>{};
    lists.object = current.record.info;
    lists.committed = std::move(*committed);
    co_return true;
  };
  const auto found = co_await with_current(backend_.index, name, which, use);
  if (!found && (found.error().code != ErrorCode::no_such_object || lists.uncommitted.empty()))
    co_return std::unexpected(found.error());
  co_return lists;
}

Task<> Blocks::discard(const RequestContext&, const ObjectName& name) {
  CO_TRY(check_name(name));
  const auto key = upload_key(name, kBlocksUpload);
  CO_TRY(const auto row, co_await backend_.index.get(key));
  if (!row) co_return done;
  auto attempt = [&] { return discard_once(name); };
  CO_TRY(co_await retry_conflicts(attempt));
  reclaimer_.wake();
  co_return done;
}

Task<> Blocks::discard_once(const ObjectName& name) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  const auto key = upload_key(name, kBlocksUpload);
  CO_TRY(const auto set, co_await rows.get<UploadRecord>(key));
  if (!set) co_return done;
  rows.erase(key);
  rows.put(upload_garbage_key(set->blocks), UploadGarbage{});
  co_return co_await transaction->commit();
}

// Whether a set is old is a decision from a scan, which no commit guards. So the set is
// marked first; whoever stages a block takes the mark away, and the set stays.
Task<bool> Blocks::expire_once(const ObjectName& name) {
  const auto key = upload_key(name, kBlocksUpload);
  const auto marking = backend_.index.begin();
  Catalog marked_rows(*marking);
  CO_TRY(auto set, co_await marked_rows.get<UploadRecord>(key));
  if (!set || set->begun + kKept > clock_.now()) co_return false;
  const auto mark = set->commit = new_id(clock_.now());
  marked_rows.put(key, *set);
  CO_TRY(co_await marking->commit());

  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(const auto still, co_await rows.get<UploadRecord>(key));
  if (!still || still->commit != mark) co_return false;
  Cursor cursor(*transaction, keys_with(parts_prefix(set->blocks)));
  for (;; cursor.pop()) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) break;
    CO_TRY(const auto part, decode_row<PartRecord>(row->key, row->value));
    if (part.info.modified + kKept > clock_.now()) co_return false;
  }
  rows.erase(key);
  rows.put(upload_garbage_key(set->blocks), UploadGarbage{});
  CO_TRY(co_await transaction->commit());
  co_return true;
}

Task<std::uint64_t> Blocks::expire() {
  std::uint64_t count = 0;
  KeyRange range = keys_with(rows::kUploads);
  for (;;) {
    const auto transaction = backend_.index.begin();
    CO_TRY(const auto page, co_await transaction->scan(range, kSweepPage));
    for (const auto& [key, value] : page) {
      const auto name = upload_of_key(key);
      if (!name || name->upload_id != kBlocksUpload) continue;
      auto attempt = [&] { return expire_once(name->object); };
      CO_TRY(const bool expired, co_await retry_conflicts(attempt));
      if (expired) ++count;
    }
    if (page.size() < kSweepPage) break;
    range.begin = page.back().key + '\0';
  }
  if (count != 0) reclaimer_.wake();
  co_return count;
}

}  // namespace sluice::object

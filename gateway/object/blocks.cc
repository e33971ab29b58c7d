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

// Blocks are staged as they come: what must be encrypted is refused, never kept in the clear.
constexpr const char* kNotEncrypted = "Blocks are neither encrypted nor taken from what is encrypted.";

Result<> check_plain(const BucketRecord& bucket) {
  if (bucket.settings.encryption.empty()) return done;
  return fail(ErrorCode::not_implemented, kNotEncrypted);
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

void describe(PartRecord& part, const DigestSource& body) {
  part.info.size = body.size();
  part.info.md5 = body.digest(DigestAlgorithm::md5)->bytes;
  part.info.checksum = body.digest(DigestAlgorithm::crc64nvme);
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
  PartRecord record;
  StoredBody body;

  struct Source {
    const ObjectName& name;
    const Conditions& conditions;
    Reclaimer::Reading reading;
    const CurrentRow* current = nullptr;
  };
  std::optional<Source> source;             ///< Of a copy.
  std::optional<Digest> expected;           ///< Of a copy.
  const std::optional<std::string>& lease;  ///< Which the sender holds.
};

Task<PartInfo> Blocks::stage(const RequestContext&, const ObjectName& name, const std::string& id, DigestSource& body,
                             const std::optional<std::string>& lease) {
  CO_TRY(check_name(name));
  CO_TRY(check_id(id));
  CO_TRY(const auto bucket, co_await check_early(backend_.index, clock_.now(), name, holding(lease)));
  CO_TRY(check_plain(bucket));
  body.take(DigestAlgorithm::md5);
  body.take(DigestAlgorithm::crc64nvme);
  Staged staged{.name = name, .record = {}, .body = {}, .source = {}, .expected = {}, .lease = lease};
  CO_TRY(staged.body, co_await store_body(backend_, reclaimer_, body, {.size_max = kSizeMax}));
  staged.record.info.block_id = id;
  staged.record.slices = staged.body.slices();
  describe(staged.record, body);
  co_return co_await keep(staged);
}

Task<PartInfo> Blocks::stage_copy(const RequestContext&, const ObjectName& name, const std::string& id,
                                  const ObjectName& from, const Conditions& source_conditions,
                                  std::optional<ByteRange> range, const std::optional<Digest>& expected,
                                  const std::optional<std::string>& lease, const Which& which) {
  CO_TRY(check_name(name));
  CO_TRY(check_name(from));
  CO_TRY(check_id(id));
  CO_TRY(const auto bucket, co_await check_early(backend_.index, clock_.now(), name, holding(lease)));
  CO_TRY(check_plain(bucket));
  Staged staged{.name = name,
                .record = {},
                .body = {},
                .source = Staged::Source{from, source_conditions, reclaimer_.enter()},
                .expected = expected,
                .lease = lease};
  staged.record.info.block_id = id;
  auto use = [&](const CurrentRow& current) {
    staged.source->current = &current;
    return stage_current(staged, range);
  };
  co_return co_await with_current(backend_.index, from, which, use);
}

// Nothing: the source was replaced meanwhile.
Task<std::optional<PartInfo>> Blocks::stage_current(Staged& staged, std::optional<ByteRange> range) {
  const ObjectRecord& source = staged.source->current->record;
  if (source.info.encryption) co_return fail(ErrorCode::not_implemented, kNotEncrypted);
  CO_TRY(check_source(staged.source->conditions, source.info));
  if (source.info.is_archived(clock_.now())) co_return fail(ErrorCode::archived);
  CO_TRY(check_lease(staged.source->conditions.lease, source.info.lease, clock_.now()));
  CO_TRY(const auto resolved, range_within(range, source.info.size));
  if (resolved.length > kSizeMax) co_return fail(ErrorCode::entity_too_large, std::to_string(resolved.length));
  CO_TRY(const bool shared, co_await share(staged, resolved));
  if (!shared) co_return std::optional<PartInfo>{};
  auto attempt = [&] { return keep_once(staged); };
  CO_TRY(const bool kept, co_await retry_conflicts(attempt));
  if (!kept) co_return std::optional<PartInfo>{};
  staged.body.keep();
  co_return staged.record.info;
}

// Fills in slices and digests; the bytes are written anew where there is nothing to
// share, or too much of it. False: the source was replaced.
Task<bool> Blocks::share(Staged& staged, ByteRange range) {
  const ObjectRecord& source = staged.source->current->record;
  staged.body = StoredBody{};
  CO_TRY(auto opened, co_await open_content(backend_, staged.source->reading, source.content, {}, range));
  if (!opened) co_return false;
  ChunkSource chunk(opened->content);
  DigestSource body(opened->body ? *opened->body : chunk);
  body.take(DigestAlgorithm::md5);
  body.take(DigestAlgorithm::crc64nvme);
  if (staged.expected) body.expect(*staged.expected);
  std::optional<std::vector<Slice>> slices;
  if (is_of_slices(source.content) && range.length != 0) {
    CO_TRY(slices, co_await slices_in(backend_.index, source.content, range));
    if (!slices) co_return false;
  }
  if (slices && slices->size() <= kSlicesMax) {
    staged.record.slices = std::move(*slices);
    for (;;) {
      CO_TRY(const Chunk read, co_await body.read());
      if (read.empty()) break;
    }
  } else {
    CO_TRY(staged.body, co_await store_body(backend_, reclaimer_, body, {}));
    staged.record.slices = staged.body.slices();
  }
  describe(staged.record, body);
  co_return true;
}

Task<PartInfo> Blocks::keep(Staged& staged) {
  auto attempt = [&] { return keep_once(staged); };
  CO_TRY(co_await retry_conflicts(attempt));
  staged.body.keep();
  co_return staged.record.info;
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
  CO_TRY(check_lease_for_write(staged.lease, lease_of(head), now));
  if (head && head->info.kind != ObjectKind::block) co_return fail(ErrorCode::kind_mismatch, "not a block object");
  CO_TRY(auto set, co_await rows.get<UploadRecord>(key));
  // A set of an earlier bucket of the name is as good as none; its rows are the reclaimer's.
  const bool fresh = !set || set->bucket_id != bucket->id;
  if (fresh && set) rows.put(upload_garbage_key(set->blocks), UploadGarbage{});
  if (fresh) {
    set.emplace();
    set->bucket_id = bucket->id;
    set->begun = now;
    set->blocks = new_upload_id(now);
    set->block_id_size = static_cast<std::uint32_t>(id.size());
  }
  if (set->block_id_size != id.size()) {
    co_return fail(ErrorCode::invalid_block, "the ids of an object's blocks have one length");
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

Task<BlockLists> Blocks::list(const RequestContext&, const ObjectName& name) {
  CO_TRY(check_name(name));
  BlockLists lists;
  const auto reading = reclaimer_.enter();
  const auto transaction = backend_.index.begin();
  CO_TRY(const auto set, co_await find_set(*transaction, name));
  if (set) {
    CO_TRY(lists.uncommitted, co_await uncommitted_in(*transaction, *set));
  }
  auto use = [&](const CurrentRow& current) -> Task<std::optional<bool>> {
    CO_TRY(auto committed, co_await committed_in(backend_.index, current.record.content));
    if (!committed) co_return std::optional<bool>{};
    lists.object = current.record.info;
    lists.committed = std::move(*committed);
    co_return true;
  };
  const auto found = co_await with_current(backend_.index, name, Which{}, use);
  if (!found && (found.error().code != ErrorCode::no_such_object || !set)) co_return std::unexpected(found.error());
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

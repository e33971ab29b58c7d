#include "gateway/object/append.h"

#include <algorithm>

#include "gateway/object/content.h"
#include "gateway/object/encryption.h"
#include "gateway/object/ids.h"
#include "gateway/object/in_place.h"
#include "gateway/object/install.h"
#include "gateway/object/manifest.h"
#include "gateway/object/retry.h"

namespace sluice::object {
namespace {

// Small bodies that a tail holds, before they are put together into one; and the
// bytes it holds, before they go to an extent.
constexpr std::size_t kTailCount = 16;
constexpr std::uint64_t kTailSizeMax = 64 * 1024;
constexpr std::uint64_t kTailInlineBodies = 4;

// Slices that the record lists, before they go to a row of their own.
constexpr std::size_t kLooseSlices = 128;

Result<> check_append(const ObjectInfo& info, const AppendOptions& options, std::uint64_t length) {
  if (info.kind != ObjectKind::append) return fail(ErrorCode::kind_mismatch, "not an append object");
  if (info.sealed) return fail(ErrorCode::sealed, "the object is sealed");
  if (options.position && *options.position != info.size) {
    return fail(ErrorCode::append_position_mismatch, std::to_string(info.size));
  }
  if (options.size_max && (info.size > *options.size_max || length > *options.size_max - info.size)) {
    return fail(ErrorCode::append_size_exceeded, std::to_string(info.size));
  }
  if (length != 0 && info.block_count >= Appends::kBlockCountMax) {
    return fail(ErrorCode::too_many_blocks, std::to_string(info.block_count));
  }
  return done;
}

ObjectInfo empty_info(const PutOptions& options) {
  ObjectInfo info;
  info.kind = ObjectKind::append;
  info.md5 = digest_of(DigestAlgorithm::md5, {}).bytes;
  info.owner = options.owner;
  info.headers = options.headers;
  info.metadata = options.metadata;
  info.acl = options.acl;
  info.tags = options.tags;
  info.protection = options.protection;
  info.checksum = Checksum{digest_of(DigestAlgorithm::crc64nvme, {}), ChecksumType::full_object};
  return info;
}

// The bytes of the tail, in this transaction.
Task<std::string> read_tail(Catalog& rows, const Appended& content) {
  std::string bytes;
  for (const auto& [body, size] : content.tail) {
    CO_TRY(const auto row, co_await rows.transaction().get(inline_key(body.id)));
    if (!row || row->size() != size || crc32c(*row) != body.crc32c) {
      co_return fail(ErrorCode::corrupt, "the tail of an append object");
    }
    bytes += *row;
  }
  co_return bytes;
}

void erase_tail(Catalog& rows, Appended& content) {
  for (const auto& small : content.tail) rows.erase(inline_key(small.body.id));
  content.tail.clear();
}

void put_tail(Catalog& rows, Appended& content, std::string bytes, UtcTime now) {
  const InlineContent body{new_id(now), crc32c(bytes)};
  content.tail.push_back({body, bytes.size()});
  rows.transaction().put(inline_key(body.id), std::move(bytes));
}

// The loose slices, into a row that never changes again. Their references stay.
void pack_slices(Catalog& rows, Appended& content, UtcTime now) {
  auto& [id, packed] = content.packed;
  if (packed.empty()) id = new_id(now);
  PartRecord run;
  run.info.number = static_cast<std::uint32_t>(packed.size() + 1);
  run.info.size = size_of(content.slices);
  run.slices = std::move(content.slices);
  content.slices.clear();
  rows.put(manifest_key(id, packed.size()), ManifestRecord{{run}});
  packed.push_back({content.packed_size() + run.info.size, run.info.number});
}

}  // namespace

/// What is appended, and what one attempt of it writes beside.
struct Appends::Addition {
  StoredBody body;
  Digest md5;
  Digest crc64nvme;
  UtcTime now;
  std::optional<StoredBody> flushed;  ///< The tail, in extents; given back where the attempt fails.
};

std::uint64_t Appends::tail_size_max() const {
  return std::min<std::uint64_t>(kTailInlineBodies * inline_size_max(backend_), kTailSizeMax);
}

Task<ObjectInfo> Appends::create(const RequestContext&, const ObjectName& name, const PutOptions& options) {
  CO_TRY(check_name(name));
  auto attempt = [&] { return create_once(name, options); };
  co_return co_await retry_conflicts(attempt);
}

Task<ObjectInfo> Appends::create_once(const ObjectName& name, const PutOptions& options) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  ObjectRecord record;
  record.info = empty_info(options);
  CO_TRY(const auto bucket, co_await claim_bucket(rows, name.bucket));
  CO_TRY(const auto setting, parse_encryption_setting(bucket.settings.encryption));
  if (setting || !options.encryption.empty()) {
    co_return fail(ErrorCode::not_implemented, "append objects are not encrypted");
  }
  if (options.owner.empty()) record.info.owner = bucket.owner;
  CO_TRY(const bool garbage,
         co_await install(rows, references, clock_.now(), name, bucket.settings, options.conditions, record));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (garbage) reclaimer_.wake();
  co_return std::move(record.info);
}

Task<AppendAnswer> Appends::append(const RequestContext&, const ObjectName& name, const AppendOptions& options,
                                   DigestSource& body) {
  CO_TRY(check_name(name));
  CO_TRY(co_await check_early(name, options, body.remaining()));
  body.take(DigestAlgorithm::md5);
  body.take(DigestAlgorithm::crc64nvme);
  const StoreLimits limits{.inline_size_max = inline_size_max(backend_), .size_max = kAppendSizeMax};
  Addition addition;
  CO_TRY(addition.body, co_await store_body(backend_, reclaimer_, body, limits));
  if (addition.body.size == 0) co_return fail(ErrorCode::invalid_argument, "there is nothing to append");
  addition.md5 = *body.digest(DigestAlgorithm::md5);
  addition.crc64nvme = *body.digest(DigestAlgorithm::crc64nvme);
  auto attempt = [&] { return append_once(name, options, addition); };
  CO_TRY(auto answer, co_await retry_conflicts(attempt));
  addition.body.keep();
  if (addition.flushed) addition.flushed->keep();
  co_return std::move(answer);
}

// Before the body is read: what will be refused anyway need not be stored.
Task<> Appends::check_early(const ObjectName& name, const AppendOptions& options, std::optional<std::uint64_t> length) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(const auto state, co_await claim_for_write(rows, name, options.conditions, clock_.now()));
  co_return check_append(state.record.info, options, length.value_or(1));
}

Task<AppendAnswer> Appends::append_once(const ObjectName& name, const AppendOptions& options, Addition& addition) {
  addition.now = clock_.now();
  addition.flushed.reset();
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  CO_TRY(auto state, co_await claim_for_write(rows, name, options.conditions, addition.now));
  auto& record = state.record;
  auto& info = record.info;
  CO_TRY(check_append(info, options, addition.body.size));
  const auto offset = info.size;

  auto content =
      std::holds_alternative<Appended>(record.content) ? std::get<Appended>(std::move(record.content)) : Appended{};
  CO_TRY(co_await add(rows, references, content, addition));
  record.content = std::move(content);
  info.size += addition.body.size;
  ++info.block_count;
  info.md5 = digest_of(DigestAlgorithm::md5, info.md5 + addition.md5.bytes).bytes;
  if (info.checksum) {
    info.checksum->digest = combine_crc(info.checksum->digest, addition.crc64nvme, addition.body.size);
  }
  revise(record, addition.now);
  CO_TRY(auto value, encode_object(record));
  transaction->put(state.key, std::move(value));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  co_return AppendAnswer{std::move(info), offset, addition.md5, addition.crc64nvme};
}

Task<> Appends::add(Catalog& rows, References& references, Appended& content, Addition& addition) {
  if (!addition.body.inline_bytes.empty()) co_return co_await add_small(rows, references, content, addition);
  if (!content.tail.empty()) {
    CO_TRY(co_await flush(rows, references, content, addition, {}));
  }
  for (auto& slice : addition.body.slices()) {
    references.adopt(slice.extent);
    content.slices.push_back(slice);
  }
  if (content.slices.size() > kLooseSlices) pack_slices(rows, content, addition.now);
  co_return done;
}

Task<> Appends::add_small(Catalog& rows, References& references, Appended& content, Addition& addition) {
  const auto& bytes = addition.body.inline_bytes;
  if (content.tail_size() + bytes.size() > tail_size_max()) {
    CO_TRY(co_await flush(rows, references, content, addition, bytes));
    if (content.slices.size() > kLooseSlices) pack_slices(rows, content, addition.now);
    co_return done;
  }
  if (content.tail.size() < kTailCount) {
    put_tail(rows, content, bytes, addition.now);
    co_return done;
  }
  CO_TRY(auto gathered, co_await read_tail(rows, content));
  erase_tail(rows, content);
  put_tail(rows, content, gathered + bytes, addition.now);
  co_return done;
}

// The tail and `more`, into an extent.
Task<> Appends::flush(Catalog& rows, References& references, Appended& content, Addition& addition,
                      std::string_view more) {
  CO_TRY(auto bytes, co_await read_tail(rows, content));
  bytes += more;
  ChunkSource source(Chunk::of(std::move(bytes)));
  CO_TRY(auto stored, co_await store_body(backend_, reclaimer_, source, {}));
  for (const auto& slice : stored.slices()) {
    references.adopt(slice.extent);
    content.slices.push_back(slice);
  }
  addition.flushed.emplace(std::move(stored));
  erase_tail(rows, content);
  co_return done;
}

Task<ObjectInfo> Appends::seal(const RequestContext&, const ObjectName& name, const Conditions& conditions,
                               std::optional<std::uint64_t> position) {
  CO_TRY(check_name(name));
  auto attempt = [&] { return seal_once(name, conditions, position); };
  co_return co_await retry_conflicts(attempt);
}

Task<ObjectInfo> Appends::seal_once(const ObjectName& name, const Conditions& conditions,
                                    std::optional<std::uint64_t> position) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  const auto now = clock_.now();
  CO_TRY(auto state, co_await claim_for_write(rows, name, conditions, now));
  auto& record = state.record;
  if (record.info.kind != ObjectKind::append) co_return fail(ErrorCode::kind_mismatch, "not an append object");
  if (position && *position != record.info.size) {
    co_return fail(ErrorCode::append_position_mismatch, std::to_string(record.info.size));
  }
  if (record.info.sealed) co_return std::move(record.info);
  record.info.sealed = true;
  revise(record, now);
  CO_TRY(auto value, encode_object(record));
  transaction->put(state.key, std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return std::move(record.info);
}

}  // namespace sluice::object

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
constexpr std::size_t kLoosePieces = 64;

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

std::uint64_t begin_of_tail(const Appended& content) { return content.packed_size() + size_of(content.slices); }

// The plain bytes of the tail, in this transaction.
Task<std::string> read_tail(Catalog& rows, const Appended& content, const std::optional<SecretKey>& key) {
  std::string bytes;
  for (const auto& [body, size, seal] : content.tail) {
    CO_TRY(auto row, co_await rows.transaction().get(inline_key(body.id)));
    const bool sound = row && row->size() == size && crc32c(*row) == body.crc32c && seal.has_value() == key.has_value();
    if (!sound) co_return fail(ErrorCode::corrupt, "the tail of an append object");
    if (key) {
      CO_TRY(row, unseal_piece(*key, *std::move(row), *seal, begin_of_tail(content) + bytes.size()));
    }
    bytes += *row;
  }
  co_return bytes;
}

void erase_tail(Catalog& rows, Appended& content) {
  for (const auto& small : content.tail) rows.erase(inline_key(small.body.id));
  content.tail.clear();
}

// Bytes as they are to be stored behind all that the object has.
void put_tail(Catalog& rows, Appended& content, std::string bytes, std::optional<Seal> seal, UtcTime now) {
  const InlineContent body{new_id(now), crc32c(bytes)};
  content.tail.push_back({body, bytes.size(), std::move(seal)});
  rows.transaction().put(inline_key(body.id), std::move(bytes));
}

// Extents behind all the slices there are; there is no tail.
void add_slices(References& references, Appended& content, const StoredBody& stored, std::optional<Seal> seal,
                const std::optional<SecretKey>& key) {
  if (key) {
    bind(*seal, *key, {begin_of_tail(content), stored.size});
    content.pieces.push_back({stored.size, *std::move(seal)});
  }
  for (auto& slice : stored.slices()) {
    references.adopt(slice.extent);
    content.slices.push_back(slice);
  }
}

// The loose slices, as parts: each what is encrypted together, or all of them.
std::vector<PartRecord> parts_of(Appended& content, std::uint32_t number) {
  std::vector<PartRecord> parts;
  std::uint64_t at = 0;
  for (auto& [size, seal] : content.pieces) {
    auto& part = parts.emplace_back();
    part.slices = cut(content.slices, {at, size});
    part.seal = std::move(seal);
    at += size;
  }
  if (parts.empty()) parts.emplace_back().slices = std::move(content.slices);
  for (auto& part : parts) {
    part.info.number = number++;
    part.info.size = size_of(part.slices);
  }
  content.slices.clear();
  content.pieces.clear();
  return parts;
}

// Into a row that never changes again. Their references stay.
void pack_slices(Catalog& rows, Appended& content, UtcTime now) {
  if (content.slices.size() <= kLooseSlices && content.pieces.size() <= kLoosePieces) return;
  auto& [id, packed] = content.packed;
  if (packed.empty()) id = new_id(now);
  const auto end = content.packed_size() + size_of(content.slices);
  ManifestRecord row{.parts = parts_of(content, packed.empty() ? 1 : packed.back().last_number + 1)};
  rows.put(manifest_key(id, packed.size()), row);
  packed.push_back({end, row.parts.back().info.number});
}

}  // namespace

/// What is appended, and what one attempt of it writes beside.
struct Appends::Addition {
  StoredBody body;
  Digest md5;
  Digest crc64nvme;
  std::optional<SecretKey> key;  ///< The object's, under which the body is encrypted,
  std::optional<Seal> seal;      ///< and how.
  UtcTime now;

  /// The body, if it is small.
  Result<std::string> plain() const {
    if (!seal) return body.inline_bytes;
    return decrypt(content_key(*key, *seal), body.inline_bytes, seal->tag);
  }
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
  CO_TRY(const auto key, new_object_key(keys_, options.encryption, bucket->settings));
  if (key) record.info.encryption = key->encryption;
  if (options.owner.empty()) record.info.owner = bucket->owner;
  CO_TRY(const bool garbage,
         co_await install(rows, references, clock_.now(), name, bucket->settings, options.conditions, record));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (garbage) reclaimer_.wake();
  co_return std::move(record.info);
}

Task<AppendAnswer> Appends::append(const RequestContext&, const ObjectName& name, const AppendOptions& options,
                                   DigestSource& body) {
  CO_TRY(check_name(name));
  Addition addition;
  CO_TRY(addition.key, co_await check_early(name, options, body.remaining()));
  body.take(DigestAlgorithm::md5);
  body.take(DigestAlgorithm::crc64nvme);
  const StoreLimits limits{.inline_size_max = inline_size_max(backend_), .size_max = kAppendSizeMax};
  ContentEncryption encryption(body, addition.key);
  CO_TRY(addition.body, co_await store_body(backend_, reclaimer_, encryption.source(), limits));
  addition.seal = encryption.seal(addition.body.size);
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
Task<std::optional<SecretKey>> Appends::check_early(const ObjectName& name, const AppendOptions& options,
                                                    std::optional<std::uint64_t> length) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(const auto state, co_await claim_for_write(rows, name, options.conditions, clock_.now()));
  const auto& info = state.record.info;
  CO_TRY(check_append(info, options, length.value_or(1)));
  co_return open_object_key(keys_, info.encryption, options.customer_key);
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
  CO_TRY(check_same_key(keys_, info.encryption, options.customer_key, addition.key));
  const auto offset = info.size;

  auto content =
      std::holds_alternative<Appended>(record.content) ? std::get<Appended>(std::move(record.content)) : Appended{};
  CO_TRY(co_await add(rows, references, content, addition));
  record.content = std::move(content);
  info.size += addition.body.size;
  ++info.block_count;
  info.md5 =
      digest_of(DigestAlgorithm::md5, info.md5 + shown_md5(addition.key, info.encryption, addition.md5.bytes)).bytes;
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
  add_slices(references, content, addition.body, addition.seal, addition.key);
  pack_slices(rows, content, addition.now);
  co_return done;
}

Task<> Appends::add_small(Catalog& rows, References& references, Appended& content, Addition& addition) {
  const auto& bytes = addition.body.inline_bytes;
  if (content.tail_size() + bytes.size() > tail_size_max()) {
    CO_TRY(const auto plain, addition.plain());
    CO_TRY(co_await flush(rows, references, content, addition, plain));
    pack_slices(rows, content, addition.now);
    co_return done;
  }
  if (content.tail.size() < kTailCount) {
    auto bound = addition.seal;
    if (bound) bind(*bound, *addition.key, {content.size(), bytes.size()});
    put_tail(rows, content, bytes, std::move(bound), addition.now);
    co_return done;
  }
  CO_TRY(auto gathered, co_await read_tail(rows, content, addition.key));
  CO_TRY(const auto plain, addition.plain());
  gathered += plain;
  erase_tail(rows, content);
  std::optional<Seal> anew;
  if (addition.key) anew = seal_piece(*addition.key, gathered, begin_of_tail(content));
  put_tail(rows, content, std::move(gathered), std::move(anew), addition.now);
  co_return done;
}

// The tail and `more`, which are plain, into an extent.
Task<> Appends::flush(Catalog& rows, References& references, Appended& content, Addition& addition,
                      std::string_view more) {
  CO_TRY(auto bytes, co_await read_tail(rows, content, addition.key));
  bytes += more;
  ChunkSource source(Chunk::of(std::move(bytes)));
  ContentEncryption encryption(source, addition.key);
  CO_TRY(auto stored, co_await store_body(backend_, reclaimer_, encryption.source(), {}));
  erase_tail(rows, content);
  add_slices(references, content, stored, encryption.seal(stored.size), addition.key);
  addition.flushed.emplace(std::move(stored));
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

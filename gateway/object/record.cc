#include "gateway/object/record.h"

#include <limits>

#include "gateway/core/cipher.h"
#include "gateway/core/index.h"
#include "gateway/object/codec.h"
#include "gateway/object/outline.h"

namespace sluice::object {
namespace {

constexpr std::uint8_t kVersion = 1;

std::unexpected<Error> corrupt(const char* what) { return fail(ErrorCode::corrupt, what); }

std::uint64_t time_number(UtcTime time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }

UtcTime time_of(std::uint64_t number) { return UtcTime(std::chrono::milliseconds(static_cast<std::int64_t>(number))); }

std::string encode_headers(const ContentHeaders& headers) {
  return Encoder()
      .bytes(1, headers.type)
      .bytes(2, headers.cache_control)
      .bytes(3, headers.disposition)
      .bytes(4, headers.encoding)
      .bytes(5, headers.language)
      .bytes(6, headers.expires)
      .bytes(7, headers.redirect_location)
      .bytes(8, headers.md5)
      .take();
}

bool decode_headers(std::string_view bytes, ContentHeaders& headers) {
  Decoder in(bytes);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        headers.type = in.bytes();
        break;
      case 2:
        headers.cache_control = in.bytes();
        break;
      case 3:
        headers.disposition = in.bytes();
        break;
      case 4:
        headers.encoding = in.bytes();
        break;
      case 5:
        headers.language = in.bytes();
        break;
      case 6:
        headers.expires = in.bytes();
        break;
      case 7:
        headers.redirect_location = in.bytes();
        break;
      case 8:
        headers.md5 = in.bytes();
        break;
      default:
        break;
    }
  }
  return in.ok();
}

// Pairs of strings: metadata and tags.
void encode_metadata(Encoder& out, unsigned tag, const Metadata& metadata) {
  for (const auto& [name, value] : metadata) out.element(tag, Encoder().bytes(1, name).bytes(2, value).take());
}

bool decode_metadata(std::string_view bytes, Metadata& metadata) {
  auto& [name, value] = metadata.emplace_back();
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) name = in.bytes();
    if (in.tag() == 2) value = in.bytes();
  }
  return in.ok();
}

std::string encode_encryption(const Encryption& encryption) {
  return Encoder()
      .number(1, static_cast<unsigned>(encryption.mode))
      .bytes(2, encryption.master)
      .bytes(3, encryption.salt)
      .bytes(4, encryption.wrapped)
      .take();
}

bool decode_encryption(std::string_view bytes, std::optional<Encryption>& encryption) {
  Encryption found;
  std::uint64_t mode = 0;
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) mode = in.number();
    if (in.tag() == 2) found.master = in.bytes();
    if (in.tag() == 3) found.salt = in.bytes();
    if (in.tag() == 4) found.wrapped = in.bytes();
  }
  found.mode = static_cast<EncryptionMode>(mode);
  const bool by_customer = found.mode == EncryptionMode::customer;
  const bool known = mode >= static_cast<unsigned>(EncryptionMode::managed) &&
                     mode <= static_cast<unsigned>(EncryptionMode::named) && found.master.empty() == by_customer;
  if (!in.ok() || !known || found.salt.size() != kSaltSize || found.wrapped.size() != SecretKey::kWrappedSize) {
    return false;
  }
  encryption = std::move(found);
  return true;
}

std::string encode_seal(const Seal& seal) { return seal.seed + seal.tag; }

bool decode_seal(std::string_view bytes, std::optional<Seal>& seal) {
  if (bytes.size() != kSeedSize + kCipherTagSize) return false;
  seal = Seal{.seed = std::string(bytes.substr(0, kSeedSize)), .tag = std::string(bytes.substr(kSeedSize))};
  return true;
}

bool decode_origin(std::string_view bytes, CopyOrigin& origin) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) origin.id = in.bytes();
    if (in.tag() == 2) origin.source = in.bytes();
  }
  return in.ok();
}

bool is_algorithm(std::uint64_t number) {
  return number <= 255 && digest_size(static_cast<DigestAlgorithm>(number)) != 0;
}

bool is_checksum_type(std::uint64_t number) { return number == 1 || number == 2; }

std::string encode_digest(const Digest& digest) { return static_cast<char>(digest.algorithm) + digest.bytes; }

bool decode_digest(std::string_view bytes, std::optional<Digest>& digest) {
  if (bytes.empty() || !is_algorithm(static_cast<unsigned char>(bytes[0]))) return false;
  const auto algorithm = static_cast<DigestAlgorithm>(bytes[0]);
  if (bytes.size() != 1 + digest_size(algorithm)) return false;
  digest = Digest{algorithm, std::string(bytes.substr(1))};
  return true;
}

std::string encode_checksum(const Checksum& checksum) {
  return static_cast<char>(checksum.type) + encode_digest(checksum.digest);
}

bool decode_checksum(std::string_view bytes, std::optional<Checksum>& checksum) {
  if (bytes.empty() || !is_checksum_type(static_cast<unsigned char>(bytes[0]))) return false;
  std::optional<Digest> digest;
  if (!decode_digest(bytes.substr(1), digest)) return false;
  checksum = Checksum{std::move(*digest), static_cast<ChecksumType>(bytes[0])};
  return true;
}

bool read_checksum_kind(std::string_view bytes, std::optional<ObjectOutline::ChecksumKind>& kind) {
  if (bytes.size() < 2 || !is_checksum_type(static_cast<unsigned char>(bytes[0])) ||
      !is_algorithm(static_cast<unsigned char>(bytes[1]))) {
    return false;
  }
  kind = {.algorithm = static_cast<DigestAlgorithm>(bytes[1]), .type = static_cast<ChecksumType>(bytes[0])};
  return true;
}

std::string encode_slices(const std::vector<Slice>& slices) {
  std::string out;
  out.reserve(slices.size() * 24);
  for (const auto& [extent, range] : slices) {
    append_varint(out, static_cast<std::uint64_t>(extent.id));
    append_varint(out, extent.length);
    append_varint(out, extent.crc32c);
    append_varint(out, range.offset);
    append_varint(out, range.length);
  }
  return out;
}

bool take_slice(std::string_view& in, Slice& slice) {
  std::uint64_t id = 0;
  std::uint64_t crc = 0;
  if (!take_varint(in, id) || !take_varint(in, slice.extent.length) || !take_varint(in, crc) ||
      !take_varint(in, slice.range.offset) || !take_varint(in, slice.range.length)) {
    return false;
  }
  slice.extent.id = ExtentId{id};
  slice.extent.crc32c = static_cast<std::uint32_t>(crc);
  const auto [offset, length] = slice.range;
  return crc <= std::numeric_limits<std::uint32_t>::max() && length != 0 && offset <= slice.extent.length &&
         length <= slice.extent.length - offset;
}

bool decode_slices(std::string_view in, std::vector<Slice>& slices) {
  if (!slices.empty()) return false;
  std::uint64_t size = 0;
  while (!in.empty()) {
    Slice slice;
    if (!take_slice(in, slice) || slice.range.length > std::numeric_limits<std::uint64_t>::max() - size) return false;
    size += slice.range.length;
    slices.push_back(slice);
  }
  return !slices.empty();
}

std::string encode_manifest(const Manifest& manifest) {
  std::string rows;
  for (const auto& [end, last_number] : manifest.rows) {
    append_varint(rows, end);
    append_varint(rows, last_number);
  }
  return Encoder().bytes(1, manifest.id).bytes(2, rows).take();
}

bool decode_manifest_rows(std::string_view in, std::vector<Manifest::Row>& rows) {
  if (!rows.empty()) return false;
  Manifest::Row before;
  while (!in.empty()) {
    Manifest::Row row;
    std::uint64_t number = 0;
    if (!take_varint(in, row.end) || !take_varint(in, number)) return false;
    if (number > std::numeric_limits<std::uint32_t>::max()) return false;
    row.last_number = static_cast<std::uint32_t>(number);
    if (row.end < before.end || row.last_number <= before.last_number) return false;
    rows.push_back(before = row);
  }
  return !rows.empty();
}

bool decode_manifest(std::string_view bytes, Manifest& manifest) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) manifest.id = in.bytes();
    if (in.tag() == 2 && !decode_manifest_rows(in.bytes(), manifest.rows)) in.refuse();
  }
  return in.ok() && manifest.id.size() == kIdSize && !manifest.rows.empty();
}

std::string encode_appended(const Appended& content) {
  Encoder out;
  if (!content.packed.rows.empty()) out.bytes(1, encode_manifest(content.packed));
  out.bytes(2, encode_slices(content.slices));
  for (const auto& [body, size] : content.tail) {
    out.element(3, Encoder().bytes(1, body.id).number(2, body.crc32c).number(3, size).take());
  }
  return out.take();
}

bool decode_tail(std::string_view bytes, Appended::Tail& tail) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) tail.body.id = in.bytes();
    if (in.tag() == 2) tail.body.crc32c = in.number32();
    if (in.tag() == 3) tail.size = in.number();
  }
  return in.ok() && tail.body.id.size() == kIdSize && tail.size != 0 && tail.size <= Index::kValueSizeMax;
}

bool decode_appended(std::string_view bytes, Appended& content) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1 && !decode_manifest(in.bytes(), content.packed)) in.refuse();
    if (in.tag() == 2 && !decode_slices(in.bytes(), content.slices)) in.refuse();
    if (in.tag() == 3 && !decode_tail(in.bytes(), content.tail.emplace_back())) in.refuse();
  }
  return in.ok();
}

// Do the places where the bytes are come to the size of the object?
struct Covers {
  std::uint64_t size;
  bool operator()(std::monostate) const { return size == 0; }
  bool operator()(const InlineContent& content) const { return size != 0 && content.id.size() == kIdSize; }
  bool operator()(const std::vector<Slice>& slices) const { return size_of(slices) == size; }
  bool operator()(const Manifest& manifest) const { return manifest.rows.back().end == size; }
  bool operator()(const Appended& content) const { return content.size() == size; }
  bool operator()(const PageMap& map) const { return map.id.size() == kIdSize; }
};

std::string encode_lease(const Lease& lease) {
  Encoder out;
  out.bytes(1, lease.id).number(3, time_number(lease.ends));
  if (lease.duration) out.number(2, static_cast<std::uint64_t>(lease.duration->count()));
  if (lease.breaks) out.number(4, time_number(*lease.breaks));
  return out.take();
}

bool decode_lease(std::string_view bytes, std::optional<Lease>& decoded) {
  Lease lease;
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) lease.id = in.bytes();
    if (in.tag() == 2) lease.duration = std::chrono::seconds(in.number32());
    if (in.tag() == 3) lease.ends = time_of(in.number());
    if (in.tag() == 4) lease.breaks = time_of(in.number());
  }
  decoded = std::move(lease);
  return in.ok() && !decoded->id.empty();
}

enum ObjectTag : unsigned {
  kSize = 1,
  kMd5 = 2,
  kPartCount = 3,
  kRevision = 4,
  kModified = 5,
  kOwner = 6,
  kHeaders = 7,
  kMetadata = 8,
  kChecksum = 9,
  kInlineId = 10,
  kInlineCrc = 11,
  kSlices = 12,
  kManifest = 13,
  kUploadId = 14,
  kFlags = 15,
  kNullRevision = 16,
  kTag = 17,
  kLease = 18,
  kKind = 19,
  kAcl = 20,
  kTier = 21,
  kCreated = 22,
  kTierChanged = 23,
  kSequenceNumber = 24,
  kCopyOrigin = 25,
  kPageMap = 29,
  kSnapshotCount = 30,
  kDeleted = 31,
  kObjectEncryption = 33,
  kBlockCount = 34,
  kSnapshot = 36,
  kSeal = 37,
  kAppended = 38,
  kChanged = 39,
  kReturn = 40,
  kKeptUntil = 41,
  kDeletedCount = 42,
  kDeletedCurrent = 43,
};

enum ObjectFlag : std::uint64_t {
  kVersioned = 1,
  kDeleteMarker = 2,
  kIsSnapshot = 4,
  kSoftDeleted = 8,
  kSealed = 16,
};

std::uint64_t flags_of(const ObjectInfo& info) {
  return (info.versioned ? kVersioned : 0U) | (info.delete_marker ? kDeleteMarker : 0U) |
         (info.snapshot != 0 ? kIsSnapshot : 0U) | (info.soft_deleted ? kSoftDeleted : 0U) |
         (info.sealed ? kSealed : 0U);
}

// A number that stands for one of an enum's words, of which `last` is the last.
template <class Word>
Word word_of(Decoder& in, Word last) {
  const auto number = in.number();
  if (number <= static_cast<std::uint64_t>(last)) return static_cast<Word>(number);
  in.refuse();
  return Word{};
}

void encode_tiering(Encoder& out, const Tiering& tiering) {
  out.number(kTier, static_cast<unsigned>(tiering.tier));
  if (tiering.changed != UtcTime{}) out.number(kTierChanged, time_number(tiering.changed));
  if (tiering.awaited == Tier::none) return;
  Encoder back;
  back.number(1, static_cast<unsigned>(tiering.awaited)).number(2, time_number(tiering.due)).number(3, tiering.urgent);
  out.bytes(kReturn, back.take());
}

bool decode_return(std::string_view bytes, Tiering& tiering) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) tiering.awaited = word_of(in, Tier::archive);
    if (in.tag() == 2) tiering.due = time_of(in.number());
    if (in.tag() == 3) tiering.urgent = in.number() != 0;
  }
  return in.ok();
}

void decode_tiering(Decoder& in, Tiering& tiering) {
  if (in.tag() == kTier) tiering.tier = word_of(in, Tier::archive);
  if (in.tag() == kTierChanged) tiering.changed = time_of(in.number());
  if (in.tag() == kReturn && !decode_return(in.bytes(), tiering)) in.refuse();
}

// What is written of the state a key is in, beside the object itself.
void encode_state(Encoder& out, const ObjectRecord& record) {
  const auto& info = record.info;
  out.number(kFlags, flags_of(info)).number(kNullRevision, record.null_revision);
  encode_metadata(out, kTag, info.tags);
  out.bytes(kAcl, info.acl);
  if (info.created != info.modified) out.number(kCreated, time_number(info.created));
  if (info.lease) out.bytes(kLease, encode_lease(*info.lease));
  out.number(kChanged, info.changed);
  encode_tiering(out, info.tiering);
  if (info.deleted != UtcTime{}) out.number(kDeleted, time_number(info.deleted));
  if (info.kept_until != UtcTime{}) out.number(kKeptUntil, time_number(info.kept_until));
  out.number(kDeletedCount, record.deleted_count).number(kDeletedCurrent, record.deleted_current);
  out.number(kSnapshotCount, record.snapshot_count);
  out.number(kSnapshot, info.snapshot != 0 ? info.snapshot : record.newest_snapshot);
}

struct State {
  std::uint64_t flags = 0;
  std::uint64_t snapshot = 0;  ///< Its own revision, or of the head the newest one's.
  std::optional<UtcTime> created;
};

void decode_state(Decoder& in, ObjectRecord& record, State& state) {
  switch (in.tag()) {
    case kFlags:
      state.flags = in.number();
      break;
    case kNullRevision:
      record.null_revision = in.number();
      break;
    case kTag:
      if (!decode_metadata(in.bytes(), record.info.tags)) in.refuse();
      break;
    case kAcl:
      record.info.acl = in.bytes();
      break;
    case kLease:
      if (!decode_lease(in.bytes(), record.info.lease)) in.refuse();
      break;
    case kKind:
      record.info.kind = word_of(in, ObjectKind::page);
      break;
    case kBlockCount:
      record.info.block_count = in.number32();
      break;
    case kSequenceNumber:
      record.info.sequence_number = in.number();
      break;
    case kChanged:
      record.info.changed = in.number();
      break;
    case kCreated:
      state.created = time_of(in.number());
      break;
    case kDeleted:
      record.info.deleted = time_of(in.number());
      break;
    case kKeptUntil:
      record.info.kept_until = time_of(in.number());
      break;
    case kDeletedCount:
      record.deleted_count = in.number();
      break;
    case kDeletedCurrent:
      record.deleted_current = in.number();
      break;
    case kSnapshotCount:
      record.snapshot_count = in.number();
      break;
    case kSnapshot:
      state.snapshot = in.number();
      break;
    default:
      decode_tiering(in, record.info.tiering);
      break;
  }
}

// False: it contradicts itself.
bool take_state(const State& state, ObjectRecord& record) {
  auto& info = record.info;
  info.versioned = (state.flags & kVersioned) != 0;
  info.delete_marker = (state.flags & kDeleteMarker) != 0;
  info.soft_deleted = (state.flags & kSoftDeleted) != 0;
  info.sealed = (state.flags & kSealed) != 0;
  info.created = state.created.value_or(info.modified);
  const bool is_snapshot = (state.flags & kIsSnapshot) != 0;
  (is_snapshot ? info.snapshot : record.newest_snapshot) = state.snapshot;
  if (is_snapshot && state.snapshot == 0) return false;
  return !info.delete_marker || (std::holds_alternative<std::monostate>(record.content) && !is_snapshot);
}

void encode_content(Encoder& out, const Content& content) {
  if (const auto* data = std::get_if<InlineContent>(&content))
    out.bytes(kInlineId, data->id).number(kInlineCrc, data->crc32c);
  if (const auto* slices = std::get_if<std::vector<Slice>>(&content)) out.bytes(kSlices, encode_slices(*slices));
  if (const auto* manifest = std::get_if<Manifest>(&content)) out.bytes(kManifest, encode_manifest(*manifest));
  if (const auto* appended = std::get_if<Appended>(&content)) out.bytes(kAppended, encode_appended(*appended));
  if (const auto* map = std::get_if<PageMap>(&content)) out.bytes(kPageMap, map->id);
}

// One kind of content a record: a second one is a fault.
template <class Kind>
Kind& content_as(Decoder& in, Content& content) {
  if (!std::holds_alternative<std::monostate>(content) && !std::holds_alternative<Kind>(content)) in.refuse();
  return std::holds_alternative<Kind>(content) ? std::get<Kind>(content) : content.emplace<Kind>();
}

void decode_content(Decoder& in, Content& content) {
  switch (in.tag()) {
    case kInlineId:
      content_as<InlineContent>(in, content).id = in.bytes();
      break;
    case kInlineCrc:
      content_as<InlineContent>(in, content).crc32c = in.number32();
      break;
    case kSlices:
      if (!decode_slices(in.bytes(), content_as<std::vector<Slice>>(in, content))) in.refuse();
      break;
    case kPageMap:
      content_as<PageMap>(in, content).id = in.bytes();
      break;
    case kAppended:
      if (!decode_appended(in.bytes(), content_as<Appended>(in, content))) in.refuse();
      break;
    case kManifest:
      if (!decode_manifest(in.bytes(), content_as<Manifest>(in, content))) in.refuse();
      break;
    default:
      break;
  }
}

enum BucketTag : unsigned {
  kVersioning = 5,
  kBucketAcl = 6,
  kBucketTag = 7,
  kPolicy = 8,
  kBucketMetadata = 9,
  kPublicAccess = 10,
  kAccessPolicy = 11,
  kBucketLease = 12,
  kBucketModified = 13,
  kBucketRevision = 14,
  kCors = 15,
  kLifecycle = 16,
  kObjectLock = 17,
  kEncryption = 19,
  kOwnership = 20,
  kPublicAccessBlock = 21,
};

struct SettingRow {
  BucketTag tag;
  std::string BucketSettings::* value;
};
// Those that are bytes to this layer.
constexpr SettingRow kSettings[] = {
    {kBucketAcl, &BucketSettings::acl},
    {kPolicy, &BucketSettings::policy},
    {kCors, &BucketSettings::cors},
    {kLifecycle, &BucketSettings::lifecycle},
    {kObjectLock, &BucketSettings::object_lock},
    {kEncryption, &BucketSettings::encryption},
    {kOwnership, &BucketSettings::ownership},
    {kPublicAccessBlock, &BucketSettings::public_access_block},
};

void encode_settings(Encoder& out, const BucketSettings& settings) {
  out.number(kVersioning, static_cast<unsigned>(settings.versioning));
  encode_metadata(out, kBucketTag, settings.tags);
  encode_metadata(out, kBucketMetadata, settings.metadata);
  out.number(kPublicAccess, static_cast<unsigned>(settings.public_access));
  for (const auto& row : kSettings) out.bytes(row.tag, settings.*row.value);
  for (const auto& [id, start, expiry, permission] : settings.access_policies) {
    out.element(kAccessPolicy, Encoder().bytes(1, id).bytes(2, start).bytes(3, expiry).bytes(4, permission).take());
  }
}

bool decode_access_policy(std::string_view bytes, std::vector<AccessPolicy>& policies) {
  auto& policy = policies.emplace_back();
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) policy.id = in.bytes();
    if (in.tag() == 2) policy.start = in.bytes();
    if (in.tag() == 3) policy.expiry = in.bytes();
    if (in.tag() == 4) policy.permission = in.bytes();
  }
  return in.ok();
}

void decode_settings(Decoder& in, BucketSettings& settings) {
  for (const auto& row : kSettings) {
    if (in.tag() == row.tag) settings.*row.value = in.bytes();
  }
  switch (in.tag()) {
    case kVersioning:
      settings.versioning = word_of(in, Versioning::suspended);
      break;
    case kBucketTag:
      if (!decode_metadata(in.bytes(), settings.tags)) in.refuse();
      break;
    case kBucketMetadata:
      if (!decode_metadata(in.bytes(), settings.metadata)) in.refuse();
      break;
    case kPublicAccess:
      settings.public_access = word_of(in, PublicAccess::bucket);
      break;
    case kAccessPolicy:
      if (!decode_access_policy(in.bytes(), settings.access_policies)) in.refuse();
      break;
    default:
      break;
  }
}

}  // namespace

std::uint64_t size_of(const std::vector<Slice>& slices) {
  std::uint64_t size = 0;
  for (const auto& slice : slices) size += slice.range.length;
  return size;
}

std::uint64_t Appended::tail_size() const {
  std::uint64_t size = 0;
  for (const auto& small : tail) size += small.size;
  return size;
}

std::uint64_t Appended::size() const { return packed_size() + size_of(slices) + tail_size(); }

const Manifest* manifest_in(const Content& content) {
  if (const auto* manifest = std::get_if<Manifest>(&content)) return manifest;
  const auto* appended = std::get_if<Appended>(&content);
  return appended != nullptr && !appended->packed.rows.empty() ? &appended->packed : nullptr;
}

std::string BucketRecord::encode() const {
  Encoder out(kVersion);
  out.bytes(1, id).bytes(2, owner).number(3, time_number(created)).bytes(4, removal);
  if (lease) out.bytes(kBucketLease, encode_lease(*lease));
  encode_settings(out, settings);
  if (modified != created) out.number(kBucketModified, time_number(modified));
  return out.number(kBucketRevision, revision).take();
}

Result<BucketRecord> BucketRecord::decode(std::string_view row) {
  BucketRecord record;
  std::optional<UtcTime> modified;
  Decoder in(row, kVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        record.id = in.bytes();
        break;
      case 2:
        record.owner = in.bytes();
        break;
      case 3:
        record.created = time_of(in.number());
        break;
      case 4:
        record.removal = in.bytes();
        break;
      case kBucketModified:
        modified = time_of(in.number());
        break;
      case kBucketRevision:
        record.revision = in.number();
        break;
      case kBucketLease:
        if (!decode_lease(in.bytes(), record.lease)) in.refuse();
        break;
      default:
        decode_settings(in, record.settings);
        break;
    }
  }
  if (!in.ok() || record.id.size() != kIdSize) return corrupt("a bucket row");
  record.modified = modified.value_or(record.created);
  return record;
}

std::string AccountRecord::encode() const { return Encoder(kVersion).bytes(1, settings.service).take(); }

Result<AccountRecord> AccountRecord::decode(std::string_view row) {
  AccountRecord record;
  Decoder in(row, kVersion);
  while (in.next()) {
    if (in.tag() == 1) record.settings.service = in.bytes();
  }
  if (!in.ok()) return corrupt("an account row");
  return record;
}

void ObjectRecord::leave_head() {
  null_revision = 0;
  snapshot_count = 0;
  newest_snapshot = 0;
  deleted_count = 0;
  deleted_current = 0;
  info.lease.reset();
}

std::string ObjectRecord::encode() const {
  Encoder out(kVersion);
  out.number(kSize, info.size).bytes(kMd5, info.md5).number(kPartCount, info.part_count);
  out.number(kRevision, info.revision).number(kModified, time_number(info.modified)).bytes(kOwner, info.owner);
  out.bytes(kHeaders, encode_headers(info.headers));
  encode_metadata(out, kMetadata, info.metadata);
  if (info.checksum) out.bytes(kChecksum, encode_checksum(*info.checksum));
  out.number(kKind, static_cast<unsigned>(info.kind)).number(kBlockCount, info.block_count);
  out.number(kSequenceNumber, info.sequence_number);
  encode_content(out, content);
  out.bytes(kUploadId, upload_id);
  if (info.copy) out.bytes(kCopyOrigin, Encoder().bytes(1, info.copy->id).bytes(2, info.copy->source).take());
  encode_state(out, *this);
  if (info.encryption) out.bytes(kObjectEncryption, encode_encryption(*info.encryption));
  if (seal) out.bytes(kSeal, encode_seal(*seal));
  return out.take();
}

Result<ObjectRecord> ObjectRecord::decode(std::string_view row) {
  Result<ObjectRecord> result;  // What is returned is made in place: a record is costly to move.
  ObjectRecord& record = *result;
  State state;
  auto& info = record.info;
  Decoder in(row, kVersion);
  while (in.next()) {
    switch (in.tag()) {
      case kSize:
        info.size = in.number();
        break;
      case kMd5:
        info.md5 = in.bytes();
        break;
      case kPartCount:
        info.part_count = in.number32();
        break;
      case kRevision:
        info.revision = in.number();
        break;
      case kModified:
        info.modified = time_of(in.number());
        break;
      case kOwner:
        info.owner = in.bytes();
        break;
      case kHeaders:
        if (!decode_headers(in.bytes(), info.headers)) in.refuse();
        break;
      case kMetadata:
        if (!decode_metadata(in.bytes(), info.metadata)) in.refuse();
        break;
      case kChecksum:
        if (!decode_checksum(in.bytes(), info.checksum)) in.refuse();
        break;
      case kUploadId:
        record.upload_id = in.bytes();
        break;
      case kObjectEncryption:
        if (!decode_encryption(in.bytes(), info.encryption)) in.refuse();
        break;
      case kSeal:
        if (!decode_seal(in.bytes(), record.seal)) in.refuse();
        break;
      case kCopyOrigin:
        if (!decode_origin(in.bytes(), info.copy.emplace())) in.refuse();
        break;
      default:
        decode_content(in, record.content);
        decode_state(in, record, state);
        break;
    }
  }
  if (!take_state(state, record)) return corrupt("an object row: its state contradicts itself");
  if (!in.ok() || info.md5.size() != digest_size(DigestAlgorithm::md5)) return corrupt("an object row");
  if (!std::visit(Covers{info.size}, record.content)) return corrupt("an object row: its content has another size");
  const bool has_seal = std::holds_alternative<InlineContent>(record.content) ||
                        std::holds_alternative<std::vector<Slice>>(record.content);
  if (record.seal.has_value() != (info.encryption && has_seal)) return corrupt("an object row: its seal");
  return result;
}

Result<ObjectOutline> ObjectOutline::read(std::string_view row) {
  ObjectOutline outline;
  std::uint64_t flags = 0;
  Decoder in(row, kVersion);
  while (in.next()) {
    switch (in.tag()) {
      case kSize:
        outline.size = in.number();
        break;
      case kMd5:
        outline.md5 = in.bytes();
        break;
      case kPartCount:
        outline.part_count = in.number32();
        break;
      case kBlockCount:
        outline.block_count = in.number32();
        break;
      case kModified:
        outline.modified = time_of(in.number());
        break;
      case kOwner:
        outline.owner = in.bytes();
        break;
      case kChecksum:
        if (!read_checksum_kind(in.bytes(), outline.checksum)) in.refuse();
        break;
      case kFlags:
        flags = in.number();
        break;
      default:
        decode_tiering(in, outline.tiering);
        break;
    }
  }
  if (!in.ok() || outline.md5.size() != digest_size(DigestAlgorithm::md5)) return corrupt("an object row");
  outline.delete_marker = (flags & kDeleteMarker) != 0;
  outline.soft_deleted = (flags & kSoftDeleted) != 0;
  return outline;
}

std::string UploadRecord::encode() const {
  Encoder out(kVersion);
  out.bytes(1, bucket_id).bytes(2, owner).bytes(3, encode_headers(headers));
  encode_metadata(out, 4, metadata);
  out.number(5, time_number(begun)).number(6, checksum ? static_cast<unsigned>(*checksum) : 0);
  out.number(7, static_cast<unsigned>(checksum_type)).bytes(8, commit);
  encode_metadata(out, 9, tags);
  out.bytes(10, acl).bytes(13, blocks);
  if (encryption) out.bytes(14, encode_encryption(*encryption));
  return out.number(15, block_id_size).bytes(20, initiator).take();
}

Result<UploadRecord> UploadRecord::decode(std::string_view row) {
  UploadRecord record;
  std::uint64_t algorithm = 0;
  std::uint64_t type = 0;
  Decoder in(row, kVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        record.bucket_id = in.bytes();
        break;
      case 2:
        record.owner = in.bytes();
        break;
      case 3:
        if (!decode_headers(in.bytes(), record.headers)) in.refuse();
        break;
      case 4:
        if (!decode_metadata(in.bytes(), record.metadata)) in.refuse();
        break;
      case 5:
        record.begun = time_of(in.number());
        break;
      case 6:
        algorithm = in.number();
        break;
      case 7:
        type = in.number();
        break;
      case 8:
        record.commit = in.bytes();
        break;
      case 9:
        if (!decode_metadata(in.bytes(), record.tags)) in.refuse();
        break;
      case 10:
        record.acl = in.bytes();
        break;
      case 13:
        record.blocks = in.bytes();
        break;
      case 14:
        if (!decode_encryption(in.bytes(), record.encryption)) in.refuse();
        break;
      case 15:
        record.block_id_size = in.number32();
        break;
      case 20:
        record.initiator = in.bytes();
        break;
      default:
        break;
    }
  }
  const bool known = (algorithm == 0 || is_algorithm(algorithm)) && is_checksum_type(type);
  if (!in.ok() || !known || record.bucket_id.size() != kIdSize) return corrupt("an upload row");
  if (algorithm != 0) record.checksum = static_cast<DigestAlgorithm>(algorithm);
  record.checksum_type = static_cast<ChecksumType>(type);
  return record;
}

std::string PartRecord::encode() const {
  Encoder out(kVersion);
  out.number(1, info.number).number(2, info.size).bytes(3, info.md5).number(4, time_number(info.modified));
  if (info.checksum) out.bytes(5, encode_digest(*info.checksum));
  if (crc64nvme) out.bytes(6, encode_digest(*crc64nvme));
  out.bytes(7, encode_slices(slices)).bytes(8, info.block_id);
  if (seal) out.bytes(9, encode_seal(*seal));
  return out.take();
}

Result<PartRecord> PartRecord::decode(std::string_view row) {
  PartRecord record;
  auto& info = record.info;
  Decoder in(row, kVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        info.number = in.number32();
        break;
      case 2:
        info.size = in.number();
        break;
      case 3:
        info.md5 = in.bytes();
        break;
      case 4:
        info.modified = time_of(in.number());
        break;
      case 5:
        if (!decode_digest(in.bytes(), info.checksum)) in.refuse();
        break;
      case 6:
        if (!decode_digest(in.bytes(), record.crc64nvme)) in.refuse();
        break;
      case 7:
        if (!decode_slices(in.bytes(), record.slices)) in.refuse();
        break;
      case 8:
        info.block_id = in.bytes();
        break;
      case 9:
        if (!decode_seal(in.bytes(), record.seal)) in.refuse();
        break;
      default:
        break;
    }
  }
  // What was appended in many pieces has no digest.
  const bool digested = info.md5.empty() || info.md5.size() == digest_size(DigestAlgorithm::md5);
  const bool sound = info.number != 0 && digested;
  if (!in.ok() || !sound || size_of(record.slices) != info.size) return corrupt("a part row");
  return record;
}

std::string ManifestRecord::encode() const {
  Encoder out(kVersion);
  for (const auto& part : parts) out.element(1, part.encode());
  return out.take();
}

Result<ManifestRecord> ManifestRecord::decode(std::string_view row) {
  ManifestRecord record;
  Decoder in(row, kVersion);
  while (in.next()) {
    if (in.tag() != 1) continue;
    TRY(auto part, PartRecord::decode(in.bytes()));
    if (!record.parts.empty() && part.info.number <= record.parts.back().info.number) in.refuse();
    record.parts.push_back(std::move(part));
  }
  if (!in.ok() || record.parts.empty()) return corrupt("a manifest row");
  return record;
}

std::string ExtentRecord::encode() const {
  return Encoder(kVersion).number(1, length).number(2, crc32c).number(3, references).take();
}

Result<ExtentRecord> ExtentRecord::decode(std::string_view row) {
  ExtentRecord record;
  Decoder in(row, kVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        record.length = in.number();
        break;
      case 2:
        record.crc32c = in.number32();
        break;
      case 3:
        record.references = in.number();
        break;
      default:
        break;
    }
  }
  if (!in.ok()) return corrupt("an extent row");
  return record;
}

std::string ManifestGarbage::encode() const {
  return Encoder(kVersion).number(1, owned ? 1 : 0).bytes(2, builder).number(3, time_number(due)).take();
}

Result<ManifestGarbage> ManifestGarbage::decode(std::string_view row) {
  ManifestGarbage record{.owned = false, .builder = {}, .due = {}};
  Decoder in(row, kVersion);
  while (in.next()) {
    switch (in.tag()) {
      case 1:
        record.owned = in.number() != 0;
        break;
      case 2:
        record.builder = in.bytes();
        break;
      case 3:
        record.due = time_of(in.number());
        break;
      default:
        break;
    }
  }
  if (!in.ok()) return corrupt("a garbage row of a manifest");
  return record;
}

void UploadGarbage::claim(std::uint32_t number) {
  if (claimed.size() <= number / 8) claimed.resize(number / 8 + 1);
  claimed[number / 8] = static_cast<char>(static_cast<unsigned char>(claimed[number / 8]) | (1U << (number % 8)));
}

bool UploadGarbage::is_claimed(std::uint32_t number) const {
  return number / 8 < claimed.size() && ((static_cast<unsigned char>(claimed[number / 8]) >> (number % 8)) & 1U) != 0;
}

std::string UploadGarbage::encode() const { return Encoder(kVersion).bytes(1, claimed).take(); }

Result<UploadGarbage> UploadGarbage::decode(std::string_view row) {
  UploadGarbage record;
  Decoder in(row, kVersion);
  while (in.next()) {
    if (in.tag() == 1) record.claimed = in.bytes();
  }
  if (!in.ok()) return corrupt("a garbage row of an upload");
  return record;
}

std::string BucketGarbage::encode() const { return Encoder(kVersion).bytes(1, name).take(); }

Result<BucketGarbage> BucketGarbage::decode(std::string_view row) {
  BucketGarbage record;
  Decoder in(row, kVersion);
  while (in.next()) {
    if (in.tag() == 1) record.name = in.bytes();
  }
  if (!in.ok() || record.name.empty()) return corrupt("a garbage row of a bucket");
  return record;
}

}  // namespace sluice::object

#include "gateway/object/content_fields.h"
#include "gateway/object/outline.h"
#include "gateway/object/record.h"
#include "gateway/object/row_fields.h"

namespace sluice::object {
namespace {

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
  kRetention = 26,
  kLegalHold = 27,
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
  kFollowing = 44,
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

bool decode_origin(std::string_view bytes, CopyOrigin& origin) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) origin.id = in.bytes();
    if (in.tag() == 2) origin.source = in.bytes();
  }
  return in.ok();
}

std::string encode_following(const Following& following) {
  return Encoder()
      .bytes(1, following.bucket)
      .bytes(2, following.key)
      .number(3, time_number(following.created))
      .number(4, following.source)
      .number(5, following.snapshot)
      .take();
}

bool decode_following(std::string_view bytes, Following& following) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) following.bucket = in.bytes();
    if (in.tag() == 2) following.key = in.bytes();
    if (in.tag() == 3) following.created = time_of(in.number());
    if (in.tag() == 4) following.source = in.number();
    if (in.tag() == 5) following.snapshot = in.number();
  }
  return in.ok() && following.source != 0 && following.snapshot != 0;
}

bool read_checksum_kind(std::string_view bytes, std::optional<ObjectOutline::ChecksumKind>& kind) {
  if (bytes.size() < 2 || !is_checksum_type(static_cast<unsigned char>(bytes[0])) ||
      !is_algorithm(static_cast<unsigned char>(bytes[1]))) {
    return false;
  }
  kind = {.algorithm = static_cast<DigestAlgorithm>(bytes[1]), .type = static_cast<ChecksumType>(bytes[0])};
  return true;
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
  out.bytes(kRetention, encode_retention(info.protection.retention));
  out.number(kLegalHold, static_cast<unsigned>(info.protection.legal_hold));
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
    case kRetention:
      if (!decode_retention(in.bytes(), record.info.protection.retention)) in.refuse();
      break;
    case kLegalHold:
      record.info.protection.legal_hold = word_of(in, LegalHold::off);
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

}  // namespace

std::string ObjectRecord::encode() const {
  Encoder out(kRowVersion);
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
  if (info.following) out.bytes(kFollowing, encode_following(*info.following));
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
  Decoder in(row, kRowVersion);
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
      case kFollowing:
        if (!decode_following(in.bytes(), info.following.emplace())) in.refuse();
        break;
      default:
        decode_content(in, record.content);
        decode_state(in, record, state);
        break;
    }
  }
  if (!take_state(state, record)) return corrupt_row("an object row: its state contradicts itself");
  if (!in.ok() || info.md5.size() != digest_size(DigestAlgorithm::md5)) return corrupt_row("an object row");
  if (!covers(record.content, info.size)) return corrupt_row("an object row: its content has another size");
  if (!is_sealed_right(record.content, info.encryption.has_value(), record.seal.has_value())) {
    return corrupt_row("an object row: its seal");
  }
  return result;
}

Result<ObjectOutline> ObjectOutline::read(std::string_view row) {
  ObjectOutline outline;
  std::uint64_t flags = 0;
  Decoder in(row, kRowVersion);
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
  if (!in.ok() || outline.md5.size() != digest_size(DigestAlgorithm::md5)) return corrupt_row("an object row");
  outline.delete_marker = (flags & kDeleteMarker) != 0;
  outline.soft_deleted = (flags & kSoftDeleted) != 0;
  return outline;
}

}  // namespace sluice::object

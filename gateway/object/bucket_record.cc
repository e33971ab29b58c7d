#include "gateway/object/record.h"
#include "gateway/object/row_fields.h"

namespace sluice::object {
namespace {

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
    {kEncryption, &BucketSettings::encryption},
    {kOwnership, &BucketSettings::ownership},
    {kPublicAccessBlock, &BucketSettings::public_access_block},
};

std::string encode_object_lock(const ObjectLock& lock) {
  return Encoder()
      .number(1, lock.enabled)
      .number(2, static_cast<unsigned>(lock.mode))
      .number(3, lock.days)
      .number(4, lock.years)
      .take();
}

bool decode_object_lock(std::string_view bytes, ObjectLock& lock) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) lock.enabled = in.number() != 0;
    if (in.tag() == 2) lock.mode = word_of(in, RetentionMode::compliance);
    if (in.tag() == 3) lock.days = in.number32();
    if (in.tag() == 4) lock.years = in.number32();
  }
  return in.ok() && lock.days <= ObjectLock::kDaysMax && lock.years <= ObjectLock::kYearsMax;
}

void encode_settings(Encoder& out, const BucketSettings& settings) {
  out.number(kVersioning, static_cast<unsigned>(settings.versioning));
  encode_metadata(out, kBucketTag, settings.tags);
  encode_metadata(out, kBucketMetadata, settings.metadata);
  out.number(kPublicAccess, static_cast<unsigned>(settings.public_access));
  for (const auto& row : kSettings) out.bytes(row.tag, settings.*row.value);
  out.bytes(kObjectLock, encode_object_lock(settings.object_lock));
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
    case kObjectLock:
      if (!decode_object_lock(in.bytes(), settings.object_lock)) in.refuse();
      break;
    case kAccessPolicy:
      if (!decode_access_policy(in.bytes(), settings.access_policies)) in.refuse();
      break;
    default:
      break;
  }
}

}  // namespace

std::string BucketRecord::encode() const {
  Encoder out(kRowVersion);
  out.bytes(1, id).bytes(2, owner).number(3, time_number(created)).bytes(4, removal);
  if (lease) out.bytes(kBucketLease, encode_lease(*lease));
  encode_settings(out, settings);
  if (modified != created) out.number(kBucketModified, time_number(modified));
  return out.number(kBucketRevision, revision).take();
}

Result<BucketRecord> BucketRecord::decode(std::string_view row) {
  BucketRecord record;
  std::optional<UtcTime> modified;
  Decoder in(row, kRowVersion);
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
  if (!in.ok() || record.id.size() != kIdSize) return corrupt_row("a bucket row");
  record.modified = modified.value_or(record.created);
  return record;
}

std::string AccountRecord::encode() const { return Encoder(kRowVersion).bytes(1, settings.service).take(); }

Result<AccountRecord> AccountRecord::decode(std::string_view row) {
  AccountRecord record;
  Decoder in(row, kRowVersion);
  while (in.next()) {
    if (in.tag() == 1) record.settings.service = in.bytes();
  }
  if (!in.ok()) return corrupt_row("an account row");
  return record;
}

}  // namespace sluice::object

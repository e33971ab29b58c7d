#include "gateway/object/install.h"

#include "gateway/object/ids.h"

namespace sluice::object {

Task<KnownBucket> claim_bucket(Catalog& rows, const std::string& bucket) {
  CO_TRY(auto known, co_await find_bucket(rows.transaction(), bucket));
  if (!known->removal.empty()) {
    BucketRecord record = *known;
    record.removal.clear();
    rows.put(bucket_key(bucket), record);
  }
  co_return std::move(known);
}

Task<bool> install(Catalog& rows, References& references, UtcTime now, const ObjectName& name,
                   const BucketSettings& bucket, const Conditions& conditions, ObjectRecord& record, Before before) {
  CO_TRY(check_protectable(record.info.protection, bucket.object_lock));
  CO_TRY(auto head, co_await rows.get<ObjectRecord>(object_key(name)));
  if (!conditions.empty()) {
    CO_TRY(check_write(conditions, visible(head)));
  }

  auto& info = record.info;
  if (head && !head->info.delete_marker && !info.following) {
    CO_TRY(check_not_following(head->info));
  }
  CO_TRY(info.lease, check_lease_for_write(conditions.lease, lease_of(head), now));
  if (conditions.keeps_tier && head && !head->info.delete_marker) {
    if (head->info.is_archived(now)) co_return fail(ErrorCode::archived, name.key);
    if (info.kind == ObjectKind::block && info.tiering.tier == Tier::none) info.tiering = head->info.tiering.at(now);
  }
  info.changed = 0;
  info.versioned = bucket.versioning == Versioning::enabled;
  info.modified = now;
  info.created = head && before == Before::kept ? head->info.created : now;
  info.revision = next_revision(now, head);
  auto& retention = info.protection.retention;
  if (retention.mode == RetentionMode::none) retention = bucket.object_lock.initial(now);
  bool garbage = false;
  if (head) {
    const bool keeps_content = before == Before::kept;
    CO_TRY(garbage,
           co_await make_way(rows, references, name, std::move(*head), record, keeps_content, conditions.kept_until));
  }
  CO_TRY(auto value, encode_object(record));
  rows.transaction().put(object_key(name), std::move(value));
  co_return garbage;
}

Task<KnownBucket> check_early(Index& index, UtcTime now, const ObjectName& name, const Conditions& conditions) {
  CO_TRY(auto bucket, co_await find_bucket(index, name.bucket));
  if (conditions.empty() && !conditions.lease) co_return std::move(bucket);
  const auto key = object_key(name);
  CO_TRY(const auto row, co_await index.get(key));
  std::optional<ObjectRecord> head;
  if (row) {
    CO_TRY(head, decode_row<ObjectRecord>(key, *row));
  }
  CO_TRY(check_write(conditions, visible(head)));
  CO_TRY(check_lease_for_write(conditions.lease, lease_of(head), now));
  co_return std::move(bucket);
}

}  // namespace sluice::object

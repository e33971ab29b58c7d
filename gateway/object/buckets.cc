#include "gateway/object/buckets.h"

#include <algorithm>

#include "gateway/object/catalog.h"
#include "gateway/object/cursor.h"
#include "gateway/object/ids.h"
#include "gateway/object/known_bucket.h"
#include "gateway/object/retry.h"

namespace sluice::object {
namespace {

Result<> put(Catalog& rows, const std::string& name, const BucketRecord& record) {
  auto value = record.encode();
  if (value.size() > Index::kValueSizeMax) return fail(ErrorCode::metadata_too_large, std::to_string(value.size()));
  rows.transaction().put(bucket_key(name), std::move(value));
  return done;
}

Task<> check_empty(Transaction& transaction, const std::string& bucket) {
  CO_TRY(const auto objects, co_await transaction.scan(keys_with(objects_prefix(bucket)), 1));
  if (!objects.empty()) co_return fail(ErrorCode::bucket_not_empty, bucket);
  co_return done;
}

// What is protected is a version.
Result<> check_settings(const BucketSettings& settings) {
  if (!settings.object_lock.enabled || settings.versioning == Versioning::enabled) return done;
  return fail(ErrorCode::bucket_state_clash,
              "An Object Lock configuration needs versioning, which cannot be suspended where there is one.");
}

}  // namespace

std::string BucketInfo::revision_tag() const { return object::revision_tag(revision); }

Result<> check_bucket(const Conditions& conditions, const BucketInfo& info) {
  ObjectInfo face;
  face.revision = info.revision;
  face.modified = info.modified;
  return check_write(conditions, face);
}

Task<BucketInfo> Buckets::create(const RequestContext&, const std::string& name, const std::string& owner,
                                 const BucketSettings& settings) {
  if (!is_special_bucket(name)) {
    CO_TRY(check_bucket_name(name));
  }
  CO_TRY(check_settings(settings));
  auto attempt = [&] { return create_once(name, owner, settings); };
  co_return co_await retry_conflicts(attempt);
}

Task<BucketInfo> Buckets::create_once(const std::string& name, const std::string& owner,
                                      const BucketSettings& settings) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(const auto current, co_await rows.get<BucketRecord>(bucket_key(name)));
  if (current && current->owner == owner) co_return fail(ErrorCode::bucket_already_owned, name);
  if (current) co_return fail(ErrorCode::bucket_exists, name);
  const auto now = clock_.now();
  const BucketRecord record{.id = new_id(now),
                            .owner = owner,
                            .created = now,
                            .removal = {},
                            .modified = now,
                            .revision = new_revision(now),
                            .settings = settings};
  CO_TRY(put(rows, name, record));
  CO_TRY(co_await transaction->commit());
  co_return info_of(name, record);
}

Task<BucketInfo> Buckets::change(const RequestContext&, const std::string& name, const Edit& edit,
                                 const Conditions& conditions) {
  if (!may_be_bucket(name)) co_return fail(ErrorCode::no_such_bucket);
  auto attempt = [&] { return change_once(name, edit, conditions); };
  co_return co_await retry_conflicts(attempt);
}

Task<BucketInfo> Buckets::change_once(const std::string& name, const Edit& edit, const Conditions& conditions) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(auto record, co_await rows.get<BucketRecord>(bucket_key(name)));
  if (!record) co_return fail(ErrorCode::no_such_bucket, name);
  CO_TRY(check_bucket(conditions, info_of(name, *record)));
  CO_TRY(check_lease(conditions.lease, record->lease, clock_.now()));
  const auto before = record->settings.versioning;
  const bool was_locked = record->settings.object_lock.enabled;
  CO_TRY(edit(record->settings));
  // Where it is off, no key has versions; that cannot be had again.
  const bool turns_off = before != Versioning::off && record->settings.versioning == Versioning::off;
  if (turns_off) co_return fail(ErrorCode::invalid_argument, "versioning can be suspended, not turned off");
  if (was_locked && !record->settings.object_lock.enabled) {
    co_return fail(ErrorCode::bucket_state_clash, "Object Lock cannot be disabled");
  }
  CO_TRY(check_settings(record->settings));
  record->modified = clock_.now();
  record->revision = new_revision(record->modified, record->revision);
  CO_TRY(put(rows, name, *record));
  CO_TRY(co_await transaction->commit());
  co_return info_of(name, *record);
}

Task<> Buckets::remove(const RequestContext&, const std::string& name, const std::optional<std::string>& lease) {
  if (!may_be_bucket(name)) co_return fail(ErrorCode::no_such_bucket);
  auto attempt = [&] { return remove_once(name, lease); };
  co_return co_await retry_conflicts(attempt);
}

// Emptiness is a decision from a scan, which no commit guards. So the removal marks
// the bucket first, and scans then, at a later snapshot. A put that got the row
// before the mark loses its commit; one that got it after takes the mark away, and
// the removal loses. A mark that is left behind hinders nobody.
Task<> Buckets::remove_once(const std::string& name, const std::optional<std::string>& lease) {
  const auto marking = backend_.index.begin();
  Catalog marked_rows(*marking);
  CO_TRY(auto record, co_await marked_rows.get<BucketRecord>(bucket_key(name)));
  if (!record) co_return fail(ErrorCode::no_such_bucket, name);
  CO_TRY(check_lease_for_write(lease, record->lease, clock_.now()));
  CO_TRY(co_await check_empty(*marking, name));
  record->removal = new_id(clock_.now());
  marked_rows.put(bucket_key(name), *record);
  CO_TRY(co_await marking->commit());

  const auto removal = backend_.index.begin();
  Catalog rows(*removal);
  CO_TRY(const auto still, co_await rows.get<BucketRecord>(bucket_key(name)));
  if (!still || still->removal != record->removal) co_return fail(ErrorCode::conflict, name);
  CO_TRY(co_await check_empty(*removal, name));
  rows.erase(bucket_key(name));
  rows.put(bucket_garbage_key(record->id), BucketGarbage{name});
  co_return co_await removal->commit();
}

Task<BucketInfo> Buckets::stat(const RequestContext&, const std::string& name) {
  CO_TRY(const auto record, co_await find_bucket(backend_.index, name));
  co_return info_of(name, *record);
}

std::shared_ptr<const BucketInfo> Buckets::at_hand(const std::string& name) {
  return bucket_at_hand(backend_.index, name);
}

Task<BucketPage> Buckets::list(const RequestContext&, const std::string& owner, const std::string& prefix,
                               const std::string& after, std::size_t limit) {
  BucketPage page;
  if (limit == 0 || prefix.size() > Index::kKeySizeMax / 2) co_return page;
  auto range = keys_with(bucket_key(prefix));
  if (!after.empty()) {
    range.begin = std::max(range.begin, bucket_key(std::string_view(after).substr(0, Index::kKeySizeMax / 2)) + '\0');
  }
  const auto transaction = backend_.index.begin();
  Cursor cursor(*transaction, std::move(range));
  for (;; cursor.pop()) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) co_return page;
    CO_TRY(const auto record, decode_row<BucketRecord>(row->key, row->value));
    if (!owner.empty() && record.owner != owner) continue;
    if (page.buckets.size() == limit) break;
    page.buckets.push_back(info_of(bucket_of_key(row->key), record));
  }
  page.next = page.buckets.back().name;
  co_return page;
}

}  // namespace sluice::object

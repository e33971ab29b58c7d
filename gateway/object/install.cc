#include "gateway/object/install.h"

#include "gateway/object/ids.h"

namespace sluice::object {

Task<BucketRecord> claim_bucket(Catalog& rows, const std::string& bucket) {
  CO_TRY(auto record, co_await rows.get<BucketRecord>(bucket_key(bucket)));
  if (!record) co_return fail(ErrorCode::no_such_bucket, bucket);
  if (!record->removal.empty()) {
    record->removal.clear();
    rows.put(bucket_key(bucket), *record);
  }
  co_return std::move(*record);
}

Task<bool> install(Catalog& rows, References& references, UtcTime now, const ObjectName& name,
                   const Conditions& conditions, ObjectRecord& record, Before before) {
  CO_TRY(auto current, co_await rows.get<ObjectRecord>(object_key(name)));
  std::optional<ObjectInfo> current_info;
  if (current) current_info = std::move(current->info);
  CO_TRY(check_write(conditions, current_info));

  record.info.modified = now;
  record.info.created = current_info && before == Before::kept ? current_info->created : now;
  record.info.revision = new_revision(now, current_info ? current_info->revision : 0);
  auto value = record.encode();
  if (value.size() > Index::kValueSizeMax) co_return fail(ErrorCode::metadata_too_large, std::to_string(value.size()));
  rows.transaction().put(object_key(name), std::move(value));
  if (!current || before == Before::kept) co_return false;
  let_go(rows, references, current->content);
  co_return leaves_garbage(current->content);
}

Task<BucketRecord> check_early(Index& index, const ObjectName& name, const Conditions& conditions) {
  CO_TRY(auto bucket, co_await find_bucket(index, name.bucket));
  if (conditions.empty()) co_return std::move(bucket);
  const auto key = object_key(name);
  CO_TRY(const auto row, co_await index.get(key));
  std::optional<ObjectInfo> current;
  if (row) {
    CO_TRY(auto record, decode_row<ObjectRecord>(key, *row));
    current = std::move(record.info);
  }
  CO_TRY(check_write(conditions, current));
  co_return std::move(bucket);
}

}  // namespace sluice::object

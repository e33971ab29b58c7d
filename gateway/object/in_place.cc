#include "gateway/object/in_place.h"

namespace sluice::object {
namespace {

// Within the transaction, so that the answer is of the same moment as all else.
Task<FoundState> refuse(Catalog& rows, const ObjectName& name, const Which& which, bool is_marker) {
  CO_TRY(const auto bucket, co_await rows.get<BucketRecord>(bucket_key(name.bucket)));
  if (!bucket) co_return fail(ErrorCode::no_such_bucket, name.bucket);
  if (which.current()) co_return fail(ErrorCode::no_such_object, name.key);
  co_return fail(is_marker ? ErrorCode::is_delete_marker : ErrorCode::no_such_version, name.key);
}

}  // namespace

Task<FoundState> claim_state(Catalog& rows, const ObjectName& name, const Which& which, const Conditions& conditions,
                             UtcTime now) {
  CO_TRY(auto found, co_await find_state(rows, name, which));
  if (!found || found->record.info.delete_marker) co_return co_await refuse(rows, name, which, found.has_value());
  auto& info = found->record.info;
  CO_TRY(check_write(conditions, info));
  CO_TRY(check_not_following(info));
  if (found->key == object_key(name)) {
    CO_TRY(info.lease, check_lease_for_write(conditions.lease, info.lease, now));
  }
  co_return std::move(*found);
}

Task<FoundState> claim_for_write(Catalog& rows, const ObjectName& name, const Conditions& conditions, UtcTime now) {
  CO_TRY(auto state, co_await claim_state(rows, name, {}, conditions, now));
  CO_TRY(check_unprotected(state.record.info.protection, now));
  co_return std::move(state);
}

void revise(ObjectRecord& record, UtcTime now) {
  record.info.changed = next_revision(now, record);
  record.info.modified = now;
}

}  // namespace sluice::object

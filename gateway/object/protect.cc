#include "gateway/object/objects.h"
#include "gateway/object/retry.h"
#include "gateway/object/versions.h"

namespace sluice::object {

Task<ObjectInfo> Objects::protect(const RequestContext&, const ObjectName& name, const ProtectionChange& change) {
  CO_TRY(check_name(name));
  auto attempt = [&] { return protect_once(name, change); };
  co_return co_await retry_conflicts(attempt);
}

// A lease is no hindrance: nothing is changed of what it locks.
Task<ObjectInfo> Objects::protect_once(const ObjectName& name, const ProtectionChange& change) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  const auto now = clock_.now();
  CO_TRY(const auto bucket, co_await rows.get<BucketRecord>(bucket_key(name.bucket)));
  if (!bucket) co_return fail(ErrorCode::no_such_bucket, name.bucket);
  CO_TRY(auto state, co_await find_state(rows, name, change.which));
  if (!state || state->record.info.delete_marker) {
    co_return std::unexpected(co_await why_not(backend_.index, name, change.which, state.has_value()));
  }
  auto& info = state->record.info;
  if (change.admit) {
    CO_TRY(change.admit(info));
  }
  if (!bucket->settings.object_lock.enabled) co_return fail(ErrorCode::no_object_lock, name.bucket);
  CO_TRY(check_write(change.conditions, info));
  auto& protection = info.protection;
  if (change.retention) {
    CO_TRY(check_retention(protection.retention, *change.retention, now, change.bypass));
    protection.retention = *change.retention;
  }
  if (change.legal_hold) protection.legal_hold = *change.legal_hold;
  CO_TRY(auto value, encode_object(state->record));
  transaction->put(state->key, std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return std::move(info);
}

}  // namespace sluice::object

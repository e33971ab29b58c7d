#include "gateway/object/leases.h"

#include "gateway/object/catalog.h"
#include "gateway/object/known_bucket.h"
#include "gateway/object/retry.h"
#include "gateway/object/versions.h"

namespace sluice::object {

Task<ObjectLease> Leases::perform(const RequestContext&, const ObjectName& name, const Conditions& conditions,
                                  const LeaseRequest& request) {
  CO_TRY(check_name(name));
  auto attempt = [&] { return perform_once(name, conditions, request); };
  co_return co_await retry_conflicts(attempt);
}

Task<ObjectLease> Leases::perform_once(const ObjectName& name, const Conditions& conditions,
                                       const LeaseRequest& request) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(auto record, co_await rows.get<ObjectRecord>(object_key(name)));
  if (!record || record->info.delete_marker || record->info.soft_deleted) {
    co_return std::unexpected(co_await why_missing(backend_.index, name));
  }
  CO_TRY(check_write(conditions, record->info));
  CO_TRY(check_not_following(record->info));
  CO_TRY(auto answer, object::perform(request, clock_.now(), record->info.lease));
  CO_TRY(auto value, encode_object(*record));
  transaction->put(object_key(name), std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return ObjectLease{std::move(answer), std::move(record->info)};
}

Task<BucketLease> Leases::perform(const RequestContext&, const std::string& bucket, const Conditions& conditions,
                                  const LeaseRequest& request) {
  if (!may_be_bucket(bucket)) co_return fail(ErrorCode::no_such_bucket);
  auto attempt = [&] { return perform_once(bucket, conditions, request); };
  co_return co_await retry_conflicts(attempt);
}

Task<BucketLease> Leases::perform_once(const std::string& bucket, const Conditions& conditions,
                                       const LeaseRequest& request) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(auto record, co_await rows.get<BucketRecord>(bucket_key(bucket)));
  if (!record) co_return fail(ErrorCode::no_such_bucket, bucket);
  BucketInfo info{bucket,           record->owner,    record->created, record->modified,
                  record->revision, record->settings, record->lease};
  CO_TRY(check_bucket(conditions, info));
  CO_TRY(auto answer, object::perform(request, clock_.now(), record->lease));
  rows.put(bucket_key(bucket), *record);
  CO_TRY(co_await transaction->commit());
  info.lease = record->lease;
  co_return BucketLease{std::move(answer), std::move(info)};
}

}  // namespace sluice::object

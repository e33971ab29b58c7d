#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/object/purge.h"

namespace sluice::blob {
namespace {

/// This server's own way to have immutable storage with versioning: elsewhere it is the
/// management plane's to say.
Outcome<bool> asks_for_lock(const Fields& fields) {
  constexpr std::string_view kName = "x-ms-immutable-storage-with-versioning-enabled";
  const auto text = fields.find(kName);
  if (!text) return false;
  const auto truth = parse_truth(*text);
  if (!truth) return invalid_header(kName, *text);
  return *truth;
}

}  // namespace

Outcome<> check_container_name(std::string_view name) {
  if (object::is_special_bucket(name)) return {};
  const bool spelled = name.size() >= 3 && name.size() <= 63 &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos &&
                       !name.starts_with('-') && !name.ends_with('-') && name.find("--") == name.npos;
  if (!spelled) return refuse(Code::invalid_resource_name);
  return {};
}

Failure explain_container(const Error& error) {
  if (error.code == ErrorCode::lease_mismatch) return Failure(Code::lease_id_mismatch_with_container_operation);
  if (error.code == ErrorCode::lease_absent || error.code == ErrorCode::lease_lost) {
    return Failure(Code::lease_not_present_with_container_operation);
  }
  return error;
}

Step<object::BucketInfo> Handler::leased_bucket_of(Call& call) {
  CO_TRY(const auto lease, read_lease_id(call.fields(), "x-ms-lease-id"));
  CO_TRY(object::BucketInfo bucket, co_await bucket_of(call));
  const auto held = object::check_lease(lease, bucket.lease, services_.clock.now());
  if (!held) co_return std::unexpected(explain_container(held.error()));
  co_return bucket;
}

Awaitable<Answer> Handler::create_container(Call& call) {
  CO_TRY(check_container_name(call.target.container));
  object::BucketSettings options;
  CO_TRY(options.metadata, read_metadata(call.fields()));
  CO_TRY(options.public_access, read_public_access(call.fields()));
  CO_TRY(options.object_lock.enabled, asks_for_lock(call.fields()));
  if (options.object_lock.enabled) options.versioning = object::Versioning::enabled;
  CO_TRY(const object::BucketInfo made,
         co_await services_.buckets.create(call.context, call.target.container, call.account->owner, options));
  http::Response response = empty(201);
  add_change(response.header, made.modified, made.revision_tag());
  co_return response;
}

Awaitable<Answer> Handler::get_container(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await leased_bucket_of(call));
  http::Response response = empty(200);
  add_change(response.header, bucket.modified, bucket.revision_tag());
  add_metadata(response.header, bucket.settings.metadata);
  if (!call.query().has("comp")) {
    add_lease(response.header, bucket.lease, services_.clock.now());
    const object::ObjectLock& lock = bucket.settings.object_lock;
    const bool has_policy = lock.mode != object::RetentionMode::none;
    response.header.add("x-ms-has-immutability-policy", has_policy ? "true" : "false");
    response.header.add("x-ms-immutable-storage-with-versioning-enabled", lock.enabled ? "true" : "false");
    response.header.add("x-ms-has-legal-hold", "false");
    const auto access = public_access_text(bucket.settings.public_access);
    if (!access.empty() && !call.anonymous) response.header.add("x-ms-blob-public-access", access);
  }
  co_return response;
}

Awaitable<Answer> Handler::set_container_metadata(Call& call) {
  CO_TRY(object::Metadata metadata, read_metadata(call.fields()));
  CO_TRY(const object::Conditions conditions, write_conditions(call.fields()));
  const object::Buckets::Edit edit = [&](object::BucketSettings& settings) -> Result<> {
    settings.metadata = metadata;
    return done;
  };
  const auto changed = co_await services_.buckets.change(call.context, call.target.container, edit, conditions);
  if (!changed) co_return std::unexpected(explain_container(changed.error()));
  http::Response response = empty(200);
  add_change(response.header, changed->modified, changed->revision_tag());
  co_return response;
}

Awaitable<Answer> Handler::delete_container(Call& call) {
  CO_TRY(const object::Conditions conditions, write_conditions(call.fields()));
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(object::check_bucket(conditions, bucket));
  // Before anything is removed; the removal of the container itself checks again.
  const UtcTime now = services_.clock.now();
  const auto held = object::check_lease_for_write(conditions.lease, bucket.lease, now);
  if (!held) co_return std::unexpected(explain_container(held.error()));
  const auto purged = co_await object::purge(services_.backend, services_.objects, services_.buckets, call.context,
                                             call.target.container, conditions.lease, now);
  const bool is_protected = bucket.settings.object_lock.enabled;
  if (!purged && is_protected && purged.error().code == ErrorCode::bucket_not_empty) {
    co_return blob::refuse(Code::container_protected_from_deletion);
  }
  if (!purged) co_return std::unexpected(explain_container(purged.error()));
  co_return empty(202);
}

}  // namespace sluice::blob

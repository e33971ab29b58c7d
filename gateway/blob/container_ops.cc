#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/object/purge.h"

namespace sluice::blob {
namespace {

/// "Naming and referencing containers, blobs, and metadata", Azure Storage REST API.
Outcome<> check_new_name(std::string_view name) {
  if (object::is_special_bucket(name)) return {};
  const bool spelled = name.size() >= 3 && name.size() <= 63 &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos &&
                       !name.starts_with('-') && !name.ends_with('-') && name.find("--") == name.npos;
  if (!spelled) return refuse(Code::invalid_resource_name);
  return {};
}

}  // namespace

Awaitable<Answer> Handler::create_container(Call& call) {
  CO_TRY(check_new_name(call.target.container));
  object::BucketSettings options;
  CO_TRY(options.metadata, read_metadata(call.fields()));
  CO_TRY(options.public_access, read_public_access(call.fields()));
  CO_TRY(const object::BucketInfo made,
         co_await services_.buckets.create(call.context, call.target.container, call.account->owner, options));
  http::Response response = empty(201);
  add_change(response.header, made.modified, made.revision_tag());
  co_return response;
}

Awaitable<Answer> Handler::get_container(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  http::Response response = empty(200);
  add_change(response.header, bucket.modified, bucket.revision_tag());
  add_metadata(response.header, bucket.settings.metadata);
  if (!call.query().has("comp")) {
    response.header.add("x-ms-lease-status", "unlocked");
    response.header.add("x-ms-lease-state", "available");
    response.header.add("x-ms-has-immutability-policy", "false");
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
  CO_TRY(const object::BucketInfo changed,
         co_await services_.buckets.change(call.context, call.target.container, edit, conditions));
  http::Response response = empty(200);
  add_change(response.header, changed.modified, changed.revision_tag());
  co_return response;
}

Awaitable<Answer> Handler::delete_container(Call& call) {
  CO_TRY(const object::Conditions conditions, write_conditions(call.fields()));
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(object::check_bucket(conditions, bucket));
  CO_TRY(co_await object::purge(services_.backend, services_.objects, services_.buckets, call.context,
                                call.target.container));
  co_return empty(202);
}

}  // namespace sluice::blob

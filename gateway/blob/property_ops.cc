#include "gateway/blob/customer_key.h"
#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"

namespace sluice::blob {

Step<object::ObjectInfo> Handler::change_blob(Call& call, const BlobEdit& edit) {
  object::ChangeOptions options;
  options.revises = true;
  CO_TRY(options.conditions, write_conditions(call.fields()));
  CO_TRY(const auto key, customer_key(call));
  const object::Objects::Edit keep = [&](object::ObjectInfo& info) -> Result<> {
    // What a customer keeps the key of is told, and changed, with the key alone.
    TRY(object::check_customer_key(info.encryption, key));
    if (info.is_archived(services_.clock.now())) return fail(ErrorCode::archived);
    edit(info);
    return done;
  };
  const object::ObjectName name = call.name();
  const auto changed = co_await services_.objects.change(call.context, name, options, keep);
  if (!changed) co_return std::unexpected(changed.error());
  co_return *changed;
}

// A copy of the blob onto itself makes a version of what was there; what `edit` does not
// change stays as it was.
Step<object::ObjectInfo> Handler::copy_changed(Call& call, const BlobEdit& edit) {
  object::CopyOptions options;
  CO_TRY(options.conditions, write_conditions(call.fields()));
  CO_TRY(options.encryption.customer_key, customer_key(call));
  options.source_customer_key = options.encryption.customer_key;
  object::ObjectInfo before;
  options.admit_source = [&](const object::ObjectInfo& info) -> Result<> {
    // "Version-level WORM policies", Azure Storage: metadata of what is protected is not written.
    TRY(object::check_unprotected(info.protection, services_.clock.now()));
    before = info;
    return done;
  };
  options.edit = [&](object::ObjectInfo& info) -> Result<> {
    info.owner = before.owner;
    info.acl = before.acl;
    info.copy = before.copy;
    info.sealed = before.sealed;
    info.tiering = before.tiering;
    edit(info);
    return done;
  };
  const object::ObjectName name = call.name();
  const auto changed = co_await services_.objects.copy(call.context, name, name, options);
  if (!changed) co_return std::unexpected(changed.error());
  co_return *changed;
}

Awaitable<Answer> Handler::set_blob_properties(Call& call) {
  CO_TRY(const Description description, read_description(call.fields(), false));
  const BlobEdit edit = [&](object::ObjectInfo& info) {
    // "Set Blob Properties", Azure Storage REST API: what is not sent is cleared; but
    // what this protocol has no word for stays.
    object::ContentHeaders headers = description.headers;
    headers.redirect_location = info.headers.redirect_location;
    headers.expires = info.headers.expires;
    info.headers = std::move(headers);
  };
  CO_TRY(const object::ObjectInfo changed, co_await change_blob(call, edit));
  http::Response response = empty(200);
  add_change(response.header, changed);
  if (changed.kind == object::ObjectKind::page) {
    response.header.add("x-ms-blob-sequence-number", std::to_string(changed.sequence_number));
  }
  co_return response;
}

Awaitable<Answer> Handler::set_blob_metadata(Call& call) {
  CO_TRY(const object::Metadata metadata, read_metadata(call.fields()));
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  const BlobEdit edit = [&](object::ObjectInfo& info) { info.metadata = metadata; };
  // "Blob versioning", Azure Storage: new metadata makes a version, new properties do not.
  const bool keeps_versions = bucket.settings.versioning != object::Versioning::off;
  CO_TRY(const object::ObjectInfo changed,
         co_await (keeps_versions ? copy_changed(call, edit) : change_blob(call, edit)));
  http::Response response = empty(200);
  add_change(response.header, changed);
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(changed));
  co_return response;
}

Awaitable<Answer> Handler::get_blob_metadata(Call& call) {
  object::OpenOptions options;
  CO_TRY(options.which, read_which(call.query()));
  CO_TRY(options.conditions, read_conditions(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  const object::ObjectName name = call.name();
  const auto found = co_await services_.objects.stat(call.context, name, options);
  if (!found) co_return std::unexpected(explain_read(found.error(), options.conditions));
  http::Response response = empty(200);
  add_change(response.header, found->info);
  add_metadata(response.header, found->info.metadata);
  co_return response;
}

}  // namespace sluice::blob

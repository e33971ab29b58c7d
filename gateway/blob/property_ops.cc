#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"

namespace sluice::blob {

// A copy of the blob onto itself: its bytes stay where they are, and what `edit` does
// not change stays as it was.
Step<object::ObjectInfo> Handler::change_blob(Call& call, const BlobEdit& edit) {
  object::CopyOptions options;
  CO_TRY(options.conditions, write_conditions(call.fields()));
  object::ObjectInfo before;
  options.admit_source = [&](const object::ObjectInfo& info) -> Result<> {
    before = info;
    return done;
  };
  options.edit = [&](object::ObjectInfo& info) -> Result<> {
    info.owner = before.owner;
    info.acl = before.acl;
    info.copy = before.copy;
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
  add_change(response.header, changed.modified, changed.revision_tag());
  co_return response;
}

Awaitable<Answer> Handler::set_blob_metadata(Call& call) {
  CO_TRY(const object::Metadata metadata, read_metadata(call.fields()));
  const BlobEdit edit = [&](object::ObjectInfo& info) { info.metadata = metadata; };
  CO_TRY(const object::ObjectInfo changed, co_await change_blob(call, edit));
  http::Response response = empty(200);
  add_change(response.header, changed.modified, changed.revision_tag());
  response.header.add("x-ms-request-server-encrypted", changed.encryption ? "true" : "false");
  co_return response;
}

Awaitable<Answer> Handler::get_blob_metadata(Call& call) {
  CO_TRY(check_plain_read(call));
  object::OpenOptions options;
  CO_TRY(options.conditions, read_conditions(call.fields()));
  const object::ObjectName name = call.name();
  const auto found = co_await services_.objects.stat(call.context, name, options);
  if (!found) co_return std::unexpected(explain_read(found.error(), options.conditions));
  http::Response response = empty(200);
  add_change(response.header, found->info.modified, found->info.revision_tag());
  add_metadata(response.header, found->info.metadata);
  co_return response;
}

}  // namespace sluice::blob

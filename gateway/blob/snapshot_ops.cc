#include "gateway/blob/customer_key.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"

namespace sluice::blob {

Awaitable<Answer> Handler::snapshot_blob(Call& call) {
  CO_TRY(object::Metadata given, read_metadata(call.fields()));
  CO_TRY(const object::Conditions conditions, write_conditions(call.fields()));
  std::optional<object::Metadata> metadata;
  if (!given.empty()) metadata = std::move(given);
  const object::ObjectName name = call.name();
  // Who has not the key of a blob has no use of it; bytes and key are the snapshot's as they are.
  object::OpenOptions looking;
  CO_TRY(looking.customer_key, customer_key(call));
  CO_TRY(co_await services_.objects.stat(call.context, name, looking));
  CO_TRY(const object::ObjectInfo made, co_await services_.objects.snapshot(call.context, name, conditions, metadata));
  http::Response response = empty(201);
  response.header.add("x-ms-snapshot", object::revision_time(made.snapshot));
  add_change(response.header, made);
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(made));
  co_return response;
}

Step<> Handler::add_version(Call& call, const object::Which& which, const object::ObjectInfo& info,
                            http::ResponseHeader& header) {
  if (which.snapshot != 0) co_return Outcome<>{};
  bool is_current = which.current() && info.versioned;
  if (which.version) {
    const object::ObjectName name = call.name();
    CO_TRY(const auto head, co_await services_.objects.head(call.context, name));
    is_current = head && head->revision == info.revision;
    // A version of before there were versions has no id of its own.
    if (!info.versioned) header.add("x-ms-version-id", object::revision_time(info.revision));
  }
  if (is_current) header.add("x-ms-is-current-version", "true");
  co_return Outcome<>{};
}

}  // namespace sluice::blob

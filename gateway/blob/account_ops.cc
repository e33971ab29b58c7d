#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/paging.h"
#include "gateway/http/field.h"
#include "gateway/xml/xml.h"

namespace sluice::blob {

Awaitable<Answer> Handler::not_implemented(Call& call) {
  co_return blob::refuse(Code::not_implemented, std::string(call.row->name) + " is not supported by this server.");
}

Awaitable<Answer> Handler::list_containers(Call& call) {
  CO_TRY(const Paging paging, read_paging(call.query()));
  CO_TRY(const Includes includes, read_includes(call.query(), {"metadata", "deleted", "system"}));
  CO_TRY(const object::BucketPage page,
         co_await services_.buckets.list(call.context, call.account->owner, paging.prefix, paging.after, paging.limit));
  xml::Writer xml;
  xml.open_raw("EnumerationResults", " ServiceEndpoint=\"" + attribute_text(endpoint(call)) + "\"");
  echo(xml, paging, call.query());
  xml.open("Containers");
  for (const object::BucketInfo& bucket : page.buckets) {
    if (object::is_special_bucket(bucket.name) && !includes.has("system") && bucket.name != kRootContainer) continue;
    xml.open("Container");
    xml.element("Name", bucket.name);
    xml.open("Properties");
    xml.element("Last-Modified", http_date(bucket.modified));
    xml.element("Etag", quoted(bucket.revision_tag()));
    write_lease(xml, bucket.lease, services_.clock.now());
    if (const auto access = public_access_text(bucket.settings.public_access); !access.empty()) {
      xml.element("PublicAccess", access);
    }
    const object::ObjectLock& lock = bucket.settings.object_lock;
    xml.element("HasImmutabilityPolicy", lock.mode != object::RetentionMode::none);
    xml.element("ImmutableStorageWithVersioningEnabled", lock.enabled);
    xml.element("HasLegalHold", false);
    xml.close();
    if (includes.has("metadata")) write_metadata(xml, bucket.settings.metadata);
    xml.close();
  }
  xml.close();
  xml.element("NextMarker", marker_of(page.next));
  xml.close();
  co_return document(200, xml.take());
}

Awaitable<Answer> Handler::get_service_stats(Call&) {
  xml::Writer xml;
  xml.open("StorageServiceStats");
  xml.open("GeoReplication");
  // The secondary address reads the very same store.
  xml.element("Status", std::string_view("live"));
  xml.element("LastSyncTime", http_date(services_.clock.now()));
  xml.close();
  xml.close();
  co_return document(200, xml.take());
}

Awaitable<Answer> Handler::get_account_information(Call&) {
  http::Response response = empty(200);
  response.header.add("x-ms-sku-name", "Standard_LRS");
  response.header.add("x-ms-account-kind", "StorageV2");
  response.header.add("x-ms-is-hns-enabled", "false");
  co_return response;
}

}  // namespace sluice::blob

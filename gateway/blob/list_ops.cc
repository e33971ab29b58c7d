#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/paging.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

void write_properties(xml::Writer& xml, const object::ObjectInfo& info, const Includes& includes, UtcTime now) {
  xml.open("Properties");
  xml.element("Creation-Time", http_date(info.created));
  xml.element("Last-Modified", http_date(info.modified));
  xml.element("Etag", info.revision_tag());
  xml.element("Content-Length", info.size);
  const std::string_view type = info.headers.type;
  xml.element("Content-Type", type.empty() ? std::string_view("application/octet-stream") : type);
  xml.element("Content-Encoding", info.headers.encoding);
  xml.element("Content-Language", info.headers.language);
  xml.element("Content-CRC64", std::string_view());
  xml.element("Content-MD5", md5_text(info));
  xml.element("Cache-Control", info.headers.cache_control);
  xml.element("Content-Disposition", info.headers.disposition);
  xml.element("BlobType", type_text(info));
  xml.element("AccessTier", std::string_view("Hot"));
  xml.element("AccessTierInferred", true);
  write_lease(xml, info.lease, now);
  xml.element("ServerEncrypted", false);
  if (info.copy && includes.has("copy")) {
    xml.element("CopyId", info.copy->id);
    xml.element("CopySource", info.copy->source);
    xml.element("CopyStatus", std::string_view("success"));
    xml.element("CopyProgress", std::to_string(info.size) + "/" + std::to_string(info.size));
    xml.element("CopyCompletionTime", http_date(info.created));
  }
  xml.close();
}

void write_entry(xml::Writer& xml, const object::ListEntry& entry, const Includes& includes, UtcTime now) {
  xml.open(entry.is_prefix ? "BlobPrefix" : "Blob");
  write_name(xml, entry.name);
  if (!entry.is_prefix) {
    write_properties(xml, entry.info, includes, now);
    if (includes.has("metadata")) write_metadata(xml, entry.info.metadata);
  }
  xml.close();
}

}  // namespace

Awaitable<Answer> Handler::list_blobs(Call& call) {
  CO_TRY(const Paging paging, read_paging(call.query()));
  CO_TRY(const Includes includes,
         read_includes(call.query(), {"metadata", "snapshots", "copy", "deleted", "versions", "deletedwithversions",
                                      "immutabilitypolicy", "legalhold", "tags"}));
  for (const std::string_view name : {"showonly", "startFrom", "endBefore"}) {
    if (call.query().has(name)) co_return invalid_parameter(name, call.query().get(name), "It is not supported.");
  }
  const object::ListOptions options{.prefix = paging.prefix,
                                    .delimiter = std::string(call.query().get("delimiter")),
                                    .after = paging.after,
                                    .limit = paging.limit};
  CO_TRY(const object::ListPage page,
         co_await object::list_objects(services_.backend, call.context, call.target.container, options));

  xml::Writer xml;
  xml.open_raw("EnumerationResults", " ServiceEndpoint=\"" + attribute_text(endpoint(call)) + "\" ContainerName=\"" +
                                         attribute_text(call.target.container) + "\"");
  echo(xml, paging, call.query());
  if (!options.delimiter.empty()) xml.element("Delimiter", options.delimiter);
  xml.open("Blobs");
  for (const object::ListEntry& entry : page.entries) write_entry(xml, entry, includes, services_.clock.now());
  xml.close();
  xml.element("NextMarker", page.truncated ? marker_of(page.entries.back().name) : std::string());
  xml.close();
  co_return document(200, xml.take());
}

}  // namespace sluice::blob

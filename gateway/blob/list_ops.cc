#include <array>
#include <cinttypes>
#include <cstdio>

#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/paging.h"
#include "gateway/blob/retention.h"
#include "gateway/blob/tags.h"
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
  if (info.kind == object::ObjectKind::block) write_tier(xml, info, now);
  if (info.sealed) xml.element("Sealed", true);
  if (info.kind == object::ObjectKind::page) xml.element("x-ms-blob-sequence-number", info.sequence_number);
  write_lease(xml, info.lease, now);
  if (!info.tags.empty()) xml.element("TagCount", std::uint64_t{info.tags.size()});
  xml.element("ServerEncrypted", info.encryption.has_value());
  if (includes.has("immutabilitypolicy")) write_retention(xml, info.protection.retention);
  if (includes.has("legalhold")) write_legal_hold(xml, info.protection.legal_hold);
  if (info.soft_deleted) {
    xml.element("DeletedTime", http_date(info.deleted));
    const auto left = std::chrono::floor<std::chrono::days>(info.kept_until - now);
    xml.element("RemainingRetentionDays", static_cast<std::uint64_t>(left.count()));
  }
  if (info.copy && includes.has("copy")) {
    xml.element("CopyId", info.copy->id);
    xml.element("CopySource", info.copy->source);
    xml.element("CopyStatus", std::string_view("success"));
    xml.element("CopyProgress", std::to_string(info.size) + "/" + std::to_string(info.size));
    xml.element("CopyCompletionTime", http_date(info.following ? info.modified : info.created));
    if (info.following) xml.element("DestinationSnapshot", object::revision_time(info.following->snapshot));
  }
  if (info.following) xml.element("IncrementalCopy", true);
  xml.close();
}

void write_prefix(xml::Writer& xml, const std::string& name) {
  xml.open("BlobPrefix");
  write_name(xml, name);
  xml.close();
}

/// What a listing tells of one state of a blob.
struct Shown {
  const std::string& name;
  const object::ObjectInfo& info;
  bool is_latest = true;
};

void write_blob(xml::Writer& xml, const Shown& blob, const Includes& includes, UtcTime now) {
  const object::ObjectInfo& info = blob.info;
  xml.open("Blob");
  write_name(xml, blob.name);
  if (info.soft_deleted) xml.element("Deleted", true);
  if (info.snapshot != 0) xml.element("Snapshot", object::revision_time(info.snapshot));
  if (includes.has("versions") && info.snapshot == 0) {
    if (info.versioned || !blob.is_latest) xml.element("VersionId", object::revision_time(info.revision));
    if (blob.is_latest && !info.soft_deleted) xml.element("IsCurrentVersion", true);
  }
  write_properties(xml, info, includes, now);
  if (includes.has("metadata")) write_metadata(xml, info.metadata);
  if (includes.has("tags") && !info.tags.empty()) write_tags(xml, info.tags);
  xml.close();
}

/// Does the listing end before that name? ("List Blobs", Azure Storage REST API.)
bool is_beyond(const http::Query& query, std::string_view name) {
  const auto end = query.value("endBefore");
  return end && !end->empty() && name >= *end;
}

// A place among states is 16 hex digits, of the age of the last one listed, and its name.
constexpr std::size_t kAgeDigits = 16;

std::string place_of(const object::VersionEntry& entry) {
  std::array<char, kAgeDigits + 1> age{};
  std::snprintf(age.data(), age.size(), "%016" PRIX64, entry.is_prefix ? object::kAgeMax : object::age_of(entry));
  return age.data() + entry.name;
}

Outcome<> read_place(const Paging& paging, object::StateListOptions& options) {
  if (paging.after.empty()) return {};
  const auto age = from_hex(std::string_view(paging.after).substr(0, kAgeDigits));
  if (!age || age->size() != kAgeDigits / 2) return invalid_parameter("marker", marker_of(paging.after));
  options.age_after = 0;
  for (const char byte : *age) options.age_after = options.age_after << 8 | static_cast<unsigned char>(byte);
  options.key_after = paging.after.substr(kAgeDigits);
  return {};
}

}  // namespace

Step<std::string> Handler::write_current(Call& call, const Paging& paging, const Includes& includes, xml::Writer& xml) {
  const object::ListOptions options{.prefix = paging.prefix,
                                    .delimiter = std::string(call.query().get("delimiter")),
                                    .after = paging.after,
                                    .limit = paging.limit,
                                    .from = std::string(call.query().get("startFrom"))};
  CO_TRY(const object::ListPage page,
         co_await (includes.has("uncommittedblobs")
                       ? object::list_with_staged(services_.backend, call.context, call.target.container, options)
                       : object::list_objects(services_.backend, call.context, call.target.container, options)));
  for (const object::ListEntry& entry : page.entries) {
    if (is_beyond(call.query(), entry.name)) co_return std::string();
    if (entry.is_prefix) {
      write_prefix(xml, entry.name);
    } else {
      write_blob(xml, {.name = entry.name, .info = entry.info}, includes, services_.clock.now());
    }
  }
  co_return page.truncated ? page.entries.back().name : std::string();
}

Step<std::string> Handler::write_states(Call& call, const Paging& paging, const Includes& includes, xml::Writer& xml) {
  object::StateListOptions options{.prefix = paging.prefix,
                                   .delimiter = std::string(call.query().get("delimiter")),
                                   .key_after = {},
                                   .limit = paging.limit,
                                   .versions = includes.has("versions"),
                                   .snapshots = includes.has("snapshots"),
                                   .from = std::string(call.query().get("startFrom"))};
  options.deleted_only = call.query().has("showonly");
  if (includes.has("deleted") || options.deleted_only) options.deleted_at = services_.clock.now();
  CO_TRY(read_place(paging, options));
  CO_TRY(const object::StatePage page,
         co_await object::list_states(services_.backend, call.context, call.target.container, options));
  for (const object::VersionEntry& entry : page.entries) {
    if (is_beyond(call.query(), entry.name)) co_return std::string();
    if (entry.is_prefix) {
      write_prefix(xml, entry.name);
    } else {
      const Shown blob{.name = entry.name, .info = entry.info, .is_latest = entry.is_latest};
      write_blob(xml, blob, includes, services_.clock.now());
    }
  }
  co_return page.truncated ? place_of(page.entries.back()) : std::string();
}

Awaitable<Answer> Handler::list_blobs(Call& call) {
  CO_TRY(const Paging paging, read_paging(call.query()));
  CO_TRY(const Includes includes,
         read_includes(call.query(), {"metadata", "snapshots", "copy", "deleted", "versions", "deletedwithversions",
                                      "immutabilitypolicy", "legalhold", "tags", "uncommittedblobs"}));
  const bool sees_tags = call.grant ? call.grant->permissions.has_any("t") : !call.anonymous;
  if (includes.has("tags") && !sees_tags) {
    co_return blob::refuse(Code::authorization_permission_mismatch);
  }
  const auto shown = call.query().value("showonly");
  if (shown && !equals_ignoring_case(*shown, "deleted")) {
    co_return invalid_parameter("showonly", *shown, "Files and directories are not told apart here.");
  }
  const bool of_states = includes.has("snapshots") || includes.has("versions") || includes.has("deleted") || shown;
  if (of_states && includes.has("uncommittedblobs")) {
    co_return invalid_parameter("include", call.query().get("include"),
                                "uncommittedblobs does not go together with snapshots, versions and deleted.");
  }
  xml::Writer xml;
  xml.open_raw("EnumerationResults", " ServiceEndpoint=\"" + attribute_text(endpoint(call)) + "\" ContainerName=\"" +
                                         attribute_text(call.target.container) + "\"");
  echo(xml, paging, call.query());
  const std::string delimiter(call.query().get("delimiter"));
  if (!delimiter.empty()) xml.element("Delimiter", delimiter);
  xml.open("Blobs");
  CO_TRY(const std::string next,
         co_await (of_states ? write_states(call, paging, includes, xml) : write_current(call, paging, includes, xml)));
  xml.close();
  xml.element("NextMarker", marker_of(next));
  xml.close();
  co_return document(200, xml.take());
}

}  // namespace sluice::blob

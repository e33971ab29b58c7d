#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/paging.h"
#include "gateway/blob/tag_filter.h"
#include "gateway/blob/tags.h"
#include "gateway/blob/write_body.h"
#include "gateway/object/tag_search.h"

namespace sluice::blob {
namespace {

constexpr std::uint64_t kDocumentMax = 64 << 10;

/// "Get Blob Tags", Azure Storage REST API: conditions on the blob have names of their own.
Outcome<Conditional> conditions_of_tags(const Fields& fields) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"if-match", "x-ms-blob-if-match"},
      {"if-none-match", "x-ms-blob-if-none-match"},
      {"if-modified-since", "x-ms-blob-if-modified-since"},
      {"if-unmodified-since", "x-ms-blob-if-unmodified-since"},
  };
  bool plain = false;
  bool own = false;
  for (const auto& [name, own_name] : kNames) {
    plain = plain || fields.has(name);
    own = own || fields.has(own_name);
  }
  if (plain && own) return refuse(Code::multiple_condition_headers_not_supported);
  return own ? Conditional::tagged : Conditional::blob;
}

// A place in a search is a container's name, a slash, and a key: no name has a slash.
std::string place_of(const object::ObjectName& name) {
  return name.bucket.empty() ? std::string() : name.bucket + "/" + name.key;
}

Outcome<object::ObjectName> parse_place(const std::string& place) {
  if (place.empty()) return object::ObjectName{};
  const auto slash = place.find('/');
  if (slash == place.npos || !object::may_be_bucket(place.substr(0, slash))) {
    return invalid_parameter("marker", place);
  }
  return object::ObjectName{place.substr(0, slash), place.substr(slash + 1)};
}

std::string found_document(const http::Query& query, const object::TagQuery& filter, const object::TagPage& page,
                           const std::string& endpoint) {
  xml::Writer xml;
  xml.open_raw("EnumerationResults", " ServiceEndpoint=\"" + attribute_text(endpoint) + "\"");
  xml.element("Where", query.get("where"));
  xml.open("Blobs");
  for (const auto& [name, info] : page.items) {
    xml.open("Blob");
    write_name(xml, name.key);
    xml.element("ContainerName", name.bucket);
    write_tags(xml, info.tags, [&](std::string_view key) { return filter.names(key); });
    xml.close();
  }
  xml.close();
  xml.element("NextMarker", marker_of(place_of(page.next)));
  xml.close();
  return xml.take();
}

}  // namespace

Awaitable<Answer> Handler::get_blob_tags(Call& call) {
  object::OpenOptions options;
  CO_TRY(options.which, read_which(call.query()));
  CO_TRY(const Conditional whose, conditions_of_tags(call.fields()));
  CO_TRY(options.conditions, read_conditions(call.fields(), whose));
  options.key_waived = true;
  const object::ObjectName name = call.name();
  const auto found = co_await services_.objects.stat(call.context, name, options);
  if (!found) co_return std::unexpected(explain_read(found.error(), options.conditions));
  xml::Writer xml;
  write_tags(xml, found->info.tags);
  co_return document(200, xml.take());
}

Awaitable<Answer> Handler::set_blob_tags(Call& call) {
  object::ChangeOptions options;
  CO_TRY(options.which, read_which(call.query()));
  CO_TRY(const Conditional whose, conditions_of_tags(call.fields()));
  CO_TRY(options.conditions, write_conditions(call.fields(), whose));
  CO_TRY(const std::string text, co_await read_document(call, kDocumentMax));
  CO_TRY(const object::Tags tags, read_tags(text));
  const object::Objects::Edit edit = [&](object::ObjectInfo& info) -> Result<> {
    info.tags = tags;
    return done;
  };
  const object::ObjectName name = call.name();
  CO_TRY(co_await services_.objects.change(call.context, name, options, edit));
  co_return empty(204);
}

Awaitable<Answer> Handler::find_blobs_by_tags(Call& call) {
  const auto where = call.query().value("where");
  if (!where || where->empty()) co_return missing_parameter("where");
  const auto filter = parse_tag_search(*where);
  if (!filter) co_return invalid_parameter("where", *where, "Error parsing query: " + filter.error());
  if (call.query().has("include")) {
    co_return invalid_parameter("include", call.query().get("include"), "It is not supported.");
  }
  CO_TRY(const Paging paging, read_paging(call.query()));
  object::TagSearch search{.query = *filter, .owner = call.account->owner, .bucket = call.target.container};
  CO_TRY(search.after, parse_place(paging.after));
  search.limit = paging.limit;
  if (const auto only = filter->only_bucket(); search.bucket.empty() && only) {
    // One of another account, or none, has nothing that is found.
    const auto bucket = co_await services_.buckets.stat(call.context, std::string(*only));
    if (!bucket || bucket->owner != call.account->owner) {
      co_return document(200, found_document(call.query(), *filter, {}, endpoint(call)));
    }
    search.bucket = *only;
  }
  CO_TRY(const object::TagPage page,
         co_await object::find_by_tags(services_.backend, services_.buckets, call.context, search));
  co_return document(200, found_document(call.query(), *filter, page, endpoint(call)));
}

}  // namespace sluice::blob

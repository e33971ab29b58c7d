#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/http/field.h"
#include "gateway/s3/checksum.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::size_t kPartsMax = 1000;

/// What GetObjectAttributes is asked to tell.
struct Wanted {
  bool tag = false, checksum = false, parts = false, storage_class = false, size = false;
};

std::unexpected<Failure> invalid_header(std::string_view name, std::string_view value) {
  return std::unexpected(Failure(Code::invalid_argument, "Invalid attribute name specified.")
                             .with("ArgumentName", std::string(name))
                             .with("ArgumentValue", std::string(value)));
}

Outcome<Wanted> read_wanted(const Fields& fields) {
  constexpr std::string_view kHeader = "x-amz-object-attributes";
  Wanted wanted;
  const struct {
    std::string_view name;
    bool Wanted::* flag;
  } names[] = {{"ETag", &Wanted::tag},
               {"Checksum", &Wanted::checksum},
               {"ObjectParts", &Wanted::parts},
               {"StorageClass", &Wanted::storage_class},
               {"ObjectSize", &Wanted::size}};
  const std::string list = joined(fields, kHeader);
  if (list.empty()) return invalid_header(kHeader, list);
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::string_view one = trim(rest.substr(0, rest.find(',')));
    rest.remove_prefix(std::min(rest.size(), rest.find(',') == rest.npos ? rest.size() : rest.find(',') + 1));
    const auto* const row = std::ranges::find_if(names, [&](const auto& known) { return known.name == one; });
    if (row == std::end(names)) return invalid_header(kHeader, one);
    wanted.*(row->flag) = true;
  }
  return wanted;
}

Outcome<std::uint64_t> number_header(const Fields& fields, std::string_view name, std::uint64_t otherwise) {
  const auto text = fields.find(name);
  if (!text || text->empty()) return otherwise;
  const auto number = parse_decimal(*text);
  if (!number) return invalid_header(name, *text);
  return *number;
}

void tell_parts(XmlWriter& xml, const object::PartPage& page, std::uint64_t after, std::uint64_t limit) {
  xml.open("ObjectParts");
  xml.element("PartsCount", std::uint64_t{page.info.part_count});
  xml.element("PartNumberMarker", after);
  xml.element("NextPartNumberMarker", page.parts.empty() ? std::uint64_t{0} : page.parts.back().number);
  xml.element("MaxParts", limit);
  xml.element("IsTruncated", page.truncated);
  for (const object::PartInfo& part : page.parts) {
    xml.open("Part");
    if (part.checksum) xml.element(checksum_name(part.checksum->algorithm).element, to_base64(part.checksum->bytes));
    xml.element("PartNumber", std::uint64_t{part.number});
    xml.element("Size", part.size);
    xml.close();
  }
  xml.close();
}

}  // namespace

Awaitable<Answer> Handler::get_object_attributes(Call& call) {
  CO_TRY(const Wanted wanted, read_wanted(*call.fields));
  CO_TRY(const object::OpenOptions options, read_options(call));
  CO_TRY(const auto limit_asked, number_header(*call.fields, "x-amz-max-parts", kPartsMax));
  CO_TRY(const auto after, number_header(*call.fields, "x-amz-part-number-marker", 0));
  const auto limit = std::min<std::uint64_t>(limit_asked, kPartsMax);
  const object::ObjectName name = call.name();

  object::PartPage page;
  if (wanted.parts) {
    const auto after_number = static_cast<std::uint32_t>(std::min<std::uint64_t>(after, ~std::uint32_t{0}));
    auto found =
        co_await services_.objects.parts(call.context, name, after_number, limit, options.admit, options.which);
    if (!found) co_return co_await refuse_read(call, found.error());
    page = *std::move(found);
    CO_TRY(object::check_customer_key(page.info.encryption, options.customer_key));
    CO_TRY(object::check_read(options.conditions, page.info));
  } else {
    object::OpenOptions asked = options;
    asked.range.reset();
    asked.part_number.reset();
    auto found = co_await services_.objects.stat(call.context, name, asked);
    if (!found) co_return co_await refuse_read(call, found.error());
    page.info = std::move(found->info);
  }

  XmlWriter xml;
  xml.open_root("GetObjectAttributesResponse");
  if (wanted.tag) xml.element("ETag", page.info.content_tag());
  if (wanted.checksum && page.info.checksum) {
    xml.open("Checksum");
    add_checksum(xml, *page.info.checksum, page.info.part_count);
    xml.close();
  }
  if (wanted.parts && page.info.part_count != 0) tell_parts(xml, page, after, limit);
  if (wanted.storage_class) xml.element("StorageClass", storage_class_of(page.info.tiering, services_.clock.now()));
  if (wanted.size) xml.element("ObjectSize", page.info.size);
  xml.close();
  http::Response response = document(call, xml.take());
  const auto modified = std::chrono::floor<std::chrono::seconds>(page.info.modified);
  response.header.add("Last-Modified", http::format_http_date(modified));
  add_version(response.header, call, page.info);
  co_return response;
}

}  // namespace sluice::s3

#include <algorithm>

#include "gateway/blob/customer_key.h"
#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/paging.h"
#include "gateway/blob/source.h"
#include "gateway/blob/write_body.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::size_t kRangesMax = 10'000;

Outcome<object::PageOptions> read_page_options(const Fields& fields) {
  object::PageOptions options;
  TRY(options.conditions, write_conditions(fields));
  TRY(options.sequence.below, read_count(fields, "x-ms-if-sequence-number-lt"));
  TRY(options.sequence.at_most, read_count(fields, "x-ms-if-sequence-number-le"));
  TRY(options.sequence.exactly, read_count(fields, "x-ms-if-sequence-number-eq"));
  return options;
}

/// The pages that are written: both ends are said.
Outcome<ByteRange> read_pages(const Fields& fields) {
  const auto own = fields.find("x-ms-range");
  if (!own && !fields.has("range")) return missing_header("x-ms-range");
  TRY(const auto range, read_range(fields));
  if (!range || !range->first || !range->last || *range->last < *range->first) {
    return refuse(Code::invalid_page_range);
  }
  if (*range->last - *range->first >= object::Pages::kSizeMax) return refuse(Code::invalid_page_range);
  return ByteRange{*range->first, *range->last - *range->first + 1};
}

/// A size in whole pages.
Outcome<std::uint64_t> read_size(const Fields& fields) {
  constexpr std::string_view kName = "x-ms-blob-content-length";
  TRY(const auto size, read_count(fields, kName));
  if (!size) return missing_header(kName);
  if (*size % object::Pages::kPageSize != 0 || *size > object::Pages::kSizeMax) {
    return invalid_header(kName, fields.get(kName));
  }
  return *size;
}

Outcome<std::optional<std::uint64_t>> read_sequence_number(const Fields& fields) {
  constexpr std::string_view kName = "x-ms-blob-sequence-number";
  TRY(const auto number, read_count(fields, kName));
  if (number && *number > object::Pages::kSequenceMax) return invalid_header(kName, fields.get(kName));
  return number;
}

http::Response describe_pages(http::Response response, const object::ObjectInfo& info) {
  add_change(response.header, info.modified, info.revision_tag());
  response.header.add("x-ms-blob-sequence-number", std::to_string(info.sequence_number));
  return response;
}

http::Response describe_write(const Call& call, http::Response response, const object::PageAnswer& written,
                              bool has_crc64) {
  response = describe_pages(std::move(response), written.info);
  if (has_crc64) {
    response.header.add("x-ms-content-crc64", crc64_text(*written.crc64nvme));
  } else {
    response.header.add("Content-MD5", to_base64(written.md5->bytes));
  }
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(written.info));
  return response;
}

void write_ranges(xml::Writer& xml, const std::vector<object::PageRange>& ranges) {
  for (const auto& [bytes, cleared] : ranges) {
    xml.open(cleared ? "ClearRange" : "PageRange");
    xml.element("Start", bytes.offset);
    xml.element("End", bytes.offset + bytes.length - 1);
    xml.close();
  }
}

/// The snapshot that ranges of the state that is meant are to be compared with.
Outcome<std::optional<object::Which>> read_previous(const Call& call, const object::Which& which) {
  const auto text = call.query().value("prevsnapshot");
  if (!text) return std::nullopt;
  const auto revision = object::parse_revision_time(*text);
  if (!revision) return invalid_parameter("prevsnapshot", *text);
  if (which.snapshot != 0 && *revision > which.snapshot) return refuse(Code::previous_snapshot_cannot_be_newer);
  return object::Which{.version = {}, .snapshot = *revision};
}

/// A snapshot that was taken before the blob was put anew is of another one.
Outcome<> check_previous(const object::PageRangesPage& page) {
  if (!page.earlier) return refuse(Code::previous_snapshot_not_found);
  if (page.earlier->created != page.info.created) return refuse(Code::blob_overwritten);
  return {};
}

Outcome<std::size_t> read_limit(const Call& call) {
  const auto text = call.query().value("maxresults");
  if (!text) return kRangesMax;
  const auto number = parse_decimal(*text);
  if (!number) return invalid_parameter("maxresults", *text);
  if (*number == 0) return refuse(Code::out_of_range_query_parameter_value);
  return std::min<std::size_t>(*number, kRangesMax);
}

/// Which bytes are asked about, and where an earlier answer ended.
Outcome<ByteRange> read_asked(const Call& call) {
  TRY(const auto range, read_range(call.fields()));
  ByteRange asked{0, object::Pages::kSizeMax};
  if (range) {
    if (!range->first) return refuse(Code::invalid_range);
    asked.offset = *range->first;
    if (range->last) asked.length = std::min(asked.length, *range->last - *range->first) + 1;
  }
  const auto marker = call.query().value("marker");
  if (!marker || marker->empty()) return asked;
  const auto from = parse_decimal(*marker);
  if (!from) return invalid_parameter("marker", *marker);
  const auto end = asked.offset + asked.length;
  asked.offset = std::clamp(*from, asked.offset, end);
  asked.length = end - asked.offset;
  return asked;
}

}  // namespace

Awaitable<Answer> Handler::create_page_blob(Call& call) {
  WriteBody body(call, 0);
  CO_TRY(body.prepare());
  CO_TRY(const std::uint64_t size, read_size(call.fields()));
  CO_TRY(const auto sequence, read_sequence_number(call.fields()));
  CO_TRY(Description description, read_description(call.fields(), true));
  CO_TRY(object::Conditions conditions, put_conditions(call));
  object::EncryptionRequest encryption;
  CO_TRY(encryption.customer_key, customer_key(call));
  CO_TRY(const object::Protection protection, protection_of(call));
  const object::PutOptions options{.conditions = std::move(conditions),
                                   .owner = call.account->owner,
                                   .headers = std::move(description.headers),
                                   .metadata = std::move(description.metadata),
                                   .checksum = {},
                                   .tags = std::move(description.tags),
                                   .encryption = std::move(encryption),
                                   .protection = protection};
  const object::ObjectName name = call.name();
  const auto made = co_await services_.pages.create(call.context, name, options, size, sequence.value_or(0));
  if (!made) co_return std::unexpected(explain_put(call, made.error(), options.conditions));
  CO_TRY(co_await services_.blocks.discard(call.context, name));
  http::Response response = empty(201);
  add_change(response.header, *made);
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(*made));
  co_return response;
}

Awaitable<Answer> Handler::put_page(Call& call) {
  CO_TRY(object::PageOptions options, read_page_options(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  CO_TRY(const ByteRange range, read_pages(call.fields()));
  WriteBody body(call, object::Pages::kPutSizeMax);
  CO_TRY(body.prepare());
  if (body.size() == 0) co_return invalid_header("Content-Length", "0");
  if (body.size() != range.length) co_return blob::refuse(Code::invalid_page_range);
  const object::ObjectName name = call.name();
  CO_TRY(const auto written, co_await services_.pages.put(call.context, name, options, range.offset, body.source()));
  http::Response response = describe_write(call, empty(201), written, body.has_crc64());
  if (body.is_structured()) response.header.add("x-ms-structured-body", kStructuredBody);
  co_return response;
}

Awaitable<Answer> Handler::put_page_from_url(Call& call) {
  CO_TRY(object::PageOptions options, read_page_options(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  CO_TRY(const ByteRange range, read_pages(call.fields()));
  if (!equals_ignoring_case(call.fields().get("x-ms-page-write"), "update")) {
    co_return invalid_header("x-ms-page-write", call.fields().get("x-ms-page-write"));
  }
  CO_TRY(const auto from, read_source_range(call.fields()));
  if (!from) co_return missing_header("x-ms-source-range");
  if (from->length != range.length) co_return blob::refuse(Code::invalid_page_range);
  CO_TRY(const Source source, co_await read_source(call));
  CO_TRY(object::OpenObject opened, co_await open_source(call, source));
  ChunkSource chunk(opened.content);
  DigestSource body(opened.body ? *opened.body : chunk);
  CO_TRY(const auto digest, read_source_digest(call.fields()));
  if (digest) expect_source(body, *digest);
  const object::ObjectName name = call.name();
  CO_TRY(const auto written, co_await services_.pages.put(call.context, name, options, range.offset, body));
  co_return describe_write(call, empty(201), written, digest && digest->algorithm == DigestAlgorithm::crc64nvme);
}

Awaitable<Answer> Handler::clear_page(Call& call) {
  CO_TRY(object::PageOptions options, read_page_options(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  CO_TRY(const ByteRange range, read_pages(call.fields()));
  WriteBody body(call, 0);
  CO_TRY(body.prepare());
  const object::ObjectName name = call.name();
  CO_TRY(const auto cleared, co_await services_.pages.clear(call.context, name, options, range));
  co_return describe_pages(empty(201), cleared);
}

Awaitable<Answer> Handler::get_page_ranges(Call& call) {
  object::PageQuery query;
  CO_TRY(query.which, read_which(call.query()));
  CO_TRY(query.conditions, read_conditions(call.fields()));
  CO_TRY(query.since, read_previous(call, query.which));
  CO_TRY(query.range, read_asked(call));
  CO_TRY(query.limit, read_limit(call));
  const object::ObjectName name = call.name();
  const auto page = co_await services_.pages.ranges(call.context, name, query);
  if (!page) co_return std::unexpected(explain_read(page.error(), query.conditions));
  if (query.since) {
    CO_TRY(check_previous(*page));
  }
  xml::Writer xml;
  xml.open("PageList");
  write_ranges(xml, page->ranges);
  xml.element("NextMarker", page->next ? std::to_string(*page->next) : std::string());
  xml.close();
  http::Response response = document(200, xml.take());
  add_change(response.header, page->info.modified, page->info.revision_tag());
  response.header.add("x-ms-blob-content-length", std::to_string(page->info.size));
  co_return response;
}

Awaitable<Answer> Handler::resize_page_blob(Call& call) {
  CO_TRY(const std::uint64_t size, read_size(call.fields()));
  object::PageOptions options;
  CO_TRY(options.conditions, write_conditions(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  const object::ObjectName name = call.name();
  CO_TRY(const auto resized, co_await services_.pages.resize(call.context, name, options, size));
  co_return describe_pages(empty(200), resized);
}

Awaitable<Answer> Handler::update_sequence_number(Call& call) {
  constexpr std::string_view kAction = "x-ms-sequence-number-action";
  constexpr std::pair<std::string_view, object::SequenceAct> kActs[] = {
      {"max", object::SequenceAct::max},
      {"update", object::SequenceAct::update},
      {"increment", object::SequenceAct::increment},
  };
  const auto word = call.fields().get(kAction);
  const auto act = std::ranges::find_if(kActs, [&](const auto& row) { return equals_ignoring_case(row.first, word); });
  if (act == std::end(kActs)) co_return invalid_header(kAction, word);
  CO_TRY(const auto number, read_sequence_number(call.fields()));
  const bool increments = act->second == object::SequenceAct::increment;
  if (increments && number) {
    co_return invalid_header("x-ms-blob-sequence-number", call.fields().get("x-ms-blob-sequence-number"));
  }
  if (!increments && !number) co_return missing_header("x-ms-blob-sequence-number");
  CO_TRY(const object::Conditions conditions, write_conditions(call.fields()));
  const object::ObjectName name = call.name();
  const auto changed =
      co_await services_.pages.set_sequence(call.context, name, conditions, act->second, number.value_or(0));
  if (!changed && increments && changed.error().code == ErrorCode::invalid_argument) {
    co_return blob::refuse(Code::sequence_number_increment_too_large);
  }
  CO_TRY(const object::ObjectInfo info, changed);
  co_return describe_pages(empty(200), info);
}

}  // namespace sluice::blob

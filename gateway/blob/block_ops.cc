#include "gateway/blob/customer_key.h"
#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/source.h"
#include "gateway/blob/write_body.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::uint64_t kListSizeMax = 16 << 20;

Outcome<std::string> read_block_id(const Call& call) {
  const auto text = call.query().value("blockid");
  if (!text || text->empty()) return missing_parameter("blockid");
  auto id = from_base64(*text);
  if (!id || id->empty() || id->size() > object::Blocks::kIdSizeMax) {
    return invalid_parameter("blockid", *text, "Not a valid base64 string of 1 to 64 bytes.");
  }
  return *std::move(id);
}

std::optional<object::BlockSource> block_source(std::string_view name) {
  if (name == "Latest") return object::BlockSource::latest;
  if (name == "Uncommitted") return object::BlockSource::uncommitted;
  if (name == "Committed") return object::BlockSource::committed;
  return std::nullopt;
}

Outcome<std::vector<object::BlockClaim>> parse_block_list(std::string_view text) {
  TRY(const xml::Document document, xml::Document::parse(text, "BlockList"));
  std::vector<object::BlockClaim> claims;
  for (const xml::Element& element : document.root().children()) {
    const auto source = block_source(element.name());
    if (!source) return refuse(Code::invalid_xml_document);
    auto id = from_base64(element.text());
    if (!id || id->empty()) return refuse(Code::invalid_block_list);
    if (claims.size() == object::Blocks::kCountMax) return refuse(Code::block_list_too_long);
    claims.push_back({*source, *std::move(id)});
  }
  return claims;
}

void write_blocks(xml::Writer& xml, std::string_view name, const std::vector<object::BlockInfo>& blocks) {
  xml.open(name);
  for (const object::BlockInfo& block : blocks) {
    xml.open("Block");
    xml.element("Name", to_base64(block.id));
    xml.element("Size", block.size);
    xml.close();
  }
  xml.close();
}

/// A blob that is nothing but uncommitted blocks has neither tag nor date.
Outcome<> check_lists(const object::BlockLists& lists, const object::Conditions& conditions) {
  if (!lists.object) {
    if (conditions.if_match || conditions.if_tags) return refuse(Code::condition_not_met);
    return {};
  }
  const auto met = object::check_read(conditions, *lists.object);
  if (!met) return std::unexpected(explain_read(met.error(), conditions));
  return {};
}

http::Response staged(http::Response response, const Call& call, const object::PartInfo& block, bool has_crc64) {
  if (has_crc64 && block.checksum) {
    response.header.add("x-ms-content-crc64", crc64_text(*block.checksum));
  } else {
    response.header.add("Content-MD5", to_base64(block.md5));
  }
  const auto mode = block.encryption ? std::optional(block.encryption->mode) : std::nullopt;
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode);
  return response;
}

}  // namespace

Awaitable<Answer> Handler::put_block(Call& call) {
  CO_TRY(const std::string id, read_block_id(call));
  object::BlockOptions options;
  CO_TRY(options.lease, read_lease_id(call.fields(), "x-ms-lease-id"));
  CO_TRY(options.customer_key, customer_key(call));
  WriteBody body(call, object::Blocks::kSizeMax);
  CO_TRY(body.prepare());
  if (body.size() == 0) co_return invalid_header("Content-Length", "0");
  const object::ObjectName name = call.name();
  CO_TRY(const object::PartInfo block, co_await services_.blocks.stage(call.context, name, id, body.source(), options));
  http::Response response = staged(empty(201), call, block, body.has_crc64());
  if (body.is_structured()) response.header.add("x-ms-structured-body", kStructuredBody);
  co_return response;
}

Awaitable<Answer> Handler::put_block_from_url(Call& call) {
  CO_TRY(const std::string id, read_block_id(call));
  object::BlockOptions options;
  CO_TRY(options.lease, read_lease_id(call.fields(), "x-ms-lease-id"));
  CO_TRY(options.customer_key, customer_key(call));
  CO_TRY(const Source source, co_await read_source(call));
  object::BlockCopy copy{.from = source.name, .which = source.which, .conditions = source.conditions};
  CO_TRY(copy.range, read_source_range(call.fields()));
  CO_TRY(copy.expected, read_source_digest(call.fields()));
  CO_TRY(copy.customer_key, customer_key(call, kSourceKey));
  const object::ObjectName name = call.name();
  const auto block = co_await services_.blocks.stage_copy(call.context, name, id, copy, options);
  if (!block) co_return std::unexpected(explain_source(block.error()));
  co_return staged(empty(201), call, *block, copy.expected && copy.expected->algorithm == DigestAlgorithm::crc64nvme);
}

Awaitable<Answer> Handler::put_block_list(Call& call) {
  CO_TRY(Description description, read_description(call.fields(), false));
  WriteBody body(call, kListSizeMax);
  CO_TRY(body.prepare());
  CO_TRY(const std::string text, co_await read_all(body.source(), kListSizeMax));
  object::BlockCommit options;
  CO_TRY(options.conditions, put_conditions(call));
  CO_TRY(options.tier, read_tier(call.fields()));
  CO_TRY(options.protection, protection_of(call));
  options.owner = call.account->owner;
  options.headers = std::move(description.headers);
  options.metadata = std::move(description.metadata);
  options.tags = std::move(description.tags);
  CO_TRY(options.blocks, parse_block_list(text));
  CO_TRY(options.customer_key, customer_key(call));
  const object::ObjectName name = call.name();
  const auto made = co_await services_.blocks.commit(call.context, name, options);
  if (!made) co_return std::unexpected(explain_put(call, made.error(), options.conditions));
  http::Response response = empty(201);
  add_change(response.header, *made);
  // "Put Block List", Azure Storage REST API: of the list, not of the blob.
  if (call.fields().has("content-md5")) response.header.add("Content-MD5", call.fields().get("content-md5"));
  if (body.has_crc64()) response.header.add("x-ms-content-crc64", call.fields().get("x-ms-content-crc64"));
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(*made));
  co_return response;
}

Awaitable<Answer> Handler::get_block_list(Call& call) {
  CO_TRY(const object::Which which, read_which(call.query()));
  const std::string_view type = call.query().get("blocklisttype");
  const bool all = equals_ignoring_case(type, "all");
  const bool uncommitted = all || equals_ignoring_case(type, "uncommitted");
  const bool committed = all || type.empty() || equals_ignoring_case(type, "committed");
  if (!committed && !uncommitted) co_return invalid_parameter("blocklisttype", type);
  // "Get Block List", Azure Storage REST API: a snapshot has committed blocks alone.
  if (uncommitted && !which.current()) co_return invalid_parameter("blocklisttype", type);
  CO_TRY(const object::Conditions conditions, read_conditions(call.fields()));
  const object::ObjectName name = call.name();
  CO_TRY(const object::BlockLists lists, co_await services_.blocks.list(call.context, name, which));
  CO_TRY(check_lists(lists, conditions));
  const auto held = lists.object ? lists.object->lease : std::nullopt;
  CO_TRY(object::check_lease(conditions.lease, held, services_.clock.now()));
  if (lists.object && lists.object->kind != object::ObjectKind::block) co_return blob::refuse(Code::invalid_blob_type);

  xml::Writer xml;
  xml.open("BlockList");
  if (committed) write_blocks(xml, "CommittedBlocks", lists.committed);
  // What is not committed is its writers' business.
  if (uncommitted && !call.anonymous) write_blocks(xml, "UncommittedBlocks", lists.uncommitted);
  xml.close();
  http::Response response = document(200, xml.take());
  response.header.add("x-ms-blob-content-length", lists.object ? lists.object->size : 0);
  if (lists.object) add_change(response.header, lists.object->modified, lists.object->revision_tag());
  co_return response;
}

}  // namespace sluice::blob

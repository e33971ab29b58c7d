#include "gateway/core/encoding.h"
#include "gateway/s3/checksum.h"
#include "gateway/s3/encryption.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 4 << 20;  // 10,000 parts, each with tag and checksum.

Outcome<object::UploadOptions> upload_options(const Call& call, bool may_carry_keys) {
  TRY(Description description, read_description(*call.fields));
  object::UploadOptions options{.owner = {},
                                .headers = std::move(description.headers),
                                .metadata = std::move(description.metadata),
                                .checksum = {}};
  options.tags = std::move(description.tags);
  TRY(options.checksum, checksum_algorithm(*call.fields));
  TRY(options.encryption, encryption_request(*call.fields, may_carry_keys));
  TRY(const auto type, checksum_type(*call.fields));
  if (type && !options.checksum) {
    return refuse(Code::invalid_request,
                  "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.");
  }
  if (options.checksum) {
    TRY(options.checksum_type, upload_checksum_type(*options.checksum, type));
  }
  return options;
}

Outcome<object::PartClaim> read_part(const XmlElement& element) {
  object::PartClaim claim;
  for (const XmlElement& child : element.children()) {
    if (child.name() == "PartNumber") {
      TRY(claim.number, parse_part_number(child.text()));
    } else if (child.name() == "ETag") {
      std::string_view tag = child.text();
      if (tag.size() >= 2 && tag.starts_with('"') && tag.ends_with('"')) tag = tag.substr(1, tag.size() - 2);
      claim.tag = to_lower(tag);
    } else if (const ChecksumName* name = checksum_of_element(child.name())) {
      auto digest = parse_digest(name->algorithm, child.text());
      if (!digest) return refuse(Code::invalid_part);
      claim.checksum = *std::move(digest);
    } else {
      return refuse(Code::malformed_xml);
    }
  }
  if (claim.number == 0 || claim.tag.empty()) return refuse(Code::malformed_xml);
  return claim;
}

Outcome<std::vector<object::PartClaim>> read_parts(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "CompleteMultipartUpload"));
  std::vector<object::PartClaim> parts;
  for (const XmlElement& element : document.root().children()) {
    if (element.name() != "Part" || parts.size() == object::Uploads::kPartNumberMax) {
      return refuse(Code::malformed_xml);
    }
    TRY(auto part, read_part(element));
    // A client that sent a part twice may list it twice: what it said last is meant.
    if (!parts.empty() && parts.back().number == part.number) parts.pop_back();
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return refuse(Code::malformed_xml);
  return parts;
}

/// What x-amz-checksum-* says that the whole object must come to.
Outcome<std::optional<object::Checksum>> whole_checksum(const Fields& fields, std::size_t part_count) {
  TRY(const auto type, checksum_type(fields));
  std::optional<object::Checksum> checksum;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto [name, value] = fields.at(i);
    const ChecksumName* row = checksum_of_header(name);
    if (row == nullptr) continue;
    if (checksum) {
      return refuse(Code::invalid_request,
                    "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    }
    TRY(auto parsed, parse_complete_digest(row->algorithm, value));
    if (parsed.part_count && *parsed.part_count != part_count) return refuse(Code::bad_digest);
    const auto by_form = parsed.part_count ? object::ChecksumType::composite : object::ChecksumType::full_object;
    checksum = object::Checksum{.digest = std::move(parsed.digest), .type = type.value_or(by_form)};
  }
  return checksum;
}

Outcome<std::optional<std::uint64_t>> declared_size(const Fields& fields) {
  const auto text = fields.find("x-amz-mp-object-size");
  if (!text) return std::nullopt;
  const auto size = parse_decimal(*text);
  if (!size) return refuse(Code::invalid_request, "Value for x-amz-mp-object-size header is invalid.");
  return size;
}

std::string location_of(const Call& call) {
  const std::string scheme = call.context.secure ? "https://" : "http://";
  std::string path = "/" + percent_encode(call.target.key, true);
  const std::string host(call.fields->get("host"));
  if (!host.starts_with(call.target.bucket + ".")) path = "/" + call.target.bucket + path;
  return scheme + host + path;
}

}  // namespace

Awaitable<Answer> Handler::create_multipart_upload(Call& call) {
  CO_TRY(object::UploadOptions options, upload_options(call, may_carry_keys(call)));
  CO_TRY(options.protection, protection_of(call));
  CO_TRY(Placement placement, co_await place(call));
  options.owner = std::move(placement.owner);
  options.acl = std::move(placement.acl);
  options.initiator = call.account();
  const object::ObjectName name = call.name();
  CO_TRY(const object::UploadInfo upload, co_await services_.uploads.begin(call.context, name, options));
  XmlWriter xml;
  xml.open_root("InitiateMultipartUploadResult");
  xml.element("Bucket", name.bucket);
  xml.element("Key", name.key);
  xml.element("UploadId", upload.id);
  xml.close();
  http::Response response = document(call, xml.take());
  add_encryption(response.header, *call.fields, upload.encryption);
  if (options.checksum) {
    response.header.add("x-amz-checksum-algorithm", checksum_name(*options.checksum).token);
    response.header.add("x-amz-checksum-type", to_text(options.checksum_type));
  }
  co_return response;
}

Awaitable<Answer> Handler::upload_part(Call& call) {
  CO_TRY(const std::uint32_t number, parse_part_number(call.target.query.get("partNumber")));
  const std::string upload_id(call.target.query.get("uploadId"));
  CO_TRY(const auto key, customer_key(*call.fields, may_carry_keys(call)));
  WriteBody body(call, {.size_max = object::Uploads::kPartSizeMax, .needs_length = true});
  CO_TRY(body.prepare());
  const object::ObjectName name = call.name();
  const auto checksum = body.checksum_algorithm();
  if (checksum) {
    CO_TRY(const object::UploadInfo upload, co_await services_.uploads.stat(call.context, name, upload_id));
    if (upload.checksum && *upload.checksum != *checksum) {
      co_return s3::refuse(Code::invalid_request,
                           "Checksum Type mismatch occurred, expected checksum Type: " +
                               to_lower(checksum_name(*upload.checksum).token) +
                               ", actual checksum Type: " + to_lower(checksum_name(*checksum).token));
    }
  }
  const auto part =
      co_await services_.uploads.stage(call.context, name, upload_id, number, checksum, body.source(), key);
  if (!part) co_return std::unexpected(body.explain(part.error()));

  http::Response response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
  response.header.add("ETag", quoted(part->content_tag()));
  add_encryption(response.header, *call.fields, part->encryption);
  if (part->checksum) {
    response.header.add(checksum_name(part->checksum->algorithm).header, to_base64(part->checksum->bytes));
  }
  co_return response;
}

Awaitable<Answer> Handler::complete_multipart_upload(Call& call) {
  // The checksums of this request are the object's, not its own body's.
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax, .has_checksum = false}));
  object::CommitOptions options{.conditions = write_conditions(*call.fields),
                                .parts = {},
                                .part_size_min = options_.part_size_min,
                                .size = {},
                                .checksum = {}};
  CO_TRY(options.parts, read_parts(text));
  CO_TRY(options.size, declared_size(*call.fields));
  CO_TRY(options.checksum, whole_checksum(*call.fields, options.parts.size()));
  CO_TRY(options.customer_key, customer_key(*call.fields, may_carry_keys(call)));
  const object::ObjectName name = call.name();
  const std::string upload_id(call.target.query.get("uploadId"));
  const auto made = co_await services_.uploads.commit(call.context, name, upload_id, options);
  if (!made) co_return std::unexpected(explain_write(made.error(), made.error(), options.conditions));

  XmlWriter xml;
  xml.open_root("CompleteMultipartUploadResult");
  xml.element("Location", location_of(call));
  xml.element("Bucket", name.bucket);
  xml.element("Key", name.key);
  xml.etag(made->content_tag());
  if (made->checksum) add_checksum(xml, *made->checksum, made->part_count);
  xml.close();
  http::Response response = document(call, xml.take());
  add_version(response.header, call, *made);
  add_encryption(response.header, *call.fields, made->encryption);
  co_return response;
}

Awaitable<Answer> Handler::abort_multipart_upload(Call& call) {
  const object::ObjectName name = call.name();
  const std::string upload_id(call.target.query.get("uploadId"));
  CO_TRY(co_await services_.uploads.abandon(call.context, name, upload_id));
  co_return http::Response{.header = begin(call, 204), .content = {}, .body = nullptr, .content_length = {}};
}

}  // namespace sluice::s3

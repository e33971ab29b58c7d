#include "gateway/core/encoding.h"
#include "gateway/s3/checksum.h"
#include "gateway/s3/encryption.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

/// COPY (false) or REPLACE (true).
Outcome<bool> replaces(const Fields& fields, std::string_view directive) {
  const auto text = fields.find(directive);
  if (!text || text->empty() || *text == "COPY") return false;
  if (*text == "REPLACE") return true;
  return std::unexpected(Failure(Code::invalid_argument, "Unknown metadata directive.")
                             .with("ArgumentName", std::string(directive))
                             .with("ArgumentValue", std::string(*text)));
}

Outcome<object::CopyOptions> copy_options(const Call& call, UtcTime now, bool may_carry_keys) {
  const Fields& fields = *call.fields;
  object::CopyOptions options{.source_conditions = read_conditions(fields, now, Conditional::copy_source),
                              .conditions = write_conditions(fields),
                              .owner = {},
                              .replacement = {},
                              .checksum = {}};
  TRY(const bool replaces_metadata, replaces(fields, "x-amz-metadata-directive"));
  TRY(const bool replaces_tags, replaces(fields, "x-amz-tagging-directive"));
  TRY(options.checksum, checksum_algorithm(fields));
  TRY(options.encryption, encryption_request(fields, may_carry_keys));
  TRY(options.source_customer_key, customer_key(fields, may_carry_keys, KeyOf::copy_source));
  TRY(Description description, read_description(fields));
  if (replaces_tags) {
    options.tags = std::move(description.tags);
  } else if (fields.has("x-amz-tagging")) {
    return refuse(Code::invalid_argument, "x-amz-tagging on a copy needs x-amz-tagging-directive: REPLACE.");
  }
  if (replaces_metadata) {
    options.replacement.emplace(std::move(description.headers), std::move(description.metadata));
  } else if (!description.headers.redirect_location.empty()) {
    return refuse(Code::not_implemented,
                  "x-amz-website-redirect-location on a copy needs x-amz-metadata-directive: REPLACE.");
  }
  return options;
}

/// A part's or copy's times and tags, and its checksum.
std::string result_document(std::string_view root, UtcTime modified, const std::string& tag,
                            const std::optional<object::Checksum>& checksum, std::uint32_t part_count) {
  XmlWriter xml;
  xml.open_root(root);
  xml.element("LastModified", iso_time(modified));
  xml.etag(tag);
  if (checksum) add_checksum(xml, *checksum, part_count);
  xml.close();
  return xml.take();
}

/// Must `error` not tell that the source is not there?
bool hides(const Call& call, const std::optional<Access>& source, const Error& error) {
  return error.code == ErrorCode::no_such_object && source && !may_know_missing(call.signature.identity, *source);
}

}  // namespace

Awaitable<Answer> Handler::copy_object(Call& call) {
  CO_TRY(check_plain_write(call));
  CO_TRY(const CopySource source, parse_copy_source(call.fields->get("x-amz-copy-source")));
  CO_TRY(object::CopyOptions options, copy_options(call, services_.clock.now(), may_carry_keys(call)));
  CO_TRY(options.protection, protection_of(call));
  CO_TRY(const auto source_access, co_await authorize_source(call, source.name));
  options.admit_source = admission(call, source_access);
  CO_TRY(Placement placement, co_await place(call));
  options.owner = std::move(placement.owner);
  options.acl = std::move(placement.acl);
  const object::ObjectName name = call.name();
  options.source = source.which;
  // An earlier version may become the current one without a change.
  const bool changes =
      options.replacement || options.tags || options.checksum || !options.encryption.empty() || source.which.version;
  if (source.name == name && !changes) {
    co_return s3::refuse(Code::invalid_request,
                         "This copy request is illegal because it is trying to copy an object to itself without "
                         "changing the object's metadata, storage class, website redirect location or encryption "
                         "attributes.");
  }
  std::optional<object::VersionId> copied_version = source.which.version;
  options.admit_source = [&copied_version, admit = std::move(options.admit_source)](const object::ObjectInfo& info) {
    if (info.versioned) copied_version = info.version();
    return admit ? admit(info) : Result<>();
  };
  const auto copied = co_await services_.objects.copy(call.context, source.name, name, options);
  if (!copied && hides(call, source_access, copied.error())) co_return s3::refuse(Code::access_denied);
  if (!copied) co_return std::unexpected(explain_write(copied.error(), copied.error(), options.conditions));
  http::Response response = document(call, result_document("CopyObjectResult", copied->modified, copied->content_tag(),
                                                           copied->checksum, copied->part_count));
  if (copied_version) response.header.add("x-amz-copy-source-version-id", object::to_text(*copied_version));
  add_version(response.header, call, *copied);
  add_encryption(response.header, *call.fields, copied->encryption);
  co_return response;
}

Awaitable<Answer> Handler::upload_part_copy(Call& call) {
  const Fields& fields = *call.fields;
  CO_TRY(const std::uint32_t number, parse_part_number(call.target.query.get("partNumber")));
  CO_TRY(const CopySource source, parse_copy_source(fields.get("x-amz-copy-source")));
  std::optional<ByteRange> range;
  if (const auto text = fields.find("x-amz-copy-source-range")) {
    CO_TRY(range, parse_copy_range(*text));
  }
  CO_TRY(const auto source_access, co_await authorize_source(call, source.name));
  const object::ObjectName name = call.name();
  const std::string upload_id(call.target.query.get("uploadId"));
  const auto conditions = read_conditions(fields, services_.clock.now(), Conditional::copy_source);
  object::CopyKeys keys;
  CO_TRY(keys.source, customer_key(fields, may_carry_keys(call), KeyOf::copy_source));
  CO_TRY(keys.upload, customer_key(fields, may_carry_keys(call)));
  const auto staged =
      co_await services_.uploads.stage_copy(call.context, name, upload_id, number, source.name, conditions, range,
                                            admission(call, source_access), keys, source.which);
  if (!staged && hides(call, source_access, staged.error())) co_return s3::refuse(Code::access_denied);
  CO_TRY(const object::PartInfo part, staged);
  XmlWriter xml;
  xml.open_root("CopyPartResult");
  xml.element("LastModified", iso_time(part.modified));
  xml.etag(part.content_tag());
  if (part.checksum) xml.element(checksum_name(part.checksum->algorithm).element, to_base64(part.checksum->bytes));
  xml.close();
  http::Response response = document(call, xml.take());
  if (source.which.version) {
    response.header.add("x-amz-copy-source-version-id", object::to_text(*source.which.version));
  }
  add_encryption(response.header, fields, part.encryption);
  co_return response;
}

}  // namespace sluice::s3

#include "gateway/blob/customer_key.h"
#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/source.h"
#include "gateway/blob/write_body.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

Outcome<object::AppendOptions> read_append(const Fields& fields) {
  object::AppendOptions options;
  TRY(options.conditions, write_conditions(fields));
  TRY(options.position, read_count(fields, "x-ms-blob-condition-appendpos"));
  TRY(options.size_max, read_count(fields, "x-ms-blob-condition-maxsize"));
  return options;
}

http::Response describe_append(const Call& call, http::Response response, const object::AppendAnswer& appended,
                               bool has_crc64) {
  add_change(response.header, appended.info.modified, appended.info.revision_tag());
  if (has_crc64) {
    response.header.add("x-ms-content-crc64", crc64_text(*appended.crc64nvme));
  } else {
    response.header.add("Content-MD5", to_base64(appended.md5->bytes));
  }
  response.header.add("x-ms-blob-append-offset", std::to_string(appended.offset));
  response.header.add("x-ms-blob-committed-block-count", std::to_string(appended.info.block_count));
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(appended.info));
  return response;
}

}  // namespace

Awaitable<Answer> Handler::create_append_blob(Call& call) {
  WriteBody body(call, 0);
  CO_TRY(body.prepare());
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
  const auto made = co_await services_.appends.create(call.context, name, options);
  if (!made) co_return std::unexpected(explain_put(call, made.error(), options.conditions));
  // No block waits to be part of a blob that has none.
  CO_TRY(co_await services_.blocks.discard(call.context, name));
  http::Response response = empty(201);
  add_change(response.header, *made);
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(*made));
  co_return response;
}

Awaitable<Answer> Handler::append_block(Call& call) {
  CO_TRY(object::AppendOptions options, read_append(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  WriteBody body(call, object::Appends::kAppendSizeMax);
  CO_TRY(body.prepare());
  if (body.size() == 0) co_return invalid_header("Content-Length", "0");
  const object::ObjectName name = call.name();
  CO_TRY(const auto appended, co_await services_.appends.append(call.context, name, options, body.source()));
  http::Response response = describe_append(call, empty(201), appended, body.has_crc64());
  if (body.is_structured()) response.header.add("x-ms-structured-body", kStructuredBody);
  co_return response;
}

Awaitable<Answer> Handler::append_block_from_url(Call& call) {
  CO_TRY(object::AppendOptions options, read_append(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  CO_TRY(const Source source, co_await read_source(call));
  CO_TRY(object::OpenObject opened, co_await open_source(call, source));
  const std::uint64_t size = opened.selection.range.length;
  if (size > object::Appends::kAppendSizeMax) co_return blob::refuse(Code::request_body_too_large);
  if (size == 0) co_return invalid_header("x-ms-copy-source", source.url);
  ChunkSource chunk(opened.content);
  DigestSource body(opened.body ? *opened.body : chunk);
  CO_TRY(const auto digest, read_source_digest(call.fields()));
  if (digest) expect_source(body, *digest);
  const object::ObjectName name = call.name();
  CO_TRY(const auto appended, co_await services_.appends.append(call.context, name, options, body));
  co_return describe_append(call, empty(201), appended, digest && digest->algorithm == DigestAlgorithm::crc64nvme);
}

Awaitable<Answer> Handler::seal_blob(Call& call) {
  CO_TRY(const object::AppendOptions options, read_append(call.fields()));
  if (options.size_max) co_return invalid_header("x-ms-blob-condition-maxsize", std::to_string(*options.size_max));
  const object::ObjectName name = call.name();
  CO_TRY(const auto sealed, co_await services_.appends.seal(call.context, name, options.conditions, options.position));
  http::Response response = empty(200);
  add_change(response.header, sealed.modified, sealed.revision_tag());
  response.header.add("x-ms-blob-sealed", "true");
  co_return response;
}

}  // namespace sluice::blob

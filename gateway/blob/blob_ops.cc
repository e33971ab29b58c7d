#include "gateway/blob/customer_key.h"
#include "gateway/blob/describe.h"
#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/structured_body.h"
#include "gateway/blob/write_body.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::uint64_t kDigestedRangeMax = 4 << 20;

enum class RangeDigest : std::uint8_t { none, md5, crc64 };

/// Which digest of the range is asked for ("Get Blob", Azure Storage REST API).
Outcome<RangeDigest> read_range_digest(const Fields& fields, bool ranged) {
  RangeDigest wanted = RangeDigest::none;
  const std::pair<std::string_view, RangeDigest> kNames[] = {{"x-ms-range-get-content-md5", RangeDigest::md5},
                                                             {"x-ms-range-get-content-crc64", RangeDigest::crc64}};
  for (const auto& [name, digest] : kNames) {
    const auto text = fields.find(name);
    if (!text) continue;
    const auto truth = parse_truth(*text);
    if (!truth || (*truth && !ranged)) return invalid_header(name, *text);
    if (!*truth) continue;
    if (wanted != RangeDigest::none) return refuse(Code::invalid_input, "Ask for one digest of the range.");
    wanted = digest;
  }
  return wanted;
}

Shown shown(const object::Selection& selection) {
  return {.info = selection.info, .range = selection.range, .partial = selection.partial};
}

/// x-ms-delete-snapshots: of a blob itself, not of a snapshot or version.
Outcome<object::Snapshots> read_delete_snapshots(const Fields& fields, const object::Which& which) {
  constexpr std::string_view kName = "x-ms-delete-snapshots";
  const auto text = fields.find(kName);
  if (!text) return object::Snapshots::refuse;
  if (which.current() && equals_ignoring_case(*text, "include")) return object::Snapshots::include;
  if (which.current() && equals_ignoring_case(*text, "only")) return object::Snapshots::only;
  return invalid_header(kName, *text);
}

/// Reads the range into memory, and tells its digest.
Step<> digest_range(http::Response& response, RangeDigest wanted) {
  std::string bytes(response.content.text());
  if (response.body) {
    CO_TRY(const std::string rest, co_await read_all(*response.body, kDigestedRangeMax));
    bytes += rest;
    response.body.reset();
  }
  if (wanted == RangeDigest::md5) {
    response.header.add("Content-MD5", to_base64(digest_of(DigestAlgorithm::md5, bytes).bytes));
  } else {
    response.header.add("x-ms-content-crc64", crc64_text(digest_of(DigestAlgorithm::crc64nvme, bytes)));
  }
  response.content = Chunk::of(std::move(bytes));
  co_return Outcome<>{};
}

Outcome<bool> asks_for_frames(const Fields& fields, RangeDigest digest) {
  const auto form = fields.find("x-ms-structured-body");
  if (!form) return false;
  if (!is_structured_body(*form)) return invalid_header("x-ms-structured-body", *form);
  if (digest != RangeDigest::none) return refuse(Code::invalid_input, "A structured body has its own CRC64s.");
  return true;
}

void put_into_frames(http::Response& response) {
  const std::uint64_t size = *response.content_length;
  response.header.add("x-ms-structured-body", kStructuredBody);
  response.header.add("x-ms-structured-content-length", size);
  response.body =
      std::make_unique<StructuredMessage>(std::exchange(response.content, Chunk{}), std::move(response.body), size);
  response.content_length = StructuredMessage::size_of(size);
}

}  // namespace

Outcome<std::optional<SecretKey>> Handler::customer_key(const Call& call, std::string_view names) const {
  return read_customer_key(call.context, call.fields(), options_.customer_keys_over_http, names);
}

Awaitable<Answer> Handler::get_blob(Call& call) {
  object::OpenOptions options;
  CO_TRY(options.which, read_which(call.query()));
  CO_TRY(options.conditions, read_conditions(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  CO_TRY(options.range, read_range(call.fields()));
  CO_TRY(const RangeDigest digest, read_range_digest(call.fields(), options.range.has_value()));
  CO_TRY(const bool structured, asks_for_frames(call.fields(), digest));
  const object::ObjectName name = call.name();
  auto opened = co_await services_.objects.open(call.context, name, options);
  if (!opened) co_return std::unexpected(explain_read(opened.error(), options.conditions));
  if (digest != RangeDigest::none && opened->selection.range.length > kDigestedRangeMax) {
    co_return blob::refuse(Code::out_of_range_input, "The range of a digest is 4 MiB at most.");
  }
  http::Response response = describe(call, shown(opened->selection), services_.clock.now());
  CO_TRY(co_await add_version(call, options.which, opened->selection.info, response.header));
  response.content = std::move(opened->content);
  response.body = std::move(opened->body);
  if (digest != RangeDigest::none) {
    CO_TRY(co_await digest_range(response, digest));
  }
  if (structured) put_into_frames(response);
  co_return response;
}

Awaitable<Answer> Handler::get_blob_properties(Call& call) {
  object::OpenOptions options;
  CO_TRY(options.which, read_which(call.query()));
  CO_TRY(options.conditions, read_conditions(call.fields()));
  CO_TRY(options.customer_key, customer_key(call));
  const object::ObjectName name = call.name();
  auto found = co_await services_.objects.stat(call.context, name, options);
  if (!found) co_return std::unexpected(explain_read(found.error(), options.conditions));
  http::Response response = describe(call, shown(*found), services_.clock.now());
  CO_TRY(co_await add_version(call, options.which, found->info, response.header));
  co_return response;
}

Awaitable<Answer> Handler::put_blob(Call& call) {
  CO_TRY(Description description, read_description(call.fields(), true));
  CO_TRY(object::Conditions conditions, put_conditions(call));
  CO_TRY(const object::Tier tier, read_tier(call.fields()));
  CO_TRY(const object::Protection protection, protection_of(call));
  object::EncryptionRequest encryption;
  CO_TRY(encryption.customer_key, customer_key(call));
  WriteBody body(call, options_.put_size_max);
  CO_TRY(body.prepare());
  // Of a body that comes whole the server finds the MD5 itself, and holds the writer to its word.
  std::string md5 = std::exchange(description.headers.md5, {});
  if (!md5.empty()) body.source().expect({DigestAlgorithm::md5, std::move(md5)});
  const object::PutOptions options{.conditions = std::move(conditions),
                                   .owner = call.account->owner,
                                   .headers = std::move(description.headers),
                                   .metadata = std::move(description.metadata),
                                   .checksum = {},
                                   .tags = std::move(description.tags),
                                   .encryption = std::move(encryption),
                                   .tier = tier,
                                   .protection = protection};
  const object::ObjectName name = call.name();
  const auto put = co_await services_.objects.put(call.context, name, options, body.source());
  if (!put) co_return std::unexpected(explain_put(call, put.error(), options.conditions));
  // A blob put whole leaves no block behind that waits to be part of it.
  CO_TRY(co_await services_.blocks.discard(call.context, name));

  http::Response response = empty(201);
  add_change(response.header, *put);
  // The record of what a customer has the key of does not tell it.
  response.header.add("Content-MD5", to_base64(body.source().digest(DigestAlgorithm::md5)->bytes));
  if (body.has_crc64()) response.header.add("x-ms-content-crc64", crc64_text(put->checksum->digest));
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(*put));
  if (body.is_structured()) response.header.add("x-ms-structured-body", kStructuredBody);
  co_return response;
}

Awaitable<Answer> Handler::delete_blob(Call& call) {
  std::vector<object::RemoveRequest> requests(1);
  object::RemoveRequest& request = requests[0];
  request.key = call.target.blob;
  CO_TRY(request.which, read_which(call.query()));
  CO_TRY(request.snapshots, read_delete_snapshots(call.fields(), request.which));
  CO_TRY(request.conditions, write_conditions(call.fields()));
  request.kept_until = call.kept_until;
  if (call.query().has("deletetype")) {
    co_return blob::refuse(Code::feature_not_supported, "What is soft deleted goes when it is due, and not before.");
  }
  // Removing what is not there is an error to this protocol.
  object::Conditions& conditions = request.conditions;
  if (!conditions.if_match && !conditions.if_unmodified_since) conditions.if_match = object::TagCondition{.any = true};
  const object::ObjectName name = call.name();
  object::OpenOptions looking;
  looking.which = request.which;
  looking.key_waived = true;
  CO_TRY(co_await services_.objects.stat(call.context, name, looking));
  if (request.which.version) {
    CO_TRY(const auto head, co_await services_.objects.head(call.context, name));
    if (head && !head->delete_marker && object::VersionId{head->revision} == *request.which.version) {
      co_return blob::refuse(Code::operation_not_allowed_on_root_blob);
    }
  }
  CO_TRY(const auto removed, co_await services_.objects.remove(call.context, call.target.container, requests));
  CO_TRY(const object::Removal removal, removed.front());
  http::Response response = empty(202);
  const bool permanent = !removal.kept && (!removal.delete_marker || !request.which.current());
  response.header.add("x-ms-delete-type-permanent", permanent ? "true" : "false");
  co_return response;
}

Awaitable<Answer> Handler::undelete_blob(Call& call) {
  const object::ObjectName name = call.name();
  CO_TRY(co_await services_.objects.undelete(call.context, name));
  co_return empty(200);
}

}  // namespace sluice::blob

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/http/field.h"
#include "gateway/s3/checksum.h"
#include "gateway/s3/encryption.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/object_lock.h"
#include "gateway/s3/write_body.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kOverrides[] = {
    "response-content-type",  "response-content-language",    "response-expires",
    "response-cache-control", "response-content-disposition", "response-content-encoding"};

Outcome<> check_overrides(const Call& call) {
  if (call.target.query.empty() || !call.signature.identity.anonymous()) return {};
  for (const std::string_view name : kOverrides) {
    if (call.target.query.has(name)) {
      return refuse(Code::invalid_request,
                    "Request specific response headers cannot be used for anonymous GET requests.");
    }
  }
  return {};
}

std::string content_range(ByteRange range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" + std::to_string(range.offset + range.length - 1) + "/" +
         std::to_string(size);
}

/// The checksum of an object or, where one is meant, of its part.
std::optional<object::Checksum> checksum_of(const object::ObjectInfo& info, const object::PartInfo* part) {
  const auto& whole = info.checksum;
  if (!whole || part == nullptr || !part->checksum) return whole;
  return object::Checksum{.digest = *part->checksum, .type = whole->type};
}

/// What add_object() says of an object where no query has a say, made once.
const std::string& lines_about(const object::ObjectInfo& info, const MadeOnce<std::string>& kept) {
  if (const std::string* known = kept.get()) return *known;
  http::ResponseHeader header;
  add_object(header, info, {});
  return *kept.keep(std::make_unique<const std::string>(header.lines()));
}

}  // namespace

bool Handler::may_carry_keys(const Call& call) const {
  return s3::may_carry_keys(call.context, options_.customer_keys_over_http);
}

Outcome<object::OpenOptions> Handler::read_options(const Call& call) const {
  const Fields& fields = *call.fields;
  object::OpenOptions options;
  TRY(options.which, which_of(call.target.query));
  TRY(check_overrides(call));
  TRY(check_read_encryption(fields));
  TRY(options.customer_key, customer_key(fields, may_carry_keys(call)));
  options.admit = admission(call, call.access);
  options.conditions = read_conditions(fields, services_.clock.now());
  options.range = range_asked(fields);
  const auto part = call.target.query.value("partNumber");
  if (part && fields.has("range")) {
    return s3::refuse(Code::invalid_request, "Cannot specify both Range header and partNumber query parameter");
  }
  if (part) {
    TRY(options.part_number, parse_part_number(*part));
  }
  return options;
}

Handler::Shown Handler::shown(const object::Selection& selection, bool ranged) {
  return {.info = selection.info,
          .range = selection.range,
          .partial = selection.partial,
          .part = selection.part ? &*selection.part : nullptr,
          .ranged = ranged};
}

http::Response Handler::describe(const Call& call, const Shown& shown) const {
  const auto& [info, range, asked_partial, part, ranged, description] = shown;
  // No Content-Range can tell of no bytes.
  const bool partial = asked_partial && range.length != 0;
  http::Response response{
      .header = begin(call, partial ? 206 : 200), .content = {}, .body = nullptr, .content_length = range.length};
  if (description != nullptr && call.target.query.empty()) {
    response.header.add_lines(lines_about(info, *description));
  } else {
    add_object(response.header, info, call.target.query);
  }
  if (info.tiering.tier == object::Tier::archive) add_storage_class(response.header, info, services_.clock.now());
  add_version(response.header, call, info);
  add_protection(response.header, call, info);
  add_encryption(response.header, *call.fields, info.encryption);
  if (partial) response.header.add("Content-Range", content_range(range, info.size));
  if (part != nullptr && info.part_count != 0) response.header.add("x-amz-mp-parts-count", info.part_count);
  // A checksum of more than the bytes sent would fail its reader.
  if (!ranged && equals_ignoring_case(call.fields->get("x-amz-checksum-mode"), "ENABLED")) {
    const std::uint32_t part_count = part != nullptr ? 0 : info.part_count;
    if (const auto checksum = checksum_of(info, part)) add_checksum(response.header, *checksum, part_count);
  }
  return response;
}

Step<Failure> Handler::explain_read(Call& call, const Error& error) {
  Failure failure(error);
  if (error.code == ErrorCode::no_such_object) {
    // Who may not list must not learn which keys there are.
    if (call.access && !may_know_missing(call.signature.identity, *call.access)) {
      co_return Failure(Code::access_denied);
    }
  }
  if (error.code == ErrorCode::no_such_object) {
    CO_TRY(co_await tell_marker(call, failure));
  }
  const auto version = call.target.query.value("versionId");
  if (error.code == ErrorCode::is_delete_marker) {
    failure.headers.emplace_back("x-amz-delete-marker", "true");
    failure.headers.emplace_back("Allow", "DELETE");
    if (version) failure.headers.emplace_back("x-amz-version-id", *version);
  }
  if (error.code == ErrorCode::no_such_version && version) failure.elements.emplace_back("VersionId", *version);
  if (error.code == ErrorCode::range_not_satisfiable) {
    failure.elements.emplace_back("RangeRequested", call.fields->get("range"));
  }
  if (error.code == ErrorCode::not_modified) {
    object::OpenOptions options;
    CO_TRY(options.which, which_of(call.target.query));
    options.key_waived = true;
    const object::ObjectName name = call.name();
    CO_TRY(const object::Selection selection, co_await services_.objects.stat(call.context, name, options));
    const object::ObjectInfo& info = selection.info;
    const auto modified = std::chrono::floor<std::chrono::seconds>(info.modified);
    failure.headers.emplace_back("Last-Modified", http::format_http_date(modified));
    failure.headers.emplace_back("ETag", quoted(info.content_tag()));
    if (!info.headers.cache_control.empty()) failure.headers.emplace_back("Cache-Control", info.headers.cache_control);
    if (!info.headers.expires.empty()) failure.headers.emplace_back("Expires", info.headers.expires);
  }
  co_return failure;
}

Awaitable<Answer> Handler::refuse_read(Call& call, const Error& error) {
  CO_TRY(Failure failure, co_await explain_read(call, error));
  co_return std::unexpected(std::move(failure));
}

Awaitable<Answer> Handler::get_object(Call& call) {
  CO_TRY(const object::OpenOptions options, read_options(call));
  const object::ObjectName name = call.name();
  auto opened = co_await services_.objects.open(call.context, name, options);
  if (!opened) co_return co_await refuse_read(call, opened.error());
  http::Response response = describe(call, shown(opened->selection, options.range.has_value()));
  if (call.offered) co_return co_await store_offered(call, std::move(response), *std::move(opened));
  response.content = std::move(opened->content);
  response.body = std::move(opened->body);
  co_return response;
}

Awaitable<Answer> Handler::head_object(Call& call) {
  CO_TRY(const object::OpenOptions options, read_options(call));
  const object::ObjectName name = call.name();
  const auto found = co_await services_.objects.stat(call.context, name, options);
  if (!found) co_return co_await refuse_read(call, found.error());
  co_return describe(call, shown(*found, options.range.has_value()));
}

Awaitable<Answer> Handler::put_object(Call& call) {
  CO_TRY(check_plain_write(call));
  CO_TRY(Description description, read_description(*call.fields));
  CO_TRY(auto encryption, encryption_request(*call.fields, may_carry_keys(call)));
  CO_TRY(const object::Protection protection, protection_of(call));
  WriteBody body(
      call,
      {.size_max = options_.put_size_max, .needs_length = true, .needs_checksum = declares_protection(*call.fields)});
  CO_TRY(body.prepare());
  CO_TRY(const Placement placement, co_await place(call));
  const object::PutOptions options{.conditions = write_conditions(*call.fields),
                                   .owner = placement.owner,
                                   .headers = std::move(description.headers),
                                   .metadata = std::move(description.metadata),
                                   .checksum = body.checksum_algorithm(),
                                   .tags = std::move(description.tags),
                                   .acl = placement.acl,
                                   .encryption = std::move(encryption),
                                   .protection = protection};
  const object::ObjectName name = call.name();
  const auto put = co_await services_.objects.put(call.context, name, options, body.source());
  if (!put) co_return std::unexpected(explain_write(body.explain(put.error()), put.error(), options.conditions));

  http::Response response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
  response.header.add("ETag", quoted(put->content_tag()));
  add_encryption(response.header, *call.fields, put->encryption);
  if (put->checksum) add_checksum(response.header, *put->checksum, 0);
  add_version(response.header, call, *put);
  co_return response;
}

Awaitable<Answer> Handler::delete_object(Call& call) {
  CO_TRY(const object::Which which, which_of(call.target.query));
  CO_TRY(const object::Bypass bypass, bypass_of(call));
  std::vector<object::RemoveRequest> requests;
  requests.push_back(
      {.key = call.target.key, .conditions = write_conditions(*call.fields), .which = which, .bypass = bypass});
  CO_TRY(const auto removed, co_await services_.objects.remove(call.context, call.target.bucket, requests));
  const Result<object::Removal>& one = removed.front();
  // What a condition wants gone and is gone already counts as removed.
  if (!one && one.error().code != ErrorCode::no_such_object) {
    co_return std::unexpected(explain_write(one.error(), one.error(), requests.front().conditions));
  }
  http::Response response{.header = begin(call, 204), .content = {}, .body = nullptr, .content_length = {}};
  const object::Removal removal = one.value_or(object::Removal{});
  if (removal.delete_marker) response.header.add("x-amz-delete-marker", "true");
  if (removal.version) response.header.add("x-amz-version-id", object::to_text(*removal.version));
  co_return response;
}

}  // namespace sluice::s3

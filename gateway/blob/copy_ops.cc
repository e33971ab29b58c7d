#include "gateway/blob/customer_key.h"
#include "gateway/blob/explain.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/blob/source.h"
#include "gateway/blob/tags.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

/// What a copy says of itself; a copy is done when it is answered.
void add_copy(http::ResponseHeader& header, const object::ObjectInfo& made) {
  add_change(header, made);
  if (made.copy) header.add("x-ms-copy-id", made.copy->id);
  header.add("x-ms-copy-status", "success");
}

/// A random UUID (RFC 9562 5.4).
std::string new_copy_id() {
  std::string bytes = random_bytes(16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  std::string hex = to_hex(bytes);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, "-");
  return hex;
}

/// The tags of a copy: what is given, or none, or nothing where those of the source are
/// wanted ("Copy Blob From URL", Azure Storage REST API).
Outcome<std::optional<object::Tags>> read_copy_tags(const Fields& fields) {
  constexpr std::string_view kOption = "x-ms-copy-source-tag-option";
  const std::string_view option = fields.get(kOption);
  const auto given = fields.find("x-ms-tags");
  if (equals_ignoring_case(option, "COPY")) {
    if (given) return refuse(Code::tags_present_twice);
    return std::nullopt;
  }
  if (!option.empty() && !equals_ignoring_case(option, "REPLACE")) return invalid_header(kOption, option);
  return parse_tags(given.value_or(std::string_view{}));
}

/// Is the copy of an append blob to be sealed? ("Copy Blob", Azure Storage REST API.)
Outcome<bool> read_sealing(const Fields& fields) {
  constexpr std::string_view kName = "x-ms-seal-blob";
  const auto text = fields.find(kName);
  if (!text) return false;
  const auto truth = parse_truth(*text);
  if (!truth) return invalid_header(kName, *text);
  return *truth;
}

}  // namespace

Step<object::CopyOptions> Handler::copy_options(Call& call, const Source& source) {
  object::CopyOptions options;
  options.source = source.which;
  options.source_conditions = source.conditions;
  CO_TRY(options.conditions, put_conditions(call));
  options.owner = call.account->owner;
  CO_TRY(options.protection, protection_of(call));
  CO_TRY(options.encryption.customer_key, customer_key(call));
  CO_TRY(options.source_customer_key, customer_key(call, kSourceKey));
  co_return options;
}

Step<object::ObjectInfo> Handler::copy(Call& call, const Source& source, const object::CopyOptions& options) {
  const object::ObjectName to = call.name();
  const auto made = co_await services_.objects.copy(call.context, source.name, to, options);
  if (made) co_return *made;
  // The source is looked at once more, for whose fault it is tells the code.
  object::OpenOptions looking;
  looking.which = source.which;
  looking.conditions = options.source_conditions;
  looking.customer_key = options.source_customer_key;
  const auto there = co_await services_.objects.stat(call.context, source.name, looking);
  if (!there && there.error().code != ErrorCode::not_modified) co_return std::unexpected(explain_source(there.error()));
  if (!there) co_return blob::refuse(Code::source_condition_not_met);
  co_return std::unexpected(explain_put(call, made.error(), options.conditions));
}

Awaitable<Answer> Handler::copy_blob(Call& call) {
  CO_TRY(const Source source, co_await read_source(call));
  CO_TRY(object::CopyOptions options, co_await copy_options(call, source));
  CO_TRY(object::Metadata metadata, read_metadata(call.fields()));
  CO_TRY(options.tags, read_copy_tags(call.fields()));
  CO_TRY(const object::Tier tier, read_tier(call.fields()));
  CO_TRY(const bool urgent, read_urgency(call.fields()));
  CO_TRY(const bool seals, read_sealing(call.fields()));
  // "Copy Blob", Azure Storage REST API: what is archived comes back by a copy into another tier.
  const bool may_wait = !call.fields().has("x-ms-requires-sync");
  options.from_archive = may_wait && tier != object::Tier::none && tier != object::Tier::archive;
  object::Tiering tiering{.tier = tier};
  options.admit_source = [&](const object::ObjectInfo& info) -> Result<> {
    if (info.kind != object::ObjectKind::block && tier != object::Tier::none) return fail(ErrorCode::kind_mismatch);
    if (info.kind != object::ObjectKind::append && seals) return fail(ErrorCode::kind_mismatch);
    tiering = copied_tier(info, {.tier = tier, .urgent = urgent});
    return done;
  };
  options.edit = [&](object::ObjectInfo& info) -> Result<> {
    info.tiering = tiering;
    info.sealed = seals;
    // "Copy Blob", Azure Storage REST API: any metadata replaces all of the source's.
    if (!metadata.empty()) info.metadata = metadata;
    info.copy = object::CopyOrigin{.id = new_copy_id(), .source = source.url};
    return done;
  };
  CO_TRY(const object::ObjectInfo made, co_await copy(call, source, options));
  http::Response response = empty(202);
  add_copy(response.header, made);
  co_return response;
}

Awaitable<Failure> Handler::explain_kind(Call& call, Failure failure) {
  if (failure.code != Code::invalid_blob_type || call.target.scope != Scope::blob) co_return failure;
  const object::ObjectName name = call.name();
  const auto head = co_await services_.objects.head(call.context, name);
  if (head && *head && (*head)->following) failure = Failure(Code::operation_not_allowed_on_incremental_copy);
  co_return failure;
}

Awaitable<Answer> Handler::copy_blob_incrementally(Call& call) {
  constexpr std::pair<object::Followed, Code> kRefusals[] = {
      {object::Followed::no_snapshot, Code::incremental_copy_source_must_be_snapshot},
      {object::Followed::other, Code::incremental_copy_mismatch},
      {object::Followed::put_anew, Code::blob_overwritten},
      {object::Followed::not_later, Code::incremental_copy_of_earlier_snapshot},
  };
  CO_TRY(const Source source, co_await read_source(call));
  object::CopyOptions options;
  options.source = source.which;
  CO_TRY(options.conditions, write_conditions(call.fields()));
  options.owner = call.account->owner;
  options.edit = [&](object::ObjectInfo& info) -> Result<> {
    info.copy = object::CopyOrigin{.id = new_copy_id(), .source = source.url};
    return done;
  };
  const object::ObjectName to = call.name();
  const auto made = co_await services_.objects.follow(call.context, source.name, to, options);
  if (!made) {
    object::OpenOptions looking;
    looking.which = source.which;
    looking.key_waived = true;
    const auto there = co_await services_.objects.stat(call.context, source.name, looking);
    if (!there) co_return std::unexpected(explain_source(there.error()));
    co_return std::unexpected(explain_put(call, made.error(), options.conditions));
  }
  for (const auto& [followed, code] : kRefusals) {
    if (made->followed == followed) co_return blob::refuse(code);
  }
  http::Response response = empty(202);
  add_copy(response.header, made->info);
  co_return response;
}

Awaitable<Answer> Handler::put_blob_from_url(Call& call) {
  CO_TRY(const Source source, co_await read_source(call));
  CO_TRY(object::CopyOptions options, co_await copy_options(call, source));
  CO_TRY(Description description, read_description(call.fields(), false));
  options.as_block = true;
  CO_TRY(options.tags, read_copy_tags(call.fields()));
  CO_TRY(const object::Tier tier, read_tier(call.fields()));
  const auto keeps = call.fields().find("x-ms-copy-source-blob-properties");
  const auto truth = keeps ? parse_truth(*keeps) : std::optional(true);
  if (!truth) co_return invalid_header("x-ms-copy-source-blob-properties", *keeps);
  const bool says_headers = description.headers != object::ContentHeaders{};
  // A new blob, not a copy: it says for itself what it is.
  options.edit = [&](object::ObjectInfo& info) -> Result<> {
    info.metadata = description.metadata;
    info.tiering.tier = tier;
    if (!*truth || says_headers) info.headers = description.headers;
    return done;
  };
  CO_TRY(const object::ObjectInfo made, co_await copy(call, source, options));
  http::Response response = empty(201);
  add_change(response.header, made);
  if (made.part_count == 0 && !by_customer(made)) response.header.add("Content-MD5", to_base64(made.md5));
  add_encryption(response.header, "x-ms-request-server-encrypted", call.fields(), mode_of(made));
  co_return response;
}

Awaitable<Answer> Handler::abort_copy(Call& call) {
  if (!call.query().has("copyid")) co_return missing_parameter("copyid");
  object::OpenOptions options;
  options.key_waived = true;
  CO_TRY(options.conditions.lease, read_lease_id(call.fields(), "x-ms-lease-id"));
  const object::ObjectName name = call.name();
  CO_TRY(co_await services_.objects.stat(call.context, name, options));
  // A copy is done when it is answered, so none is ever pending.
  co_return blob::refuse(Code::no_pending_copy);
}

}  // namespace sluice::blob

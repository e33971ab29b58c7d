#include "gateway/blob/source.h"

#include <algorithm>

#include "gateway/blob/customer_key.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/headers.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::size_t kUrlSizeMax = 8 << 10;

/// Does the answer depend on the tags of the source?
bool wants_tags(const Call& call) {
  return call.fields().has("x-ms-source-if-tags") ||
         equals_ignoring_case(call.fields().get("x-ms-copy-source-tag-option"), "COPY");
}

std::string_view without_query(std::string_view url) { return url.substr(0, url.find('?')); }

}  // namespace

std::optional<SourceUrl> parse_source_url(std::string_view url) {
  if (url.starts_with('/')) return SourceUrl{.secure = false, .host = {}, .target = url};
  const auto colon = url.find("://");
  if (colon == url.npos) return std::nullopt;
  const std::string_view scheme = url.substr(0, colon);
  SourceUrl parsed;
  parsed.secure = equals_ignoring_case(scheme, "https");
  if (!parsed.secure && !equals_ignoring_case(scheme, "http")) return std::nullopt;
  const std::string_view rest = url.substr(colon + 3);
  const auto slash = rest.find('/');
  if (slash == rest.npos || slash == 0) return std::nullopt;
  parsed.host = rest.substr(0, slash);
  parsed.target = rest.substr(slash);
  return parsed;
}

Outcome<std::optional<ByteRange>> read_source_range(const Fields& fields) {
  constexpr std::string_view kName = "x-ms-source-range";
  constexpr std::string_view kUnit = "bytes=";
  const auto text = fields.find(kName);
  if (!text || text->empty()) return std::nullopt;
  const auto dash = text->find('-');
  if (text->starts_with(kUnit) && dash != text->npos) {
    const auto first = parse_decimal(text->substr(kUnit.size(), dash - kUnit.size()));
    const auto last = parse_decimal(text->substr(dash + 1));
    constexpr auto kLastMax = ~std::uint64_t{0} - 1;
    if (first && last && *first <= *last && *last < kLastMax) return ByteRange{*first, *last - *first + 1};
  }
  return invalid_header(kName, *text);
}

Outcome<std::optional<Digest>> read_source_digest(const Fields& fields) {
  TRY(auto md5, read_digest(fields, "x-ms-source-content-md5", digest_size(DigestAlgorithm::md5), Code::invalid_md5));
  TRY(auto crc64, read_digest(fields, "x-ms-source-content-crc64", digest_size(DigestAlgorithm::crc64nvme),
                              Code::invalid_header_value));
  if (md5 && crc64) return refuse(Code::invalid_input, "One digest of the source may be given.");
  if (md5) return Digest{DigestAlgorithm::md5, *std::move(md5)};
  if (crc64) return crc64_of_text(*crc64);
  return std::nullopt;
}

void expect_source(DigestSource& body, const Digest& digest) {
  const bool is_md5 = digest.algorithm == DigestAlgorithm::md5;
  body.expect(digest, is_md5 ? ErrorCode::digest_mismatch : ErrorCode::payload_hash_mismatch);
}

Failure explain_source(const Error& error) {
  switch (error.code) {
    case ErrorCode::no_such_object:
    case ErrorCode::no_such_version:
    case ErrorCode::is_delete_marker:
    case ErrorCode::no_such_bucket:
      return Failure(Code::source_not_found);
    case ErrorCode::precondition_failed:
      return Failure(Code::source_condition_not_met);
    default:
      return error;
  }
}

Step<Source> Handler::read_source(Call& call) {
  const std::string_view url = call.fields().get("x-ms-copy-source");
  const auto parsed = url.size() <= kUrlSizeMax ? parse_source_url(url) : std::nullopt;
  if (!parsed) co_return invalid_header("x-ms-copy-source", url);
  const std::string_view own_host = call.fields().get("host");
  const std::string_view host = parsed->host.empty() ? own_host : parsed->host;
  CO_TRY(const Target target, parse_target(parsed->target, host, options_.domains));
  const auth::AzureAccount* account = services_.accounts.find(target.account);
  const bool is_ours = equals_ignoring_case(host, own_host) || !target.in_path;
  if (!is_ours || account == nullptr || target.scope != Scope::blob) {
    co_return blob::refuse(Code::source_unverified,
                           "Bytes are copied within this server alone: x-ms-copy-source must be the URL of one of its "
                           "blobs, with the host that this request was sent to.");
  }
  Source source{.name = {target.container, target.blob}, .which = {}, .conditions = {}, .url = {}};
  source.url = without_query(url);
  CO_TRY(source.which, read_which(target.query));
  for (const std::string_view name : {"snapshot", "versionid"}) {
    if (const auto value = target.query.value(name)) source.url += "?" + std::string(name) + "=" + std::string(*value);
  }
  CO_TRY(source.conditions, read_conditions(call.fields(), Conditional::source));
  CO_TRY(co_await authorize_source(call, target, *account, *parsed));
  CO_TRY(co_await check_source_digest(call, source));
  co_return source;
}

// What is then copied is held to the very state that was read here.
Step<> Handler::check_source_digest(Call& call, Source& source) {
  CO_TRY(const auto expected, read_source_digest(call.fields()));
  const Operation operation = call.row->operation;
  const bool checks_itself = operation == Operation::put_block_from_url ||
                             operation == Operation::append_block_from_url || operation == Operation::put_page_from_url;
  if (!expected || checks_itself) co_return Outcome<>{};
  object::OpenOptions options;
  options.which = source.which;
  options.conditions = source.conditions;
  CO_TRY(options.customer_key, customer_key(call, kSourceKey));
  auto opened = co_await services_.objects.open(call.context, source.name, options);
  if (!opened) co_return std::unexpected(explain_source(opened.error()));
  source.conditions = {};
  source.conditions.if_match = object::TagCondition{.any = false, .tags = {opened->selection.info.revision_tag()}};
  ChunkSource chunk(opened->content);
  DigestSource body(opened->body ? *opened->body : chunk);
  expect_source(body, *expected);
  for (;;) {
    CO_TRY(const Chunk read, co_await body.read());
    if (read.empty()) co_return Outcome<>{};
  }
}

Step<object::OpenObject> Handler::open_source(Call& call, const Source& source) {
  CO_TRY(const auto range, read_source_range(call.fields()));
  object::OpenOptions options;
  options.which = source.which;
  options.conditions = source.conditions;
  CO_TRY(options.customer_key, customer_key(call, kSourceKey));
  if (range) options.range = object::RangeRequest{.first = range->offset, .last = range->offset + range->length - 1};
  auto opened = co_await services_.objects.open(call.context, source.name, options);
  if (!opened) co_return std::unexpected(explain_source(opened.error()));
  // All of the range must be there.
  if (range && opened->selection.range.length != range->length) co_return blob::refuse(Code::invalid_range);
  co_return *std::move(opened);
}

Step<> Handler::authorize_source(Call& call, const Target& target, const auth::AzureAccount& account,
                                 const SourceUrl& url) {
  const auto denied = [] {
    return blob::refuse(Code::source_denied, "The source is not readable: give its URL a shared access signature.");
  };
  const auto bucket = co_await services_.buckets.stat(call.context, target.container);
  if (!bucket || bucket->owner != account.owner) co_return blob::refuse(Code::source_not_found, {});
  const Fields none;
  const auth::SignedRequest request{.method = "GET", .target = url.target, .fields = none};
  if (auth::blob_credential(request) != auth::BlobCredential::sas) {
    const bool same = &account == call.account && !call.grant;
    if (!same && (bucket->settings.public_access == object::PublicAccess::none || wants_tags(call))) co_return denied();
    co_return Outcome<>{};
  }
  const auth::SasRequest asked{.request = request,
                               .account = account,
                               .resource = {.container = target.container,
                                            .blob = target.blob,
                                            .snapshot = target.query.get("snapshot"),
                                            .version = target.query.get("versionid")},
                               .remote_address = call.context.remote_address,
                               .secure = url.secure,
                               .bearer_oid = {},
                               .bearer_tid = {}};
  const auto signed_sas = sas_.verify(asked);
  if (!signed_sas) co_return denied();
  const auto policy = policy_of(*signed_sas, *bucket);
  const auto grant = sas_.grant(*signed_sas, policy ? &*policy : nullptr);
  if (!grant || !grant->allows(auth::BlobAction::get_blob)) co_return denied();
  if (wants_tags(call) && !grant->permissions.has_any("t")) co_return denied();
  co_return Outcome<>{};
}

}  // namespace sluice::blob

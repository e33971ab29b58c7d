#include "gateway/s3/handler.h"

#include <algorithm>
#include <array>

#include "auth/policy.h"
#include "gateway/core/encoding.h"
#include "gateway/s3/headers.h"

namespace sluice::s3 {
namespace {

constexpr std::string_view kXml = "application/xml";

bool is_root(const auth::Identity& identity) { return !identity.anonymous() && identity.user->root; }

bool is_write(http::Method method) {
  return method == http::Method::put || method == http::Method::post || method == http::Method::del;
}

bool is_of_presigning(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames{"x-amz-algorithm",      "x-amz-credential",    "x-amz-date",
                                                   "x-amz-expires",        "x-amz-signedheaders", "x-amz-signature",
                                                   "x-amz-security-token", "x-amz-content-sha256"};
  return std::ranges::any_of(kNames, [&](std::string_view known) { return equals_ignoring_case(known, name); });
}

/// Presigning clients may put any x-amz-* header into the query instead.
void merge_query(Call& call) {
  call.fields = &call.request.header.fields;
  for (const auto& [name, value, has_value] : call.target.query.items()) {
    if (!to_lower(name).starts_with("x-amz-") || is_of_presigning(name)) continue;
    if (call.fields != &call.merged) {
      call.merged = *call.fields;
      call.fields = &call.merged;
    }
    if (!call.request.header.fields.has(name)) call.merged.add(to_lower(name), value);
  }
}

/// A raw `+` in a query is a space to whoever does not say otherwise, as in a form; a
/// signature that covers a plus says otherwise.
void read_query_as_signed(Call& call) {
  const std::string_view raw = http::split_target(call.request.header.target).query;
  const bool covered = !call.signature.identity.anonymous() && call.signature.plus_is_literal;
  if (!covered || !raw.contains('+')) return;
  call.target.query = http::parse_query(raw, http::Plus::literal).value_or(http::Query{});
  call.merged = {};
  merge_query(call);
}

/// The elements of an error document that help its reader to sign the right thing.
Failure::Named evidence(const auth::SignatureFault& fault) {
  Failure::Named elements;
  const auto tell = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) elements.emplace_back(name, value);
  };
  tell("AWSAccessKeyId", fault.access_key);
  tell("SignatureProvided", fault.signature_provided);
  tell("StringToSign", fault.string_to_sign);
  tell("CanonicalRequest", fault.canonical_request);
  tell("Region", fault.region);
  tell("HeadersNotSigned", fault.headers_not_signed);
  tell("RequestTime", fault.request_time);
  tell("Expires", fault.expires);
  tell("ServerTime", fault.server_time);
  return elements;
}

Failure failure_of(const auth::SignatureFault& fault) {
  Failure failure(fault.error);
  failure.message = fault.error.detail;
  failure.elements = evidence(fault);
  if (fault.error.code == ErrorCode::wrong_region) {
    failure.message = "The authorization header is malformed; the region is wrong; expecting '" + fault.region + "'";
  }
  if (fault.error.code == ErrorCode::request_time_skewed) {
    const auto skew = std::chrono::duration_cast<std::chrono::milliseconds>(auth::SigV4::kSkewMax);
    failure.elements.emplace_back("MaxAllowedSkewMilliseconds", std::to_string(skew.count()));
  }
  if (fault.presigned && failure.code == Code::authorization_header_malformed) {
    failure.code = Code::authorization_query_parameters_error;
  }
  return failure;
}

}  // namespace

struct Handler::Entry {
  Operation operation;
  Method method;
};

const Handler::Entry Handler::kEntries[] = {
    {Operation::get_object, &Handler::get_object},
    {Operation::head_object, &Handler::head_object},
    {Operation::put_object, &Handler::put_object},
    {Operation::delete_object, &Handler::delete_object},
    {Operation::upload_part, &Handler::upload_part},
    {Operation::list_objects_v2, &Handler::list_objects_v2},
    {Operation::list_objects, &Handler::list_objects},
    {Operation::copy_object, &Handler::copy_object},
    {Operation::delete_objects, &Handler::delete_objects},
    {Operation::create_multipart_upload, &Handler::create_multipart_upload},
    {Operation::upload_part_copy, &Handler::upload_part_copy},
    {Operation::complete_multipart_upload, &Handler::complete_multipart_upload},
    {Operation::abort_multipart_upload, &Handler::abort_multipart_upload},
    {Operation::list_parts, &Handler::list_parts},
    {Operation::list_multipart_uploads, &Handler::list_multipart_uploads},
    {Operation::list_object_versions, &Handler::list_object_versions},
    {Operation::get_object_attributes, &Handler::get_object_attributes},
    {Operation::list_buckets, &Handler::list_buckets},
    {Operation::create_bucket, &Handler::create_bucket},
    {Operation::head_bucket, &Handler::head_bucket},
    {Operation::delete_bucket, &Handler::delete_bucket},
    {Operation::get_bucket_location, &Handler::get_bucket_location},
    {Operation::get_bucket_encryption, &Handler::get_bucket_encryption},
    {Operation::put_bucket_encryption, &Handler::put_bucket_encryption},
    {Operation::delete_bucket_encryption, &Handler::delete_bucket_encryption},
    {Operation::get_bucket_acl, &Handler::get_bucket_acl},
    {Operation::put_bucket_acl, &Handler::put_bucket_acl},
    {Operation::get_bucket_policy, &Handler::get_bucket_policy},
    {Operation::put_bucket_policy, &Handler::put_bucket_policy},
    {Operation::delete_bucket_policy, &Handler::delete_bucket_policy},
    {Operation::get_bucket_policy_status, &Handler::get_bucket_policy_status},
    {Operation::get_public_access_block, &Handler::get_public_access_block},
    {Operation::put_public_access_block, &Handler::put_public_access_block},
    {Operation::delete_public_access_block, &Handler::delete_public_access_block},
    {Operation::get_ownership_controls, &Handler::get_ownership_controls},
    {Operation::put_ownership_controls, &Handler::put_ownership_controls},
    {Operation::delete_ownership_controls, &Handler::delete_ownership_controls},
    {Operation::get_bucket_cors, &Handler::get_bucket_cors},
    {Operation::put_bucket_cors, &Handler::put_bucket_cors},
    {Operation::delete_bucket_cors, &Handler::delete_bucket_cors},
    {Operation::get_object_acl, &Handler::get_object_acl},
    {Operation::put_object_acl, &Handler::put_object_acl},
    {Operation::get_bucket_versioning, &Handler::get_bucket_versioning},
    {Operation::put_bucket_versioning, &Handler::put_bucket_versioning},
    {Operation::get_bucket_tagging, &Handler::get_bucket_tagging},
    {Operation::put_bucket_tagging, &Handler::put_bucket_tagging},
    {Operation::delete_bucket_tagging, &Handler::delete_bucket_tagging},
    {Operation::get_object_tagging, &Handler::get_object_tagging},
    {Operation::put_object_tagging, &Handler::put_object_tagging},
    {Operation::delete_object_tagging, &Handler::delete_object_tagging},
    {Operation::bucket_probe, &Handler::bucket_probe},
    {Operation::get_object_lock_configuration, &Handler::get_object_lock_configuration},
    {Operation::put_object_lock_configuration, &Handler::put_object_lock_configuration},
    {Operation::get_object_retention, &Handler::get_object_retention},
    {Operation::put_object_retention, &Handler::put_object_retention},
    {Operation::get_object_legal_hold, &Handler::get_object_legal_hold},
    {Operation::put_object_legal_hold, &Handler::put_object_legal_hold},
    {Operation::preflight, &Handler::preflight},
    {Operation::connect_rdma, &Handler::connect_rdma},
    {Operation::not_implemented, &Handler::not_implemented},
};

Awaitable<http::Response> Handler::handle(RequestContext& context, const http::Request& request) {
  Call call{.context = context, .request = request, .fields = &request.header.fields};
  Answer answered = co_await answer(call);
  http::Response response;
  if (answered) {
    response = *std::move(answered);
  } else {
    response = render(answered.error(), context, request.header.method, options_.host_id);
  }
  if (call.target.scope == Scope::bucket) response.header.add("x-amz-bucket-region", options_.region);
  if (call.fields->has("origin")) co_await share(call, response);
  tell_offer(call, response);
  co_return response;
}

http::Response Handler::refuse(RequestContext& context, const http::Refusal& refusal) {
  return render_refusal(refusal, context, options_.host_id);
}

/// What the request is about, by its target.
Outcome<> Handler::read_target(Call& call) const {
  const http::RequestHeader& header = call.request.header;
  TRY(call.target, parse_target(header.target, header.fields.get("host"), options_.domains));
  call.context.bucket = call.target.bucket;
  call.context.key = call.target.key;
  merge_query(call);
  return {};
}

/// Who asks.
Outcome<> Handler::authenticate(Call& call) const {
  const http::RequestHeader& header = call.request.header;
  // In virtual-host style the path is the key alone.
  const bool by_host = !options_.domains.empty() && !call.target.bucket.empty() &&
                       percent_decode(http::split_target(header.target).path) == "/" + call.target.key;
  const auth::SignedRequest signed_request{
      .method = header.method_text,
      .target = header.target,
      .fields = header.fields,
      .virtual_host_bucket = by_host ? std::string_view(call.target.bucket) : std::string_view{}};
  auto signature = services_.signatures.authenticate(signed_request);
  if (!signature) return std::unexpected(failure_of(signature.error()));
  call.signature = *std::move(signature);
  call.context.principal = call.signature.identity.account();
  read_query_as_signed(call);
  return {};
}

Awaitable<Answer> Handler::answer(Call& call) {
  const http::RequestHeader& header = call.request.header;
  CO_TRY(read_target(call));
  const auto found = find_operation(header.method, call.target, call.fields->has("x-amz-copy-source"));
  if (found) {
    call.row = *found;
    call.context.operation = call.row->name;
  }

  if (header.method == http::Method::options) co_return co_await preflight(call);

  CO_TRY(authenticate(call));
  if (!found) co_return std::unexpected(found.error());

  CO_TRY(co_await authorize(call));
  if (is_write(header.method) && call.row->operation != Operation::not_implemented) {
    CO_TRY(check_write_headers(*call.fields, *call.row));
  }
  CO_TRY(co_await take_offer(call));
  const auto entry = std::ranges::find(kEntries, call.row->operation, &Entry::operation);
  co_return co_await (this->*entry->method)(call);
}

Outcome<bool> Handler::authorize_alone(const Call& call) const {
  const auth::Identity& identity = call.signature.identity;
  const auth::Resource resource{.bucket = call.target.bucket, .key = call.target.key};
  const auth::Action action = call.row->action;

  const bool needs_bucket = call.target.scope != Scope::service && action != auth::Action::create_bucket;
  if (!identity.anonymous() || !needs_bucket) {
    TRY(auth::authorize(identity, action, resource, std::nullopt));
  }
  if (!needs_bucket) return false;
  if (!object::check_bucket_name(resource.bucket)) return s3::refuse(Code::invalid_bucket_name);
  return !is_root(identity) || call.fields->has("x-amz-expected-bucket-owner");
}

Outcome<> Handler::take_rules(Call& call) {
  const object::BucketInfo& bucket = *call.bucket;
  const auto expected = call.fields->find("x-amz-expected-bucket-owner");
  if (expected && *expected != bucket.owner) return s3::refuse(Code::access_denied);
  if (is_root(call.signature.identity)) return {};
  Access& access = call.access.emplace();
  TRY(access.rules, rules_of(bucket, policies_));
  access.action = call.row->action;
  access.permission = permission_of(*call.row, call.target);
  access.bucket = call.target.bucket;
  access.key = call.target.key;
  if (access.rules.policy) access.facts = facts_of(call, services_.clock.now());
  return {};
}

Step<> Handler::authorize(Call& call) {
  CO_TRY(const bool needs_bucket, authorize_alone(call));
  if (!needs_bucket) co_return Outcome<>{};
  CO_TRY(co_await bucket_of(call));
  CO_TRY(take_rules(call));
  if (!call.access) co_return Outcome<>{};
  co_return co_await authorize_in_bucket(call);
}

namespace {

/// Does the operation ask admission() about the object it is about?
bool admits(Operation operation) {
  switch (operation) {
    case Operation::get_object:
    case Operation::head_object:
    case Operation::get_object_attributes:
    case Operation::get_object_acl:
    case Operation::put_object_acl:
    case Operation::get_object_retention:
    case Operation::put_object_retention:
    case Operation::get_object_legal_hold:
    case Operation::put_object_legal_hold:
      return true;
    default:
      return false;
  }
}

}  // namespace

Step<> Handler::authorize_in_bucket(Call& call) {
  const bool key_by_key = call.row->operation == Operation::delete_objects && call.access->rules.policy;
  if (admits(call.row->operation) || key_by_key) co_return Outcome<>{};
  const auth::Identity& identity = call.signature.identity;
  const auto allowed = s3::authorize(identity, *call.access);
  if (allowed) co_return Outcome<>{};
  // Who began an upload may see and end it.
  const Operation operation = call.row->operation;
  const bool about_upload = operation == Operation::list_parts || operation == Operation::abort_multipart_upload;
  if (about_upload && !identity.anonymous()) {
    const std::string upload_id(call.target.query.get("uploadId"));
    const auto upload = co_await services_.uploads.stat(call.context, call.name(), upload_id);
    if (upload && upload->initiator == identity.account()) co_return Outcome<>{};
  }
  co_return std::unexpected(Failure(allowed.error()));
}

Step<std::optional<Access>> Handler::authorize_source(Call& call, const object::ObjectName& source) {
  const auth::Identity& identity = call.signature.identity;
  const auth::Resource resource{.bucket = source.bucket, .key = source.key};
  if (!identity.anonymous()) {
    CO_TRY(auth::authorize(identity, auth::Action::read_object, resource, std::nullopt));
  }
  const auto expected = call.fields->find("x-amz-source-expected-bucket-owner");
  if (is_root(identity) && !expected) co_return std::optional<Access>{};
  CO_TRY(const object::BucketInfo bucket, co_await services_.buckets.stat(call.context, source.bucket));
  if (expected && *expected != bucket.owner) co_return s3::refuse(Code::access_denied);
  if (is_root(identity)) co_return std::optional<Access>{};
  Access access{.rules = {},
                .action = auth::Action::read_object,
                .permission = "s3:GetObject",
                .bucket = source.bucket,
                .key = source.key};
  CO_TRY(access.rules, rules_of(bucket, policies_));
  if (access.rules.policy) access.facts = facts_of(call, services_.clock.now());
  co_return std::optional(std::move(access));
}

object::Admission Handler::admission(const Call& call, const std::optional<Access>& access) const {
  if (!access) return {};
  return [&call, &access](const object::ObjectInfo& info) { return admit(call.signature.identity, *access, info); };
}

Step<object::BucketInfo> Handler::bucket_of(Call& call) {
  if (!call.bucket) {
    CO_TRY(call.bucket, co_await services_.buckets.stat(call.context, call.target.bucket));
  }
  co_return *call.bucket;
}

http::ResponseHeader Handler::begin(const Call& call, unsigned status) const {
  return begin_header(status, call.context, options_.host_id);
}

http::Response Handler::document(const Call& call, std::string text) const {
  return document(call, Chunk::of(std::move(text)));
}

http::Response Handler::document(const Call& call, Chunk text) const {
  http::Response response{.header = begin(call), .content = {}, .body = nullptr, .content_length = text.size()};
  response.header.add("Content-Type", kXml);
  response.content = std::move(text);
  return response;
}

std::string_view Handler::display_name(const std::string& account) const {
  const auto found = options_.display_names.find(account);
  return found == options_.display_names.end() ? std::string_view(account) : std::string_view(found->second);
}

}  // namespace sluice::s3

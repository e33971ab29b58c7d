#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/core/context.h"
#include "gateway/core/result.h"
#include "gateway/http/failure.h"
#include "gateway/http/message.h"

namespace sluice::s3 {

/// The error codes of the S3 API that this gateway answers with. One row each in
/// the table of error.cc.
enum class Code : std::uint8_t {
  access_denied,
  access_forbidden,
  acl_not_supported,
  acl_with_ownership,
  authorization_header_malformed,
  authorization_query_parameters_error,
  bad_digest,
  bad_request,
  bucket_already_exists,
  bucket_already_owned_by_you,
  bucket_not_empty,
  conditional_request_conflict,
  entity_too_large,
  entity_too_small,
  illegal_location_constraint,
  incomplete_body,
  insufficient_storage,
  internal_error,
  invalid_access_key_id,
  invalid_argument,
  invalid_bucket_name,
  invalid_bucket_state,
  invalid_chunk_size,
  invalid_digest,
  invalid_encryption_algorithm,
  invalid_location_constraint,
  invalid_object_state,
  invalid_part,
  invalid_part_order,
  invalid_range,
  invalid_request,
  invalid_retention_period,
  invalid_storage_class,
  invalid_tag,
  invalid_uri,
  key_too_long,
  kms_not_found,
  malformed_acl,
  malformed_policy,
  malformed_trailer,
  malformed_xml,
  metadata_too_large,
  method_not_allowed,
  missing_content_length,
  no_such_bucket,
  no_such_bucket_policy,
  no_such_cors_configuration,
  no_such_key,
  no_such_lifecycle_configuration,
  no_such_object_lock_configuration,
  no_such_public_access_block,
  no_such_tag_set,
  no_such_upload,
  no_such_version,
  no_such_website_configuration,
  not_implemented,
  not_modified,
  object_lock_configuration_not_found,
  operation_aborted,
  ownership_controls_not_found,
  precondition_failed,
  replication_configuration_not_found,
  request_time_too_skewed,
  request_timeout,
  service_unavailable,
  signature_does_not_match,
  slow_down,
  sse_configuration_not_found,
  unresolvable_grant_by_email,
  x_amz_content_sha256_mismatch,
};

using CodeRow = http::CodeRow<Code>;
const CodeRow& row_of(Code code);

/// The S3 code of a core error.
Code code_of(ErrorCode code);

/// An answer that is an error: a code of S3, and what its document says beside it.
struct Failure : http::FailureParts<Code> {
  Failure() = default;
  /// Without a message, the code's own.
  explicit Failure(Code code_in, std::string message_in = {}) {
    code = code_in;
    message = std::move(message_in);
  }
  Failure(const Error& error);  // NOLINT(google-explicit-constructor): what TRY hands on.
};

/// The value of a step, or the Failure that is the answer.
template <class T = void>
using Outcome = std::expected<T, Failure>;

/// `return refuse(Code::invalid_argument, "max-keys");`
inline std::unexpected<Failure> refuse(Code code, std::string message = {}) {
  return std::unexpected(Failure(code, std::move(message)));
}

/// The response that tells `failure`: status, headers and, unless for HEAD or a
/// 304, the error document. Fills context.error_code and context.detail.
http::Response render(const Failure& failure, RequestContext& context, http::Method method, std::string_view host_id);

/// The same for what the HTTP session refuses by itself.
http::Response render_refusal(const http::Refusal& refusal, RequestContext& context, std::string_view host_id);

/// The header every response starts with: its status and request ids.
http::ResponseHeader begin_header(unsigned status, const RequestContext& context, std::string_view host_id);

}  // namespace sluice::s3

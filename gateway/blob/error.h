#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "auth/azure_fault.h"
#include "gateway/core/context.h"
#include "gateway/core/result.h"
#include "gateway/http/failure.h"
#include "gateway/http/message.h"

namespace sluice::blob {

/// The error codes of the Blob service that this gateway answers with. One row each
/// in the table of error.cc.
enum class Code : std::uint8_t {
  append_position_condition_not_met,
  authentication_failed,
  authorization_failure,
  authorization_permission_mismatch,
  authorization_protocol_mismatch,
  authorization_resource_type_mismatch,
  authorization_service_mismatch,
  authorization_source_ip_mismatch,
  batch_of_several_operations,
  batch_too_long,
  blob_already_exists,
  blob_archived,
  blob_being_rehydrated,
  blob_customer_specified_encryption_mismatch,
  blob_does_not_use_customer_specified_encryption,
  blob_immutable_due_to_legal_hold,
  blob_immutable_due_to_policy,
  blob_is_sealed,
  blob_not_found,
  blob_operation_not_supported,
  blob_overwritten,
  blob_uses_customer_specified_encryption,
  block_count_exceeds_limit,
  block_list_too_long,
  condition_headers_not_supported,
  condition_not_met,
  container_already_exists,
  container_not_found,
  container_protected_from_deletion,
  cors_preflight_failure,
  crc64_mismatch,
  duplicate_tag_names,
  empty_tag_name,
  feature_not_supported,
  incremental_copy_mismatch,
  incremental_copy_of_earlier_snapshot,
  incremental_copy_source_must_be_snapshot,
  insufficient_account_permissions,
  insufficient_storage,
  internal_error,
  invalid_authentication_info,
  invalid_blob_or_block,
  invalid_blob_type,
  invalid_block_id,
  invalid_block_list,
  invalid_header_value,
  invalid_input,
  invalid_md5,
  invalid_metadata,
  invalid_page_range,
  invalid_query_parameter_value,
  invalid_range,
  invalid_resource_name,
  invalid_tag,
  invalid_uri,
  invalid_xml_document,
  invalid_xml_node_value,
  lease_already_present,
  lease_id_mismatch_with_blob_operation,
  lease_id_mismatch_with_container_operation,
  lease_id_mismatch_with_lease_operation,
  lease_id_missing,
  lease_is_breaking_and_cannot_be_acquired,
  lease_is_breaking_and_cannot_be_changed,
  lease_is_broken_and_cannot_be_renewed,
  lease_lost,
  lease_not_present_with_blob_operation,
  lease_not_present_with_container_operation,
  lease_not_present_with_lease_operation,
  max_blob_size_condition_not_met,
  md5_mismatch,
  metadata_too_large,
  missing_content_length,
  missing_required_header,
  missing_required_query_parameter,
  missing_required_xml_node,
  multiple_condition_headers_not_supported,
  no_authentication_information,
  no_pending_copy,
  not_implemented,
  not_modified,
  operation_not_allowed_on_incremental_copy,
  operation_not_allowed_on_root_blob,
  operation_timed_out,
  out_of_range_input,
  out_of_range_query_parameter_value,
  previous_snapshot_cannot_be_newer,
  previous_snapshot_not_found,
  request_body_too_large,
  resource_not_found,
  sequence_number_condition_not_met,
  sequence_number_increment_too_large,
  server_busy,
  snapshots_present,
  source_condition_not_met,
  source_denied,
  source_not_found,
  source_unverified,
  tags_present_twice,
  tags_too_large,
  unauthorized_blob_overwrite,
  unsatisfiable_condition,
  unsupported_header,
  unsupported_http_verb,
  unsupported_xml_node,
};

using CodeRow = http::CodeRow<Code>;
const CodeRow& row_of(Code code);

/// The code of a core error.
Code code_of(ErrorCode code);

/// An answer that is an error: a code of the Blob service, and what its document says beside it.
struct Failure : http::FailureParts<Code> {
  Failure() = default;
  /// Without a message, the code's own.
  explicit Failure(Code code_in, std::string message_in = {}) {
    code = code_in;
    message = std::move(message_in);
  }
  Failure(const Error& error);             // NOLINT(google-explicit-constructor): what TRY hands on.
  Failure(const auth::AzureFault& fault);  // NOLINT(google-explicit-constructor)
};

/// The value of a step, or the Failure that is the answer.
template <class T = void>
using Outcome = std::expected<T, Failure>;

/// `return refuse(Code::invalid_header_value, "x-ms-range");`
inline std::unexpected<Failure> refuse(Code code, std::string message = {}) {
  return std::unexpected(Failure(code, std::move(message)));
}

/// The failures every such header and parameter shares.
std::unexpected<Failure> invalid_header(std::string_view name, std::string_view value);
std::unexpected<Failure> invalid_parameter(std::string_view name, std::string_view value, std::string_view reason = {});
std::unexpected<Failure> missing_header(std::string_view name);
std::unexpected<Failure> missing_parameter(std::string_view name);

/// The response that tells `failure`: status, x-ms-error-code and, unless for HEAD or
/// a 304, the error document. Fills context.error_code and context.detail. The
/// headers every answer has are the caller's to add.
http::Response render(const Failure& failure, RequestContext& context, http::Method method);

/// The same for what the HTTP session refuses by itself.
http::Response render_refusal(const http::Refusal& refusal, RequestContext& context);

/// A request's id in the form of a GUID.
std::string guid_of(const RequestContext& context);

}  // namespace sluice::blob

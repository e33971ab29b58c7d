#include "gateway/blob/error.h"

#include <algorithm>
#include <chrono>

#include "gateway/core/encoding.h"
#include "gateway/xml/xml.h"

namespace sluice::blob {
namespace {

// In the order of the enum, which row_of() relies on. "Common REST API error codes"
// and "Blob service error codes", Azure Storage REST API.
constexpr CodeRow kCodes[] = {
    {Code::append_position_condition_not_met, 412, "AppendPositionConditionNotMet",
     "The append position condition specified was not met."},
    {Code::authentication_failed, 403, "AuthenticationFailed",
     "Server failed to authenticate the request. Make sure the value of the Authorization header is formed correctly "
     "including the signature."},
    {Code::authorization_failure, 403, "AuthorizationFailure",
     "This request is not authorized to perform this operation."},
    {Code::authorization_permission_mismatch, 403, "AuthorizationPermissionMismatch",
     "This request is not authorized to perform this operation using this permission."},
    {Code::authorization_protocol_mismatch, 403, "AuthorizationProtocolMismatch",
     "This request is not authorized to perform this operation using this protocol."},
    {Code::authorization_resource_type_mismatch, 403, "AuthorizationResourceTypeMismatch",
     "This request is not authorized to perform this operation using this resource type."},
    {Code::authorization_service_mismatch, 403, "AuthorizationServiceMismatch",
     "This request is not authorized to perform this operation using this service."},
    {Code::authorization_source_ip_mismatch, 403, "AuthorizationSourceIPMismatch",
     "This request is not authorized to perform this operation using this source IP."},
    {Code::batch_of_several_operations, 400, "AllBatchSubRequestsShouldBeSameApi",
     "All batch subrequests should be the same api."},
    {Code::batch_too_long, 400, "ExceedsMaxBatchRequestCount", "A batch may hold 256 requests."},
    {Code::blob_already_exists, 409, "BlobAlreadyExists", "The specified blob already exists."},
    {Code::blob_archived, 409, "BlobArchived", "This operation is not permitted on an archived blob."},
    {Code::blob_being_rehydrated, 409, "BlobBeingRehydrated",
     "This operation is not permitted because the blob is being rehydrated."},
    {Code::blob_customer_specified_encryption_mismatch, 409, "BlobCustomerSpecifiedEncryptionMismatch",
     "The given customer specified encryption does not match the encryption used to encrypt the blob."},
    {Code::blob_does_not_use_customer_specified_encryption, 409, "BlobDoesNotUseCustomerSpecifiedEncryption",
     "The blob is not encrypted, but customer specified encryption was provided in the request."},
    {Code::blob_immutable_due_to_legal_hold, 409, "BlobImmutableDueToLegalHold",
     "This operation is not permitted as the blob is immutable due to one or more legal holds."},
    {Code::blob_immutable_due_to_policy, 409, "BlobImmutableDueToPolicy",
     "This operation is not permitted as the blob is immutable due to a policy."},
    {Code::blob_is_sealed, 409, "BlobIsSealed",
     "The specified blob is sealed and its contents can't be modified unless the blob is re-created after a delete."},
    {Code::blob_not_found, 404, "BlobNotFound", "The specified blob does not exist."},
    {Code::blob_operation_not_supported, 409, "BlobOperationNotSupported",
     "The operation is not supported in this scenario."},
    {Code::blob_overwritten, 409, "BlobOverwritten",
     "The blob has been recreated since the previous snapshot was taken."},
    {Code::blob_uses_customer_specified_encryption, 409, "BlobUsesCustomerSpecifiedEncryption",
     "The blob is encrypted with customer specified encryption, but it was not provided in the request."},
    {Code::block_count_exceeds_limit, 409, "BlockCountExceedsLimit",
     "The committed block count cannot exceed the maximum limit of 50,000 blocks."},
    {Code::block_list_too_long, 400, "BlockListTooLong", "The block list may not contain more than 50,000 blocks."},
    {Code::condition_headers_not_supported, 400, "ConditionHeadersNotSupported",
     "Condition headers are not supported."},
    {Code::condition_not_met, 412, "ConditionNotMet",
     "The condition specified using HTTP conditional header(s) is not met."},
    {Code::container_already_exists, 409, "ContainerAlreadyExists", "The specified container already exists."},
    {Code::container_not_found, 404, "ContainerNotFound", "The specified container does not exist."},
    {Code::container_protected_from_deletion, 409, "ContainerProtectedFromDeletion",
     "A container with immutable storage with versioning must be empty before it is deleted."},
    {Code::cors_preflight_failure, 403, "CorsPreflightFailure",
     "CORS not enabled or no matching rule found for this request."},
    {Code::crc64_mismatch, 400, "Crc64Mismatch",
     "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server."},
    {Code::duplicate_tag_names, 400, "DuplicateTagNames", "The tags specified contain duplicate names."},
    {Code::empty_tag_name, 400, "EmptyTagName", "The name of one of the tag key-value pairs is empty."},
    {Code::feature_not_supported, 501, "FeatureNotSupportedForAccount",
     "The feature is not supported by this service."},
    {Code::incremental_copy_mismatch, 409, "IncrementalCopyBlobMismatch",
     "The specified source blob is different than the copy source of the existing incremental copy blob."},
    {Code::incremental_copy_of_earlier_snapshot, 409, "IncrementalCopyOfEarlierSnapshotNotAllowed",
     "The specified snapshot is earlier than the last snapshot copied into the incremental copy blob."},
    {Code::incremental_copy_source_must_be_snapshot, 409, "IncrementalCopySourceMustBeSnapshot",
     "The source for incremental copy request must be a snapshot."},
    {Code::insufficient_account_permissions, 403, "InsufficientAccountPermissions",
     "Write operations to the secondary location are not allowed."},
    {Code::insufficient_storage, 507, "InsufficientStorage", "The store has no room for this blob."},
    {Code::internal_error, 500, "InternalError", "The server encountered an internal error. Please retry the request."},
    {Code::invalid_authentication_info, 400, "InvalidAuthenticationInfo",
     "Authentication information is not given in the correct format. Check the value of Authorization header."},
    {Code::invalid_blob_or_block, 400, "InvalidBlobOrBlock", "The specified blob or block content is invalid."},
    {Code::invalid_blob_type, 409, "InvalidBlobType", "The blob type is invalid for this operation."},
    {Code::invalid_block_id, 400, "InvalidBlockId", "The specified block ID is invalid."},
    {Code::invalid_block_list, 400, "InvalidBlockList", "The specified block list is invalid."},
    {Code::invalid_header_value, 400, "InvalidHeaderValue",
     "The value for one of the HTTP headers is not in the correct format."},
    {Code::invalid_input, 400, "InvalidInput", "One of the request inputs is not valid."},
    {Code::invalid_md5, 400, "InvalidMd5",
     "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 encoded."},
    {Code::invalid_metadata, 400, "InvalidMetadata",
     "The metadata specified is invalid. It has characters that are not permitted."},
    {Code::invalid_page_range, 416, "InvalidPageRange", "The page range specified is invalid."},
    {Code::invalid_query_parameter_value, 400, "InvalidQueryParameterValue",
     "Value for one of the query parameters specified in the request URI is invalid."},
    {Code::invalid_range, 416, "InvalidRange", "The range specified is invalid for the current size of the resource."},
    {Code::invalid_resource_name, 400, "InvalidResourceName",
     "The specified resource name contains invalid characters."},
    {Code::invalid_tag, 400, "InvalidTag",
     "The tags specified are invalid. They contain characters that are not permitted."},
    {Code::invalid_uri, 400, "InvalidUri", "The requested URI does not represent any resource on the server."},
    {Code::invalid_xml_document, 400, "InvalidXmlDocument", "XML specified is not syntactically valid."},
    {Code::invalid_xml_node_value, 400, "InvalidXmlNodeValue",
     "The value provided for one of the XML nodes in the request body was not in the correct format."},
    {Code::lease_already_present, 409, "LeaseAlreadyPresent", "There is already a lease present."},
    {Code::lease_id_mismatch_with_blob_operation, 412, "LeaseIdMismatchWithBlobOperation",
     "The lease ID specified did not match the lease ID for the blob."},
    {Code::lease_id_mismatch_with_container_operation, 412, "LeaseIdMismatchWithContainerOperation",
     "The lease ID specified did not match the lease ID for the container."},
    {Code::lease_id_mismatch_with_lease_operation, 409, "LeaseIdMismatchWithLeaseOperation",
     "The lease ID specified did not match the lease ID for the resource."},
    {Code::lease_id_missing, 412, "LeaseIdMissing",
     "There is currently a lease on the resource and no lease ID was specified in the request."},
    {Code::lease_is_breaking_and_cannot_be_acquired, 409, "LeaseIsBreakingAndCannotBeAcquired",
     "The lease ID matched, but the lease is currently in breaking state and cannot be acquired until it is broken."},
    {Code::lease_is_breaking_and_cannot_be_changed, 409, "LeaseIsBreakingAndCannotBeChanged",
     "The lease ID matched, but the lease is currently in breaking state and cannot be changed."},
    {Code::lease_is_broken_and_cannot_be_renewed, 409, "LeaseIsBrokenAndCannotBeRenewed",
     "The lease ID matched, but the lease has been broken explicitly and cannot be renewed."},
    {Code::lease_lost, 412, "LeaseLost", "A lease ID was specified, but the lease has expired."},
    {Code::lease_not_present_with_blob_operation, 412, "LeaseNotPresentWithBlobOperation",
     "There is currently no lease on the blob."},
    {Code::lease_not_present_with_container_operation, 412, "LeaseNotPresentWithContainerOperation",
     "There is currently no lease on the container."},
    {Code::lease_not_present_with_lease_operation, 409, "LeaseNotPresentWithLeaseOperation",
     "There is currently no lease on the resource."},
    {Code::max_blob_size_condition_not_met, 412, "MaxBlobSizeConditionNotMet",
     "The max blob size condition specified was not met."},
    {Code::md5_mismatch, 400, "Md5Mismatch",
     "The MD5 value specified in the request did not match with the MD5 value calculated by the server."},
    {Code::metadata_too_large, 400, "MetadataTooLarge",
     "The metadata specified exceeds the maximum permissible limit."},
    {Code::missing_content_length, 411, "MissingContentLengthHeader", "Content-Length HTTP header is missing."},
    {Code::missing_required_header, 400, "MissingRequiredHeader",
     "An HTTP header that's mandatory for this request is not specified."},
    {Code::missing_required_query_parameter, 400, "MissingRequiredQueryParameter",
     "A query parameter that's mandatory for this request is not specified."},
    {Code::missing_required_xml_node, 400, "MissingRequiredXmlNode",
     "A required XML node was not specified in the request body."},
    {Code::multiple_condition_headers_not_supported, 400, "MultipleConditionHeadersNotSupported",
     "Multiple condition headers are not supported."},
    {Code::no_authentication_information, 401, "NoAuthenticationInformation",
     "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."},
    {Code::no_pending_copy, 409, "NoPendingCopyOperation", "There is currently no pending copy operation."},
    {Code::not_implemented, 501, "NotImplemented", "The requested operation is not implemented on this server."},
    {Code::not_modified, 304, "ConditionNotMet",
     "The condition specified using HTTP conditional header(s) is not met."},
    {Code::operation_not_allowed_on_incremental_copy, 409, "OperationNotAllowedOnIncrementalCopyBlob",
     "The specified operation is not allowed on an incremental copy blob."},
    {Code::operation_not_allowed_on_root_blob, 403, "OperationNotAllowedOnRootBlob",
     "The operation is not allowed on the current version of a blob: leave its versionid out."},
    {Code::operation_timed_out, 500, "OperationTimedOut",
     "Operation could not be completed within the specified time."},
    {Code::out_of_range_input, 400, "OutOfRangeInput", "One of the request inputs is out of range."},
    {Code::out_of_range_query_parameter_value, 400, "OutOfRangeQueryParameterValue",
     "One of the query parameters specified in the request URI is outside the permissible range."},
    {Code::previous_snapshot_cannot_be_newer, 400, "PreviousSnapshotCannotBeNewer",
     "The prevsnapshot query parameter value cannot be newer than snapshot query parameter value."},
    {Code::previous_snapshot_not_found, 409, "PreviousSnapshotNotFound", "The previous snapshot is not found."},
    {Code::request_body_too_large, 413, "RequestBodyTooLarge",
     "The request body is too large and exceeds the maximum permissible limit."},
    {Code::resource_not_found, 404, "ResourceNotFound", "The specified resource does not exist."},
    {Code::sequence_number_condition_not_met, 412, "SequenceNumberConditionNotMet",
     "The sequence number condition specified was not met."},
    {Code::sequence_number_increment_too_large, 409, "SequenceNumberIncrementTooLarge",
     "The sequence number increment cannot be performed because it would result in overflow of the sequence number."},
    {Code::server_busy, 503, "ServerBusy", "The server is busy."},
    {Code::snapshots_present, 409, "SnapshotsPresent", "This operation is not permitted while the blob has snapshots."},
    {Code::source_condition_not_met, 412, "SourceConditionNotMet",
     "The source condition specified using HTTP conditional header(s) is not met."},
    {Code::source_denied, 403, "CannotVerifyCopySource", "The source may not be read."},
    {Code::source_not_found, 404, "CannotVerifyCopySource", "The specified source does not exist."},
    {Code::source_unverified, 400, "CannotVerifyCopySource", "Could not verify the copy source."},
    {Code::tags_present_twice, 400, "BothUserTagsAndSourceTagsCopyPresentException",
     "x-ms-tags cannot be given where the tags of the source are copied."},
    {Code::tags_too_large, 400, "TagsTooLarge", "The tags specified exceed the maximum permissible limit."},
    {Code::unauthorized_blob_overwrite, 403, "UnauthorizedBlobOverwrite",
     "This request is not authorized to perform blob overwrites."},
    {Code::unsatisfiable_condition, 400, "UnsatisfiableCondition",
     "The request includes an unsatisfiable condition for this operation."},
    {Code::unsupported_header, 400, "UnsupportedHeader",
     "One of the HTTP headers specified in the request is not supported."},
    {Code::unsupported_http_verb, 405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb."},
    {Code::unsupported_xml_node, 400, "UnsupportedXmlNode",
     "One of the XML nodes specified in the request body is not supported."},
};

static_assert(http::in_enum_order(kCodes, Code::unsupported_xml_node));

struct Translation {
  ErrorCode error;
  Code code;
  bool tell_detail = false;  ///< The detail explains the request to its sender, and nothing of our inside.
};
constexpr Translation kTranslations[] = {
    {ErrorCode::no_such_bucket, Code::container_not_found},
    {ErrorCode::no_such_object, Code::blob_not_found},
    {ErrorCode::no_such_upload, Code::blob_not_found},
    {ErrorCode::no_such_version, Code::blob_not_found},
    {ErrorCode::is_delete_marker, Code::blob_not_found},
    {ErrorCode::archived, Code::blob_archived},
    {ErrorCode::retained, Code::blob_immutable_due_to_policy},
    {ErrorCode::held, Code::blob_immutable_due_to_legal_hold},
    {ErrorCode::no_object_lock, Code::blob_operation_not_supported},
    {ErrorCode::bucket_state_clash, Code::blob_operation_not_supported},
    {ErrorCode::returning, Code::blob_being_rehydrated},
    {ErrorCode::snapshot_present, Code::snapshots_present},
    {ErrorCode::bucket_exists, Code::container_already_exists},
    {ErrorCode::bucket_already_owned, Code::container_already_exists},
    // Only where blobs kept being put while the container was being deleted.
    {ErrorCode::bucket_not_empty, Code::server_busy},
    {ErrorCode::invalid_bucket_name, Code::invalid_resource_name},
    {ErrorCode::invalid_argument, Code::invalid_input, true},
    {ErrorCode::invalid_request, Code::invalid_input, true},
    {ErrorCode::key_too_long, Code::invalid_resource_name},
    {ErrorCode::metadata_too_large, Code::metadata_too_large},
    {ErrorCode::malformed_xml, Code::invalid_xml_document},
    {ErrorCode::missing_length, Code::missing_content_length},
    {ErrorCode::entity_too_large, Code::request_body_too_large},
    {ErrorCode::entity_too_small, Code::invalid_input},
    {ErrorCode::incomplete_body, Code::invalid_input},
    {ErrorCode::invalid_digest, Code::invalid_md5},
    {ErrorCode::digest_mismatch, Code::md5_mismatch},
    {ErrorCode::payload_hash_mismatch, Code::crc64_mismatch},
    {ErrorCode::invalid_chunk, Code::invalid_input, true},
    {ErrorCode::invalid_part, Code::invalid_block_list},
    {ErrorCode::invalid_block, Code::invalid_blob_or_block},
    {ErrorCode::invalid_part_order, Code::invalid_block_list},
    {ErrorCode::invalid_part_number, Code::invalid_block_list},
    {ErrorCode::not_implemented, Code::not_implemented, true},
    {ErrorCode::method_not_allowed, Code::unsupported_http_verb},
    {ErrorCode::customer_key_missing, Code::blob_uses_customer_specified_encryption},
    {ErrorCode::customer_key_mismatch, Code::blob_customer_specified_encryption_mismatch},
    {ErrorCode::customer_key_unexpected, Code::blob_does_not_use_customer_specified_encryption},
    {ErrorCode::no_master_key, Code::not_implemented, true},
    {ErrorCode::no_such_master_key, Code::invalid_input, true},
    {ErrorCode::precondition_failed, Code::condition_not_met},
    {ErrorCode::not_modified, Code::not_modified},
    {ErrorCode::range_not_satisfiable, Code::invalid_range},
    {ErrorCode::lease_missing, Code::lease_id_missing},
    {ErrorCode::lease_mismatch, Code::lease_id_mismatch_with_blob_operation},
    {ErrorCode::lease_absent, Code::lease_not_present_with_blob_operation},
    {ErrorCode::lease_lost, Code::lease_lost},
    {ErrorCode::lease_present, Code::lease_already_present},
    {ErrorCode::lease_breaking, Code::lease_is_breaking_and_cannot_be_acquired},
    {ErrorCode::lease_broken, Code::lease_is_broken_and_cannot_be_renewed},
    {ErrorCode::lease_not_held, Code::lease_not_present_with_lease_operation},
    {ErrorCode::lease_id_refused, Code::lease_id_mismatch_with_lease_operation},
    {ErrorCode::kind_mismatch, Code::invalid_blob_type},
    {ErrorCode::sealed, Code::blob_is_sealed},
    {ErrorCode::append_position_mismatch, Code::append_position_condition_not_met},
    {ErrorCode::append_size_exceeded, Code::max_blob_size_condition_not_met},
    {ErrorCode::too_many_blocks, Code::block_count_exceeds_limit},
    {ErrorCode::sequence_condition_failed, Code::sequence_number_condition_not_met},
    {ErrorCode::invalid_page_range, Code::invalid_page_range},
    {ErrorCode::access_denied, Code::authorization_failure},
    {ErrorCode::unknown_access_key, Code::authentication_failed},
    {ErrorCode::signature_mismatch, Code::authentication_failed},
    {ErrorCode::authorization_malformed, Code::authentication_failed},
    {ErrorCode::wrong_region, Code::authentication_failed},
    {ErrorCode::request_time_skewed, Code::authentication_failed},
    {ErrorCode::request_expired, Code::authentication_failed},
    {ErrorCode::unsupported_signature, Code::authentication_failed},
    {ErrorCode::conflict, Code::server_busy},
    {ErrorCode::client_gone, Code::operation_timed_out},
    {ErrorCode::busy, Code::server_busy},
    {ErrorCode::unavailable, Code::server_busy},
    {ErrorCode::out_of_space, Code::insufficient_storage},
    {ErrorCode::corrupt, Code::internal_error},
    {ErrorCode::internal, Code::internal_error},
};

const Translation& translation_of(ErrorCode code) {
  static constexpr Translation kUnknown{ErrorCode::internal, Code::internal_error};
  const auto found = std::ranges::find(kTranslations, code, &Translation::error);
  return found == std::end(kTranslations) ? kUnknown : *found;
}

struct AuthRow {
  auth::BlobAuthFault reason;
  Code code;
};
constexpr AuthRow kAuthFaults[] = {
    {auth::BlobAuthFault::authentication_failed, Code::authentication_failed},
    {auth::BlobAuthFault::authorization_failure, Code::authorization_failure},
    {auth::BlobAuthFault::permission_mismatch, Code::authorization_permission_mismatch},
    {auth::BlobAuthFault::service_mismatch, Code::authorization_service_mismatch},
    {auth::BlobAuthFault::resource_type_mismatch, Code::authorization_resource_type_mismatch},
    {auth::BlobAuthFault::source_ip_mismatch, Code::authorization_source_ip_mismatch},
    {auth::BlobAuthFault::protocol_mismatch, Code::authorization_protocol_mismatch},
    {auth::BlobAuthFault::invalid_authentication_info, Code::invalid_authentication_info},
    {auth::BlobAuthFault::invalid_header_value, Code::invalid_header_value},
};

/// The codes for what the session finds wrong before any operation is known.
struct FaultRow {
  http::Fault fault;
  std::string_view name;
};
constexpr FaultRow kFaults[] = {
    {http::Fault::malformed_request, "InvalidInput"},
    {http::Fault::header_too_large, "RequestHeaderFieldsTooLarge"},
    {http::Fault::target_too_long, "RequestUrlFailedToParse"},
    {http::Fault::unsupported_version, "InvalidInput"},
    {http::Fault::unsupported_coding, "InvalidHeaderValue"},
    {http::Fault::overloaded, "ServerBusy"},
    {http::Fault::unavailable, "ServerBusy"},
    {http::Fault::internal, "InternalError"},
};

std::string now_text() {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.0000000Z", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

/// Line ends as they are, not as references: some clients show a message undecoded.
std::string with_line_ends(std::string text) {
  constexpr std::string_view kReference = "&#xA;";
  for (auto at = text.find(kReference); at != text.npos; at = text.find(kReference, at)) {
    text.replace(at, kReference.size(), "\n");
  }
  return text;
}

std::string error_document(std::string_view name, std::string_view message, const Failure::Named& elements,
                           const RequestContext& context) {
  xml::Writer out;
  out.open("Error");
  out.element("Code", name);
  out.open("Message");
  out.characters(message);
  out.characters("\nRequestId:" + guid_of(context) + "\nTime:" + now_text());
  out.close();
  for (const auto& [element, value] : elements) out.element(element, value);
  out.close();
  return with_line_ends(out.take());
}

http::Response answer(unsigned status, std::string_view name) {
  http::Response response{.header = http::ResponseHeader(status), .content = {}, .body = nullptr, .content_length = {}};
  response.header.add("x-ms-error-code", name);
  return response;
}

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); }

void fill(http::Response& response, std::string text) {
  response.header.add("Content-Type", "application/xml");
  response.content_length = text.size();
  response.content = Chunk::of(std::move(text));
}

}  // namespace

const CodeRow& row_of(Code code) { return kCodes[static_cast<std::size_t>(code)]; }

Code code_of(ErrorCode code) { return translation_of(code).code; }

Failure::Failure(const Error& error) {
  detail = error.detail;
  const Translation& row = translation_of(error.code);
  code = row.code;
  if (row.tell_detail) message = error.detail;
  if (error.code == ErrorCode::range_not_satisfiable && parse_decimal(error.detail)) {
    headers.emplace_back("Content-Range", "bytes */" + error.detail);
  }
}

Failure::Failure(const auth::AzureFault& fault) {
  detail = fault.error.detail;
  const auto row = std::ranges::find(kAuthFaults, fault.reason, &AuthRow::reason);
  code = row == std::end(kAuthFaults) ? Code::authentication_failed : row->code;
  std::string told = fault.error.detail;
  if (!fault.string_to_sign.empty()) told += " The string to sign was: '" + fault.string_to_sign + "'.";
  if (code == Code::invalid_header_value) {
    message = told;
  } else if (!told.empty()) {
    elements.emplace_back(code == Code::authentication_failed ? "AuthenticationErrorDetail" : "ExtendedErrorDetail",
                          std::move(told));
  }
}

std::unexpected<Failure> invalid_header(std::string_view name, std::string_view value) {
  return std::unexpected(Failure(Code::invalid_header_value)
                             .with("HeaderName", std::string(name))
                             .with("HeaderValue", std::string(value)));
}

std::unexpected<Failure> invalid_parameter(std::string_view name, std::string_view value, std::string_view reason) {
  Failure failure(Code::invalid_query_parameter_value);
  failure.elements.emplace_back("QueryParameterName", name);
  failure.elements.emplace_back("QueryParameterValue", value);
  if (!reason.empty()) failure.elements.emplace_back("Reason", reason);
  return std::unexpected(std::move(failure));
}

std::unexpected<Failure> missing_header(std::string_view name) {
  return std::unexpected(Failure(Code::missing_required_header).with("HeaderName", std::string(name)));
}

std::unexpected<Failure> missing_parameter(std::string_view name) {
  return std::unexpected(Failure(Code::missing_required_query_parameter).with("QueryParameterName", std::string(name)));
}

std::string guid_of(const RequestContext& context) {
  const std::string& id = context.request_id;
  if (id.size() != 16 || !std::ranges::all_of(id, is_hex_digit)) return id;
  std::string guid = "00000000-0000-0000-0000-000000000000";
  auto place = guid.begin();
  for (const char digit : id) {
    if (*place == '-') ++place;
    *place++ = digit >= 'A' ? static_cast<char>(digit | 0x20) : digit;
  }
  return guid;
}

http::Response render(const Failure& failure, RequestContext& context, http::Method method) {
  const CodeRow& row = row_of(failure.code);
  context.error_code = row.name;
  context.detail = !failure.detail.empty() ? failure.detail : failure.message;

  http::Response response = answer(row.status, row.name);
  for (const auto& [name, value] : failure.headers) response.header.add(name, value);
  if (row.status == 304 || method == http::Method::head) return response;
  const std::string_view message = failure.message.empty() ? row.message : std::string_view(failure.message);
  fill(response, error_document(row.name, message, failure.elements, context));
  return response;
}

http::Response render_refusal(const http::Refusal& refusal, RequestContext& context) {
  const auto row = std::ranges::find(kFaults, refusal.fault, &FaultRow::fault);
  const std::string_view name = row == std::end(kFaults) ? row_of(Code::internal_error).name : row->name;
  context.error_code = name;
  http::Response response = answer(refusal.status, name);
  response.header.add("x-ms-request-id", guid_of(context));
  fill(response, error_document(name, refusal.message, {}, context));
  return response;
}

}  // namespace sluice::blob

#include "gateway/s3/error.h"

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

// In the order of the enum, which row_of() relies on. "Error responses", Amazon S3 API Reference.
constexpr CodeRow kCodes[] = {
    {Code::access_denied, 403, "AccessDenied", "Access Denied"},
    {Code::access_forbidden, 403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket."},
    {Code::acl_not_supported, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs"},
    {Code::acl_with_ownership, 400, "InvalidBucketAclWithObjectOwnership",
     "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"},
    {Code::authorization_header_malformed, 400, "AuthorizationHeaderMalformed",
     "The authorization header you provided is malformed."},
    {Code::authorization_query_parameters_error, 400, "AuthorizationQueryParametersError",
     "Error parsing the X-Amz-Credential parameter."},
    {Code::bad_digest, 400, "BadDigest", "The digest or checksum you specified did not match what we received."},
    {Code::bad_request, 400, "BadRequest", "Bad Request"},
    {Code::bucket_already_exists, 409, "BucketAlreadyExists",
     "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please "
     "select a different name and try again."},
    {Code::bucket_already_owned_by_you, 409, "BucketAlreadyOwnedByYou",
     "Your previous request to create the named bucket succeeded and you already own it."},
    {Code::bucket_not_empty, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty"},
    {Code::conditional_request_conflict, 409, "ConditionalRequestConflict",
     "A conflicting operation occurred during the request. Please try again."},
    {Code::entity_too_large, 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"},
    {Code::entity_too_small, 400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"},
    {Code::illegal_location_constraint, 400, "IllegalLocationConstraintException",
     "The specified location constraint is incompatible for the region specific endpoint this request was sent to."},
    {Code::incomplete_body, 400, "IncompleteBody",
     "You did not provide the number of bytes specified by the Content-Length HTTP header"},
    {Code::insufficient_storage, 507, "InsufficientStorage", "The store has no room for this object."},
    {Code::internal_error, 500, "InternalError", "We encountered an internal error. Please try again."},
    {Code::invalid_access_key_id, 403, "InvalidAccessKeyId",
     "The AWS Access Key Id you provided does not exist in our records."},
    {Code::invalid_argument, 400, "InvalidArgument", "Invalid Argument"},
    {Code::invalid_bucket_name, 400, "InvalidBucketName", "The specified bucket is not valid."},
    {Code::invalid_bucket_state, 409, "InvalidBucketState",
     "The request is not valid with the current state of the bucket."},
    {Code::invalid_chunk_size, 403, "InvalidChunkSizeError",
     "Only the last chunk is allowed to have a size less than 8192 bytes"},
    {Code::invalid_digest, 400, "InvalidDigest", "The Content-MD5 you specified was invalid."},
    {Code::invalid_encryption_algorithm, 400, "InvalidEncryptionAlgorithmError",
     "The encryption request you specified is not valid. The valid value is AES256."},
    {Code::invalid_location_constraint, 400, "InvalidLocationConstraint",
     "The specified location-constraint is not valid"},
    {Code::invalid_object_state, 403, "InvalidObjectState",
     "The operation is not valid for the object's storage class"},
    {Code::invalid_part, 400, "InvalidPart",
     "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified "
     "entity tag may not match the part's entity tag."},
    {Code::invalid_part_order, 400, "InvalidPartOrder",
     "The list of parts was not in ascending order. Parts must be ordered by part number."},
    {Code::invalid_range, 416, "InvalidRange", "The requested range is not satisfiable"},
    {Code::invalid_request, 400, "InvalidRequest", "Invalid Request"},
    {Code::invalid_retention_period, 400, "InvalidRetentionPeriod", "The retention period is not valid."},
    {Code::invalid_storage_class, 400, "InvalidStorageClass", "The storage class you specified is not valid"},
    {Code::invalid_tag, 400, "InvalidTag", "The tag provided was not a valid tag."},
    {Code::invalid_uri, 400, "InvalidURI", "Couldn't parse the specified URI."},
    {Code::key_too_long, 400, "KeyTooLongError", "Your key is too long"},
    {Code::kms_not_found, 400, "KMS.NotFoundException", "The key that the request names does not exist."},
    {Code::malformed_acl, 400, "MalformedACLError",
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {Code::malformed_policy, 400, "MalformedPolicy", "The policy is not valid."},
    {Code::malformed_trailer, 400, "MalformedTrailerError",
     "The request contained trailing data that was not well-formed or did not conform to our published schema."},
    {Code::malformed_xml, 400, "MalformedXML",
     "The XML you provided was not well-formed or did not validate against our published schema"},
    {Code::metadata_too_large, 400, "MetadataTooLarge",
     "Your metadata headers exceed the maximum allowed metadata size"},
    {Code::method_not_allowed, 405, "MethodNotAllowed", "The specified method is not allowed against this resource."},
    {Code::missing_content_length, 411, "MissingContentLength", "You must provide the Content-Length HTTP header."},
    {Code::no_such_bucket, 404, "NoSuchBucket", "The specified bucket does not exist"},
    {Code::no_such_bucket_policy, 404, "NoSuchBucketPolicy", "The bucket policy does not exist"},
    {Code::no_such_cors_configuration, 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist"},
    {Code::no_such_key, 404, "NoSuchKey", "The specified key does not exist."},
    {Code::no_such_lifecycle_configuration, 404, "NoSuchLifecycleConfiguration",
     "The lifecycle configuration does not exist"},
    {Code::no_such_object_lock_configuration, 404, "NoSuchObjectLockConfiguration",
     "The specified object does not have a ObjectLock configuration"},
    {Code::no_such_public_access_block, 404, "NoSuchPublicAccessBlockConfiguration",
     "The public access block configuration was not found"},
    {Code::no_such_tag_set, 404, "NoSuchTagSet", "The TagSet does not exist"},
    {Code::no_such_upload, 404, "NoSuchUpload",
     "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
     "completed."},
    {Code::no_such_version, 404, "NoSuchVersion", "The specified version does not exist."},
    {Code::no_such_website_configuration, 404, "NoSuchWebsiteConfiguration",
     "The specified bucket does not have a website configuration"},
    {Code::not_implemented, 501, "NotImplemented",
     "A header or query you provided implies functionality that is not implemented"},
    {Code::not_modified, 304, "NotModified", "Not Modified"},
    {Code::object_lock_configuration_not_found, 404, "ObjectLockConfigurationNotFoundError",
     "Object Lock configuration does not exist for this bucket"},
    {Code::operation_aborted, 409, "OperationAborted",
     "A lease held through the Blob protocol locks this resource. Release or break it, or wait until it ends."},
    {Code::ownership_controls_not_found, 404, "OwnershipControlsNotFoundError",
     "The bucket ownership controls were not found"},
    {Code::precondition_failed, 412, "PreconditionFailed",
     "At least one of the pre-conditions you specified did not hold"},
    {Code::replication_configuration_not_found, 404, "ReplicationConfigurationNotFoundError",
     "The replication configuration was not found"},
    {Code::request_time_too_skewed, 403, "RequestTimeTooSkewed",
     "The difference between the request time and the current time is too large."},
    {Code::request_timeout, 400, "RequestTimeout",
     "Your socket connection to the server was not read from or written to within the timeout period."},
    {Code::service_unavailable, 503, "ServiceUnavailable", "Please reduce your request rate."},
    {Code::signature_does_not_match, 403, "SignatureDoesNotMatch",
     "The request signature we calculated does not match the signature you provided. Check your key and signing "
     "method."},
    {Code::slow_down, 503, "SlowDown", "Please reduce your request rate."},
    {Code::sse_configuration_not_found, 404, "ServerSideEncryptionConfigurationNotFoundError",
     "The server side encryption configuration was not found"},
    {Code::unresolvable_grant_by_email, 400, "UnresolvableGrantByEmailAddress",
     "The email address you provided does not match any account on record."},
    {Code::x_amz_content_sha256_mismatch, 400, "XAmzContentSHA256Mismatch",
     "The provided 'x-amz-content-sha256' header does not match what was computed."},
};

static_assert(http::in_enum_order(kCodes, Code::x_amz_content_sha256_mismatch));

struct Translation {
  ErrorCode error;
  Code code;
  bool tell_detail = false;    ///< The detail explains the request to its sender, and nothing of our inside.
  std::string_view message{};  ///< Instead of the code's own.
};
constexpr Translation kTranslations[] = {
    {ErrorCode::no_such_bucket, Code::no_such_bucket},
    {ErrorCode::no_such_object, Code::no_such_key},
    {ErrorCode::no_such_upload, Code::no_such_upload},
    {ErrorCode::no_such_version, Code::no_such_version},
    {ErrorCode::is_delete_marker, Code::method_not_allowed},
    {ErrorCode::bucket_exists, Code::bucket_already_exists},
    {ErrorCode::bucket_already_owned, Code::bucket_already_owned_by_you},
    {ErrorCode::bucket_not_empty, Code::bucket_not_empty},
    // Made over the Blob protocol, and to be removed there.
    {ErrorCode::snapshot_present, Code::invalid_request, true},
    {ErrorCode::invalid_bucket_name, Code::invalid_bucket_name},
    {ErrorCode::invalid_argument, Code::invalid_argument, true},
    {ErrorCode::invalid_request, Code::invalid_request, true},
    {ErrorCode::key_too_long, Code::key_too_long},
    {ErrorCode::metadata_too_large, Code::metadata_too_large},
    {ErrorCode::malformed_xml, Code::malformed_xml},
    {ErrorCode::missing_length, Code::missing_content_length},
    {ErrorCode::entity_too_large, Code::entity_too_large},
    {ErrorCode::entity_too_small, Code::entity_too_small},
    {ErrorCode::incomplete_body, Code::incomplete_body},
    {ErrorCode::invalid_digest, Code::invalid_digest},
    {ErrorCode::digest_mismatch, Code::bad_digest},
    {ErrorCode::payload_hash_mismatch, Code::x_amz_content_sha256_mismatch},
    {ErrorCode::invalid_chunk, Code::invalid_request, true},
    {ErrorCode::invalid_part, Code::invalid_part},
    {ErrorCode::invalid_block, Code::invalid_part},
    {ErrorCode::invalid_part_order, Code::invalid_part_order},
    // AWS answers 416 InvalidPartNumber; Ceph, whose suite is the yardstick here, 400 InvalidPart.
    {ErrorCode::invalid_part_number, Code::invalid_part},
    {ErrorCode::not_implemented, Code::not_implemented, true},
    {ErrorCode::method_not_allowed, Code::method_not_allowed},
    {ErrorCode::customer_key_missing, Code::invalid_request, false,
     "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
     "retrieve the object."},
    // AWS answers a wrong key of a read with 403 AccessDenied, of a part with this; Ceph both with 400.
    {ErrorCode::customer_key_mismatch, Code::invalid_request, false,
     "The provided encryption parameters did not match the ones used originally."},
    {ErrorCode::customer_key_unexpected, Code::invalid_request, false,
     "The encryption parameters are not applicable to this object."},
    {ErrorCode::no_master_key, Code::not_implemented, true},
    {ErrorCode::no_such_master_key, Code::kms_not_found, true},
    {ErrorCode::precondition_failed, Code::precondition_failed},
    {ErrorCode::not_modified, Code::not_modified},
    {ErrorCode::range_not_satisfiable, Code::invalid_range},
    // A lease locks the one namespace. 409, because waiting for its end helps and sending again does not.
    {ErrorCode::lease_missing, Code::operation_aborted},
    {ErrorCode::lease_mismatch, Code::operation_aborted},
    {ErrorCode::lease_absent, Code::operation_aborted},
    {ErrorCode::lease_lost, Code::operation_aborted},
    {ErrorCode::lease_present, Code::operation_aborted},
    {ErrorCode::lease_breaking, Code::operation_aborted},
    {ErrorCode::lease_broken, Code::operation_aborted},
    {ErrorCode::lease_not_held, Code::operation_aborted},
    {ErrorCode::lease_id_refused, Code::operation_aborted},
    {ErrorCode::archived, Code::invalid_object_state},
    {ErrorCode::retained, Code::access_denied, false, "Access Denied because object protected by object lock."},
    {ErrorCode::held, Code::access_denied, false, "Access Denied because object protected by object lock."},
    {ErrorCode::no_object_lock, Code::invalid_request, false, "Bucket is missing Object Lock Configuration"},
    {ErrorCode::bucket_state_clash, Code::invalid_bucket_state, true},
    {ErrorCode::returning, Code::invalid_object_state},
    {ErrorCode::kind_mismatch, Code::invalid_request, true},
    {ErrorCode::sealed, Code::invalid_request, true},
    {ErrorCode::append_position_mismatch, Code::precondition_failed},
    {ErrorCode::append_size_exceeded, Code::precondition_failed},
    {ErrorCode::too_many_blocks, Code::invalid_request, true},
    {ErrorCode::sequence_condition_failed, Code::precondition_failed},
    {ErrorCode::invalid_page_range, Code::invalid_range},
    {ErrorCode::access_denied, Code::access_denied},
    {ErrorCode::unknown_access_key, Code::invalid_access_key_id},
    {ErrorCode::signature_mismatch, Code::signature_does_not_match},
    {ErrorCode::authorization_malformed, Code::authorization_header_malformed, true},
    {ErrorCode::wrong_region, Code::authorization_header_malformed, true},
    {ErrorCode::request_time_skewed, Code::request_time_too_skewed},
    {ErrorCode::request_expired, Code::access_denied},
    {ErrorCode::unsupported_signature, Code::invalid_request, true},
    // 503 because every SDK tries it again by itself, which is what a lost race needs.
    {ErrorCode::conflict, Code::slow_down},
    {ErrorCode::client_gone, Code::request_timeout},
    {ErrorCode::busy, Code::slow_down},
    {ErrorCode::unavailable, Code::service_unavailable},
    {ErrorCode::out_of_space, Code::insufficient_storage},
    {ErrorCode::corrupt, Code::internal_error},
    {ErrorCode::internal, Code::internal_error},
};

const Translation& translation_of(ErrorCode code) {
  for (const Translation& row : kTranslations) {
    if (row.error == code) return row;
  }
  static constexpr Translation kUnknown{ErrorCode::internal, Code::internal_error};
  return kUnknown;
}

/// "7 1024 5242880": which part, how long it is, how long it must be.
void tell_small_part(std::string_view detail, Failure::Named& elements) {
  for (const std::string_view name : {"PartNumber", "ProposedSize", "MinSizeAllowed"}) {
    const auto space = detail.find(' ');
    const std::string_view number = detail.substr(0, space);
    if (!parse_decimal(number)) return;
    elements.emplace_back(name, number);
    detail = space == detail.npos ? std::string_view{} : detail.substr(space + 1);
  }
}

/// The codes for what the session finds wrong before any operation is known.
struct FaultRow {
  http::Fault fault;
  std::string_view name;
};
constexpr FaultRow kFaults[] = {
    {http::Fault::malformed_request, "BadRequest"},
    {http::Fault::header_too_large, "RequestHeaderSectionTooLarge"},
    {http::Fault::target_too_long, "RequestURITooLong"},
    {http::Fault::unsupported_version, "HttpVersionNotSupported"},
    {http::Fault::unsupported_coding, "NotImplemented"},
    {http::Fault::overloaded, "SlowDown"},
    {http::Fault::unavailable, "ServiceUnavailable"},
    {http::Fault::internal, "InternalError"},
};

std::string error_document(std::string_view name, std::string_view message, const Failure::Named& elements,
                           const RequestContext& context, std::string_view host_id) {
  XmlWriter xml;
  xml.open("Error");
  xml.element("Code", name);
  xml.element("Message", message);
  for (const auto& [element, value] : elements) xml.element(element, value);
  std::string resource = "/" + context.bucket;
  if (!context.key.empty()) resource.append("/").append(context.key);
  xml.element("Resource", resource);
  xml.element("RequestId", context.request_id);
  xml.element("HostId", host_id);
  xml.close();
  return xml.take();
}

void fill(http::Response& response, std::string text) {
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
  message = row.tell_detail ? error.detail : std::string(row.message);
  if (error.code == ErrorCode::entity_too_small) tell_small_part(error.detail, elements);
  if (error.code == ErrorCode::range_not_satisfiable && parse_decimal(error.detail)) {
    elements.emplace_back("ActualObjectSize", error.detail);
    headers.emplace_back("Content-Range", "bytes */" + error.detail);
  }
}

http::ResponseHeader begin_header(unsigned status, const RequestContext& context, std::string_view host_id) {
  http::ResponseHeader header(status);
  header.add("x-amz-id-2", host_id);
  header.add("x-amz-request-id", context.request_id);
  return header;
}

http::Response render(const Failure& failure, RequestContext& context, http::Method method, std::string_view host_id) {
  const CodeRow& row = row_of(failure.code);
  context.error_code = row.name;
  context.detail = !failure.detail.empty() ? failure.detail : failure.message;

  http::Response response{
      .header = begin_header(row.status, context, host_id), .content = {}, .body = nullptr, .content_length = {}};
  for (const auto& [name, value] : failure.headers) response.header.add(name, value);
  if (row.status == 304) return response;
  response.header.add("Content-Type", "application/xml");
  if (method == http::Method::head) return response;

  Failure::Named elements = failure.elements;
  if (failure.code == Code::no_such_bucket) elements.emplace_back("BucketName", context.bucket);
  if (failure.code == Code::no_such_key) elements.emplace_back("Key", context.key);
  const std::string_view message = failure.message.empty() ? row.message : std::string_view(failure.message);
  fill(response, error_document(row.name, message, elements, context, host_id));
  return response;
}

http::Response render_refusal(const http::Refusal& refusal, RequestContext& context, std::string_view host_id) {
  const auto row = std::ranges::find(kFaults, refusal.fault, &FaultRow::fault);
  const std::string_view name = row == std::end(kFaults) ? row_of(Code::internal_error).name : row->name;
  context.error_code = name;
  http::Response response{
      .header = begin_header(refusal.status, context, host_id), .content = {}, .body = nullptr, .content_length = {}};
  response.header.add("Content-Type", "application/xml");
  fill(response, error_document(name, refusal.message, {}, context, host_id));
  return response;
}

}  // namespace sluice::s3

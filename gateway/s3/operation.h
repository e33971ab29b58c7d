#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "auth/identity.h"
#include "gateway/http/message.h"
#include "gateway/http/uri.h"
#include "gateway/s3/error.h"

namespace sluice::s3 {

/// What a request's path names.
enum class Scope : std::uint8_t { service, bucket, object };

/// What the handler knows to do. Several rows of the table may share one.
enum class Operation : std::uint8_t {
  not_implemented,  ///< An operation of S3 that is refused by name.
  bucket_probe,     ///< Answered as for a bucket that has no such configuration.
  preflight,

  connect_rdma,
  list_buckets,
  create_bucket,
  head_bucket,
  delete_bucket,
  get_bucket_location,
  get_bucket_acl,
  put_bucket_acl,
  get_bucket_policy,
  put_bucket_policy,
  delete_bucket_policy,
  get_bucket_policy_status,
  get_public_access_block,
  put_public_access_block,
  delete_public_access_block,
  get_ownership_controls,
  put_ownership_controls,
  delete_ownership_controls,
  get_bucket_cors,
  put_bucket_cors,
  delete_bucket_cors,
  get_bucket_versioning,
  put_bucket_versioning,
  get_bucket_tagging,
  put_bucket_tagging,
  delete_bucket_tagging,
  get_object_lock_configuration,
  put_object_lock_configuration,
  get_bucket_encryption,
  put_bucket_encryption,
  delete_bucket_encryption,

  list_objects,
  list_objects_v2,
  list_object_versions,
  list_multipart_uploads,

  get_object,
  head_object,
  put_object,
  copy_object,
  delete_object,
  delete_objects,
  get_object_attributes,
  get_object_acl,
  put_object_acl,
  get_object_tagging,
  put_object_tagging,
  delete_object_tagging,
  get_object_retention,
  put_object_retention,
  get_object_legal_hold,
  put_object_legal_hold,

  create_multipart_upload,
  upload_part,
  upload_part_copy,
  complete_multipart_upload,
  abort_multipart_upload,
  list_parts,
};

/// One operation of S3: how it is asked for, and how it is answered.
struct OperationRow {
  std::string_view name;  ///< The API's name for it.
  Scope scope;
  http::Method method;
  std::string_view subresource;  ///< The query parameter that selects it, or none.
  Operation operation;
  auth::Action action;
  bool copies = false;                   ///< Selected by an x-amz-copy-source besides.
  Code refusal = Code::not_implemented;  ///< Of a probe without a document.
  std::string_view document{};           ///< Of a probe: the root element and what is in it.
};

/// Every operation of the S3 API, as of botocore 1.43.
std::span<const OperationRow> operations();

/// What a request is about.
struct Target {
  Scope scope = Scope::service;
  std::string bucket;  ///< Decoded.
  std::string key;     ///< Decoded: bytes.
  http::Query query;   ///< Decoded; a `+` is a space.
};

/// Splits the raw target of a request; `host` ending in one of `domains` names the
/// bucket in front of it (virtual-host style), else the path does. Fails with
/// InvalidURI, KeyTooLongError.
Outcome<Target> parse_target(std::string_view raw, std::string_view host, std::span<const std::string> domains);

/// The operation that is asked for. Fails with NotImplemented for a subresource
/// that is not known, MethodNotAllowed for a known one with another method, and
/// InvalidArgument for several at once: nothing falls through to a plain read or
/// write of the object.
Outcome<const OperationRow*> find_operation(http::Method method, const Target& target, bool has_copy_source);

}  // namespace sluice::s3

#include "gateway/s3/operation.h"

#include <algorithm>

#include "gateway/core/encoding.h"
#include "gateway/object/name.h"

namespace sluice::s3 {
namespace {

using auth::Action;
using enum Operation;
constexpr auto kService = Scope::service;
constexpr auto kBucket = Scope::bucket;
constexpr auto kObject = Scope::object;
constexpr auto kGet = http::Method::get;
constexpr auto kHead = http::Method::head;
constexpr auto kPut = http::Method::put;
constexpr auto kPost = http::Method::post;
constexpr auto kDelete = http::Method::del;
// Who may change a bucket's configuration is who may delete it: its owner.
constexpr auto kConfigure = Action::delete_bucket;
constexpr auto kReadBucket = Action::read_bucket;

constexpr OperationRow refused(std::string_view name, Scope scope, http::Method method, std::string_view subresource) {
  const bool reads = method == kGet || method == kHead;
  const Action action =
      scope == kObject ? (reads ? Action::read_object : Action::write_object) : (reads ? kReadBucket : kConfigure);
  return {name, scope, method, subresource, not_implemented, action};
}

constexpr OperationRow absent(std::string_view name, std::string_view subresource, Code code) {
  return {name, kBucket, kGet, subresource, bucket_probe, kReadBucket, false, code};
}

constexpr OperationRow plain(std::string_view name, std::string_view subresource, std::string_view document) {
  return {name, kBucket, kGet, subresource, bucket_probe, kReadBucket, false, {}, document};
}

// Operations of one subresource stand together; the most frequent come first.
constexpr OperationRow kOperations[] = {
    {"GetObject", kObject, kGet, "", get_object, Action::read_object},
    {"HeadObject", kObject, kHead, "", head_object, Action::read_object},
    {"CopyObject", kObject, kPut, "", copy_object, Action::write_object, true},
    {"PutObject", kObject, kPut, "", put_object, Action::write_object},
    {"DeleteObject", kObject, kDelete, "", delete_object, Action::delete_object},

    {"UploadPartCopy", kObject, kPut, "uploadId", upload_part_copy, Action::write_object, true},
    {"UploadPart", kObject, kPut, "uploadId", upload_part, Action::write_object},
    {"CompleteMultipartUpload", kObject, kPost, "uploadId", complete_multipart_upload, Action::write_object},
    {"AbortMultipartUpload", kObject, kDelete, "uploadId", abort_multipart_upload, Action::write_object},
    {"ListParts", kObject, kGet, "uploadId", list_parts, Action::list_objects},
    {"CreateMultipartUpload", kObject, kPost, "uploads", create_multipart_upload, Action::write_object},
    {"ListMultipartUploads", kBucket, kGet, "uploads", list_multipart_uploads, Action::list_objects},

    {"ListObjectsV2", kBucket, kGet, "list-type", list_objects_v2, Action::list_objects},
    {"ListObjects", kBucket, kGet, "", list_objects, Action::list_objects},
    {"ListObjectVersions", kBucket, kGet, "versions", list_object_versions, Action::list_objects},
    {"DeleteObjects", kBucket, kPost, "delete", delete_objects, Action::delete_object},

    {"ListBuckets", kService, kGet, "", list_buckets, Action::list_buckets},
    // Not of S3. Whoever may send a request at all may ask for a connection.
    {"ConnectRdma", kService, kPost, "rdma-rc-connect", connect_rdma, Action::list_buckets},
    {"HeadBucket", kBucket, kHead, "", head_bucket, Action::list_objects},
    {"CreateBucket", kBucket, kPut, "", create_bucket, Action::create_bucket},
    {"DeleteBucket", kBucket, kDelete, "", delete_bucket, Action::delete_bucket},
    {"GetBucketLocation", kBucket, kGet, "location", get_bucket_location, kReadBucket},
    refused("PostObject", kBucket, kPost, ""),

    {"GetObjectAttributes", kObject, kGet, "attributes", get_object_attributes, Action::read_object},
    {"GetObjectAcl", kObject, kGet, "acl", get_object_acl, Action::read_object},
    {"PutObjectAcl", kObject, kPut, "acl", put_object_acl, Action::write_object},
    {"GetBucketAcl", kBucket, kGet, "acl", get_bucket_acl, kReadBucket},
    {"PutBucketAcl", kBucket, kPut, "acl", put_bucket_acl, kConfigure},

    {"GetBucketVersioning", kBucket, kGet, "versioning", get_bucket_versioning, kReadBucket},
    {"PutBucketVersioning", kBucket, kPut, "versioning", put_bucket_versioning, kConfigure},

    {"GetBucketPolicy", kBucket, kGet, "policy", get_bucket_policy, kReadBucket},
    {"PutBucketPolicy", kBucket, kPut, "policy", put_bucket_policy, kConfigure},
    {"DeleteBucketPolicy", kBucket, kDelete, "policy", delete_bucket_policy, kConfigure},
    {"GetBucketPolicyStatus", kBucket, kGet, "policyStatus", get_bucket_policy_status, kReadBucket},

    {"GetBucketCors", kBucket, kGet, "cors", get_bucket_cors, kReadBucket},
    {"PutBucketCors", kBucket, kPut, "cors", put_bucket_cors, kConfigure},
    {"DeleteBucketCors", kBucket, kDelete, "cors", delete_bucket_cors, kConfigure},

    absent("GetBucketLifecycleConfiguration", "lifecycle", Code::no_such_lifecycle_configuration),
    refused("PutBucketLifecycleConfiguration", kBucket, kPut, "lifecycle"),
    refused("DeleteBucketLifecycle", kBucket, kDelete, "lifecycle"),

    {"GetBucketTagging", kBucket, kGet, "tagging", get_bucket_tagging, kReadBucket},
    {"PutBucketTagging", kBucket, kPut, "tagging", put_bucket_tagging, kConfigure},
    {"DeleteBucketTagging", kBucket, kDelete, "tagging", delete_bucket_tagging, kConfigure},
    {"GetObjectTagging", kObject, kGet, "tagging", get_object_tagging, Action::read_object},
    {"PutObjectTagging", kObject, kPut, "tagging", put_object_tagging, Action::write_object},
    {"DeleteObjectTagging", kObject, kDelete, "tagging", delete_object_tagging, Action::write_object},

    absent("GetBucketWebsite", "website", Code::no_such_website_configuration),
    refused("PutBucketWebsite", kBucket, kPut, "website"),
    refused("DeleteBucketWebsite", kBucket, kDelete, "website"),

    {"GetBucketEncryption", kBucket, kGet, "encryption", get_bucket_encryption, kReadBucket},
    {"PutBucketEncryption", kBucket, kPut, "encryption", put_bucket_encryption, kConfigure},
    {"DeleteBucketEncryption", kBucket, kDelete, "encryption", delete_bucket_encryption, kConfigure},
    refused("UpdateObjectEncryption", kObject, kPut, "encryption"),

    {"GetObjectLockConfiguration", kBucket, kGet, "object-lock", get_object_lock_configuration, kReadBucket},
    {"PutObjectLockConfiguration", kBucket, kPut, "object-lock", put_object_lock_configuration, kConfigure},
    {"GetObjectRetention", kObject, kGet, "retention", get_object_retention, Action::read_object},
    {"PutObjectRetention", kObject, kPut, "retention", put_object_retention, Action::write_object},
    {"GetObjectLegalHold", kObject, kGet, "legal-hold", get_object_legal_hold, Action::read_object},
    {"PutObjectLegalHold", kObject, kPut, "legal-hold", put_object_legal_hold, Action::write_object},

    absent("GetBucketReplication", "replication", Code::replication_configuration_not_found),
    refused("PutBucketReplication", kBucket, kPut, "replication"),
    refused("DeleteBucketReplication", kBucket, kDelete, "replication"),

    {"GetPublicAccessBlock", kBucket, kGet, "publicAccessBlock", get_public_access_block, kReadBucket},
    {"PutPublicAccessBlock", kBucket, kPut, "publicAccessBlock", put_public_access_block, kConfigure},
    {"DeletePublicAccessBlock", kBucket, kDelete, "publicAccessBlock", delete_public_access_block, kConfigure},

    {"GetBucketOwnershipControls", kBucket, kGet, "ownershipControls", get_ownership_controls, kReadBucket},
    {"PutBucketOwnershipControls", kBucket, kPut, "ownershipControls", put_ownership_controls, kConfigure},
    {"DeleteBucketOwnershipControls", kBucket, kDelete, "ownershipControls", delete_ownership_controls, kConfigure},

    plain("GetBucketRequestPayment", "requestPayment",
          "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"),
    refused("PutBucketRequestPayment", kBucket, kPut, "requestPayment"),
    plain("GetBucketLogging", "logging", "<BucketLoggingStatus/>"),
    refused("PutBucketLogging", kBucket, kPut, "logging"),
    plain("GetBucketNotificationConfiguration", "notification", "<NotificationConfiguration/>"),
    refused("PutBucketNotificationConfiguration", kBucket, kPut, "notification"),
    plain("GetBucketAccelerateConfiguration", "accelerate", "<AccelerateConfiguration/>"),
    refused("PutBucketAccelerateConfiguration", kBucket, kPut, "accelerate"),

    refused("GetBucketAnalyticsConfiguration", kBucket, kGet, "analytics"),
    refused("PutBucketAnalyticsConfiguration", kBucket, kPut, "analytics"),
    refused("DeleteBucketAnalyticsConfiguration", kBucket, kDelete, "analytics"),
    refused("GetBucketIntelligentTieringConfiguration", kBucket, kGet, "intelligent-tiering"),
    refused("PutBucketIntelligentTieringConfiguration", kBucket, kPut, "intelligent-tiering"),
    refused("DeleteBucketIntelligentTieringConfiguration", kBucket, kDelete, "intelligent-tiering"),
    refused("GetBucketInventoryConfiguration", kBucket, kGet, "inventory"),
    refused("PutBucketInventoryConfiguration", kBucket, kPut, "inventory"),
    refused("DeleteBucketInventoryConfiguration", kBucket, kDelete, "inventory"),
    refused("GetBucketMetricsConfiguration", kBucket, kGet, "metrics"),
    refused("PutBucketMetricsConfiguration", kBucket, kPut, "metrics"),
    refused("DeleteBucketMetricsConfiguration", kBucket, kDelete, "metrics"),
    refused("GetBucketMetadataConfiguration", kBucket, kGet, "metadataConfiguration"),
    refused("CreateBucketMetadataConfiguration", kBucket, kPost, "metadataConfiguration"),
    refused("DeleteBucketMetadataConfiguration", kBucket, kDelete, "metadataConfiguration"),
    refused("GetBucketMetadataTableConfiguration", kBucket, kGet, "metadataTable"),
    refused("CreateBucketMetadataTableConfiguration", kBucket, kPost, "metadataTable"),
    refused("DeleteBucketMetadataTableConfiguration", kBucket, kDelete, "metadataTable"),
    refused("UpdateBucketMetadataInventoryTableConfiguration", kBucket, kPut, "metadataInventoryTable"),
    refused("UpdateBucketMetadataJournalTableConfiguration", kBucket, kPut, "metadataJournalTable"),
    refused("GetBucketAbac", kBucket, kGet, "abac"),
    refused("PutBucketAbac", kBucket, kPut, "abac"),
    refused("CreateSession", kBucket, kGet, "session"),

    refused("GetObjectTorrent", kObject, kGet, "torrent"),
    refused("RestoreObject", kObject, kPost, "restore"),
    refused("SelectObjectContent", kObject, kPost, "select"),
    refused("RenameObject", kObject, kPut, "renameObject"),
    refused("PutObjectAnnotation", kObject, kPut, "annotation"),
    refused("GetObjectAnnotation", kObject, kGet, "annotation"),
    refused("DeleteObjectAnnotation", kObject, kDelete, "annotation"),
    refused("ListObjectAnnotations", kObject, kGet, "annotations"),
    refused("AppendObject", kObject, kPut, "append"),
    refused("AppendObject", kObject, kPost, "append"),
};

constexpr OperationRow kPreflight{"Preflight", kObject, http::Method::options, "", preflight, Action::read_object};

// Parameters of operations, which may stand without a value.
constexpr std::string_view kParameters[] = {
    "prefix",
    "delimiter",
    "marker",
    "max-keys",
    "encoding-type",
    "continuation-token",
    "start-after",
    "fetch-owner",
    "key-marker",
    "version-id-marker",
    "upload-id-marker",
    "max-uploads",
    "part-number-marker",
    "max-parts",
    "partNumber",
    "versionId",
    "max-buckets",
    "bucket-region",
    "x-id",
    "id",
    "select-type",
    "response-content-type",
    "response-content-language",
    "response-expires",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
};

bool is_subresource(std::string_view name) {
  return std::ranges::any_of(kOperations, [&](const OperationRow& row) { return row.subresource == name; });
}

bool is_parameter(std::string_view name) {
  constexpr std::string_view kAmazon = "x-amz-";
  return std::ranges::find(kParameters, name) != std::end(kParameters) ||
         equals_ignoring_case(name.substr(0, kAmazon.size()), kAmazon);
}

/// The one subresource of the query, or an empty name.
Outcome<std::string_view> subresource_of(const http::Query& query) {
  std::string_view found;
  for (const auto& [name, value, has_value] : query.items()) {
    if (!name.empty() && is_subresource(name)) {
      if (!found.empty() && found != name) {
        return refuse(Code::invalid_argument,
                      "Conflicting query string parameters: " + std::string(found) + ", " + name);
      }
      found = name;
    } else if (value.empty() && !is_parameter(name)) {
      return refuse(Code::not_implemented, "The subresource " + name + " is not supported.");
    }
  }
  return found;
}

/// The bucket that virtual-host style puts in front of one of `domains`.
std::string_view bucket_of_host(std::string_view host, std::span<const std::string> domains) {
  if (domains.empty()) return {};
  const auto parsed = http::parse_host(host);
  if (!parsed || parsed->is_address) return {};
  host = parsed->name;
  for (const std::string& domain : domains) {
    if (host.size() <= domain.size() + 1) continue;
    const auto dot = host.size() - domain.size() - 1;
    if (host[dot] == '.' && equals_ignoring_case(host.substr(dot + 1), domain)) return host.substr(0, dot);
  }
  return {};
}

}  // namespace

std::span<const OperationRow> operations() { return kOperations; }

Outcome<Target> parse_target(std::string_view raw, std::string_view host, std::span<const std::string> domains) {
  Target target;
  const auto [whole, query] = http::split_target(raw);
  auto parsed = http::parse_query(query, http::Plus::space);
  if (!parsed) return refuse(Code::invalid_uri);
  target.query = *std::move(parsed);
  std::string_view path = whole;
  if (!path.starts_with('/')) return refuse(Code::invalid_uri);
  path.remove_prefix(1);

  std::string_view key = path;
  if (const auto named = bucket_of_host(host, domains); !named.empty()) {
    target.bucket = to_lower(named);
  } else if (!path.empty()) {
    const auto slash = path.find('/');
    auto bucket = percent_decode(path.substr(0, slash));
    if (!bucket) return refuse(Code::invalid_uri);
    target.bucket = *std::move(bucket);
    key = slash == path.npos ? std::string_view{} : path.substr(slash + 1);
  } else {
    return target;
  }

  target.scope = key.empty() ? kBucket : kObject;
  if (key.empty()) return target;
  auto decoded = percent_decode(key);
  if (!decoded) return refuse(Code::invalid_uri);
  target.key = *std::move(decoded);
  const auto fit = object::check_key(target.key);
  if (!fit) return refuse(fit.error().code == ErrorCode::key_too_long ? Code::key_too_long : Code::invalid_uri);
  return target;
}

Outcome<const OperationRow*> find_operation(http::Method method, const Target& target, bool has_copy_source) {
  if (method == http::Method::options) return &kPreflight;
  TRY(const std::string_view subresource, subresource_of(target.query));
  for (const OperationRow& row : kOperations) {
    if (row.scope == target.scope && row.method == method && row.subresource == subresource &&
        (!row.copies || has_copy_source)) {
      return &row;
    }
  }
  return refuse(Code::method_not_allowed);
}

}  // namespace sluice::s3

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "auth/blob_grant.h"
#include "gateway/blob/error.h"
#include "gateway/core/fields.h"
#include "gateway/http/message.h"
#include "gateway/http/uri.h"

namespace sluice::blob {

/// What a request's path names.
enum class Scope : std::uint8_t { account, container, blob };

/// What the handler knows to do. Several rows of the table may share one.
enum class Operation : std::uint8_t {
  not_implemented,  ///< An operation of the Blob service that is refused by name.
  preflight,

  list_containers,
  get_service_properties,
  set_service_properties,
  get_service_stats,
  get_account_information,
  get_user_delegation_key,

  create_container,
  get_container,
  set_container_metadata,
  delete_container,
  lease_container,
  list_blobs,

  put_blob,
  get_blob,
  get_blob_properties,
  delete_blob,
  lease_blob,
  create_append_blob,
  append_block,
  append_block_from_url,
  seal_blob,
  create_page_blob,
  put_page,
  put_page_from_url,
  clear_page,
  get_page_ranges,
  resize_page_blob,
  update_sequence_number,

  get_container_acl,
  set_container_acl,
  put_block,
  put_block_from_url,
  put_block_list,
  get_block_list,
  copy_blob,
  copy_blob_incrementally,
  put_blob_from_url,
  abort_copy,
  set_blob_properties,
  set_blob_metadata,
  get_blob_metadata,
  snapshot_blob,
  get_blob_tags,
  set_blob_tags,
  find_blobs_by_tags,
  set_blob_tier,
  undelete_blob,
  set_immutability_policy,
  delete_immutability_policy,
  set_legal_hold,
  submit_batch,
};

/// The groups of x-ms-* request headers that an operation honours, as bits. What
/// is sent and is in none of the operation's groups is refused, never ignored.
using Groups = std::uint64_t;
namespace group {
inline constexpr Groups kMetadata = 1U << 0;           ///< x-ms-meta-*
inline constexpr Groups kContent = 1U << 1;            ///< x-ms-blob-content-*, x-ms-blob-cache-control
inline constexpr Groups kType = 1U << 2;               ///< x-ms-blob-type
inline constexpr Groups kRange = 1U << 3;              ///< x-ms-range
inline constexpr Groups kRangeDigest = 1U << 4;        ///< x-ms-range-get-content-md5, -crc64
inline constexpr Groups kChecksum = 1U << 5;           ///< x-ms-content-crc64
inline constexpr Groups kPublicAccess = 1U << 6;       ///< x-ms-blob-public-access
inline constexpr Groups kSnapshots = 1U << 7;          ///< x-ms-delete-snapshots
inline constexpr Groups kSource = 1U << 8;             ///< x-ms-copy-source and its conditions
inline constexpr Groups kSourceRange = 1U << 9;        ///< x-ms-source-range
inline constexpr Groups kSourceDigest = 1U << 10;      ///< x-ms-source-content-md5, -crc64
inline constexpr Groups kTier = 1U << 11;              ///< x-ms-access-tier
inline constexpr Groups kTags = 1U << 12;              ///< x-ms-tags
inline constexpr Groups kCopyAction = 1U << 13;        ///< x-ms-copy-action, x-ms-requires-sync
inline constexpr Groups kSourceProperties = 1U << 14;  ///< x-ms-copy-source-blob-properties
inline constexpr Groups kLease = 1U << 20;             ///< x-ms-lease-id
inline constexpr Groups kLeaseAct = 1U << 21;          ///< What an act on a lease is given.
inline constexpr Groups kSourceLease = 1U << 22;       ///< x-ms-source-lease-id
inline constexpr Groups kAppend = 1U << 23;            ///< x-ms-blob-condition-*
inline constexpr Groups kKey = 1U << 18;               ///< x-ms-encryption-key, -key-sha256, -algorithm
inline constexpr Groups kSourceKey = 1U << 19;         ///< x-ms-source-encryption-*
inline constexpr Groups kIfTags = 1U << 15;            ///< x-ms-if-tags
inline constexpr Groups kSourceTags = 1U << 16;        ///< x-ms-copy-source-tag-option
inline constexpr Groups kRehydrate = 1U << 28;         ///< x-ms-rehydrate-priority
inline constexpr Groups kStructured = 1U << 17;        ///< x-ms-structured-*
inline constexpr Groups kSequence = 1U << 24;          ///< x-ms-if-sequence-number-*
inline constexpr Groups kPageSize = 1U << 25;          ///< x-ms-blob-content-length
inline constexpr Groups kPageWrite = 1U << 26;         ///< x-ms-page-write
inline constexpr Groups kSequenceNumber = 1U << 27;    ///< x-ms-blob-sequence-number
inline constexpr Groups kPolicy = 1ULL << 40;          ///< x-ms-immutability-policy-*
inline constexpr Groups kHold = 1ULL << 41;            ///< x-ms-legal-hold
inline constexpr Groups kSealing = 1ULL << 43;         ///< x-ms-seal-blob
inline constexpr Groups kTagged = 1ULL << 44;          ///< x-ms-blob-if-*
inline constexpr Groups kLock = 1ULL << 42;            ///< x-ms-immutable-storage-with-versioning-enabled
}  // namespace group

/// One operation of the Blob service: how it is asked for, and how it is answered.
struct OperationRow {
  std::string_view name;  ///< The REST API's name for it.
  Scope scope;
  http::Method method;
  std::string_view comp;     ///< The query parameter of that name.
  std::string_view restype;  ///< The query parameter of that name; of a container, `container` is understood.
  std::string_view header;   ///< A header field that selects it besides, or none.
  std::string_view value;    ///< The field's value; empty: any.
  Operation operation;
  auth::BlobAction action;
  Groups honours = 0;
};

/// Every operation of the Blob service, as of version 2026-04-06.
std::span<const OperationRow> operations();

/// What a request is about.
struct Target {
  Scope scope = Scope::account;
  std::string account;     ///< Without `-secondary`.
  bool secondary = false;  ///< The account is spelled with it.
  bool in_path = false;    ///< The account is in the path, not in the host's name.
  std::string container;   ///< Decoded.
  std::string blob;        ///< Decoded: bytes.
  http::Query query;       ///< Decoded; a `+` is itself.
};

/// The name of the container that a blob without one is in.
inline constexpr std::string_view kRootContainer = "$root";

/// Splits the raw target of a request. A `host` of the form account.blob.domain, of
/// one of `domains`, names the account; else the path does. Fails with InvalidUri.
Outcome<Target> parse_target(std::string_view raw, std::string_view host, std::span<const std::string> domains);

/// The operation that is asked for. Fails with InvalidQueryParameterValue for a comp
/// or restype that is none, UnsupportedHttpVerb for one with another method,
/// MissingRequiredHeader and InvalidHeaderValue where a header must select:
/// nothing falls through to a plain read or write of the blob.
Outcome<const OperationRow*> find_operation(http::Method method, const Target& target, const Fields& fields);

/// Refuses x-ms-* headers that ask for what the operation would not do, with
/// UnsupportedHeader; and the conditions of a write that has none, with ConditionHeadersNotSupported. Reads may carry
/// headers that are none of this protocol's.
Outcome<> check_headers(const Fields& fields, const OperationRow& row);

}  // namespace sluice::blob

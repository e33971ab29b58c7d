#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "auth/azure_fault.h"

namespace sluice::auth {

/// What is done to the Blob service, as finely as permissions tell it apart.
enum class BlobAction : std::uint8_t {
  // The service.
  list_containers,
  get_service_properties,  ///< Also its statistics.
  set_service_properties,
  get_account_information,  ///< Of the service, a container or a blob.
  find_blobs_by_tags,
  submit_batch,  ///< The batch itself; each request in it is authorized for itself.
  get_user_delegation_key,

  // A container.
  create_container,
  get_container,  ///< Its properties and metadata.
  set_container_metadata,
  get_container_acl,
  set_container_acl,
  lease_container,
  break_container_lease,
  delete_container,
  restore_container,
  list_blobs,
  find_blobs_by_tags_in_container,
  submit_batch_in_container,

  // A blob.
  put_blob,  ///< Any type of blob, also from a URL.
  get_blob,  ///< Also its properties and metadata; also as the source of a copy.
  set_blob,  ///< Its properties, metadata, expiry.
  set_blob_tier,
  get_blob_tags,
  set_blob_tags,
  delete_blob,  ///< Or a snapshot.
  delete_blob_version,
  delete_blob_permanently,
  undelete_blob,
  lease_blob,
  break_blob_lease,
  snapshot_blob,
  copy_blob,  ///< As its destination.
  copy_blob_incrementally,
  abort_copy,
  put_block,
  put_block_list,
  get_block_list,
  append_block,
  seal_blob,
  put_page,  ///< Also clearing, resizing and the sequence number.
  get_page_ranges,
  query_blob,
  set_immutability_policy,  ///< Also deleting it, and the legal hold.
};

/// The letters of `sp`, as a set.
class Permissions {
 public:
  /// The letters of `text`; nothing if one is not in `known`.
  static std::optional<Permissions> parse(std::string_view text, std::string_view known);

  bool has_any(std::string_view letters) const;
  bool empty() const { return bits_ == 0; }
  friend bool operator==(const Permissions&, const Permissions&) = default;

 private:
  std::uint32_t bits_ = 0;  ///< `a` is the lowest.
};

enum class SasKind : std::uint8_t { account, service, user_delegation };

/// What the signature of a service or user delegation SAS covers.
enum class SasScope : std::uint8_t { account, container, directory, blob, snapshot, version };

/// Header values of the answer to Get Blob and Get Blob Properties; empty: the blob's own.
struct ResponseOverrides {
  std::string cache_control;
  std::string content_disposition;
  std::string content_encoding;
  std::string content_language;
  std::string content_type;
  friend bool operator==(const ResponseOverrides&, const ResponseOverrides&) = default;
};

enum class Allowance : std::uint8_t {
  always,
  only_if_absent,  ///< The blob may be made but not replaced: UnauthorizedBlobOverwrite where it exists.
};

/// What a SAS whose signature holds, and whose time it is, lets its bearer do to
/// the resource it was verified for.
struct Grant {
  SasKind kind = SasKind::service;
  SasScope scope = SasScope::blob;
  Permissions permissions;
  std::string services;        ///< ss, of an account SAS.
  std::string resource_types;  ///< srt, of an account SAS.
  std::string version;         ///< sv, as given: the version of the answer where the request names none.
  ResponseOverrides overrides;
  std::string encryption_scope;  ///< What is written must be encrypted under this scope, or be refused.
  std::string directory;         ///< The signed directory of SasScope::directory, without a slash at its end.
  bool beneath = false;          ///< The request's blob lies in that directory, rather than being it.

  // Of a user delegation SAS, for the log.
  std::string oid;             ///< Whose delegation key signed.
  std::string authorized_oid;  ///< saoid
  std::string correlation_id;  ///< scid

  /// May the bearer do that to the resource? What the resource is, is settled: a
  /// SAS of another resource never becomes a Grant.
  std::expected<Allowance, AzureFault> allows(BlobAction action) const;
};

}  // namespace sluice::auth

#pragma once

#include <cstdint>
#include <string>

namespace sluice {

/// Why an operation has no value, in words both protocols can translate.
/// Each protocol owns one table from this enum to its wire codes.
enum class ErrorCode : std::uint8_t {
  // What is asked for is not there, or is there already.
  no_such_bucket,
  no_such_object,
  no_such_upload,
  no_such_version,
  is_delete_marker,      ///< The version that is asked for stands for a removal.
  bucket_exists,         ///< The bucket belongs to somebody else.
  bucket_already_owned,  ///< The bucket is the caller's own already.
  bucket_not_empty,
  archived,          ///< Its bytes are in a tier that is not read; it has to be brought back first.
  returning,         ///< It is being brought back from there, to another tier than this one.
  snapshot_present,  ///< What is to be removed has snapshots, which are not to be removed.

  // The request cannot be honoured as it stands.
  invalid_bucket_name,
  invalid_argument,
  invalid_request,
  key_too_long,
  metadata_too_large,
  malformed_xml,
  missing_length,  ///< A body needs a declared length.
  entity_too_large,
  entity_too_small,       ///< A part but the last is below the minimum.
  incomplete_body,        ///< Fewer bytes came than were declared.
  invalid_digest,         ///< A digest is not well formed.
  digest_mismatch,        ///< The body does not match a digest sent with it.
  payload_hash_mismatch,  ///< The body does not match its signed hash.
  invalid_chunk,          ///< The framing of an encoded body is wrong.
  invalid_part,           ///< A named part is missing or is not the one meant.
  invalid_block,          ///< A block may not have that name.
  invalid_part_order,
  invalid_part_number,  ///< An object has no such part.
  not_implemented,
  method_not_allowed,

  // Encryption.
  customer_key_missing,     ///< The customer keeps the key of the object, and did not give it.
  customer_key_mismatch,    ///< The key given is not the object's.
  customer_key_unexpected,  ///< A key is given for an object that the customer has no key of.
  no_master_key,            ///< Nothing is configured to encrypt under, or not what the object needs.
  no_such_master_key,       ///< The request names a master key that there is none of.

  // Conditions and ranges.
  precondition_failed,
  not_modified,
  range_not_satisfiable,

  // Leases. The first four refuse what is about the object, the others an act on the lease.
  lease_missing,     ///< A lease is held, and the request names none.
  lease_mismatch,    ///< The request names another lease than the one held.
  lease_absent,      ///< The request names a lease where there is none.
  lease_lost,        ///< The lease that the request names was broken or ran out.
  lease_present,     ///< Somebody else holds one.
  lease_breaking,    ///< It is being broken: neither acquired nor changed.
  lease_broken,      ///< It was broken, or is about to be: not renewed.
  lease_not_held,    ///< There is none to change or break.
  lease_id_refused,  ///< The act names another lease than there is.

  // What is protected.
  retained,            ///< The state of the object is kept as it is until a time that has not come.
  held,                ///< A legal hold keeps it as it is.
  no_object_lock,      ///< The bucket protects nothing.
  bucket_state_clash,  ///< The settings of the bucket, with that change, would contradict each other.

  // Objects that are written in place.
  kind_mismatch,              ///< The object is not of the kind that the operation is for.
  sealed,                     ///< The object takes no more appends.
  append_position_mismatch,   ///< The object does not end where the append was to begin.
  append_size_exceeded,       ///< The object would be longer than the request allows.
  too_many_blocks,            ///< The object has as many blocks as one may have.
  sequence_condition_failed,  ///< The sequence number is not as the request requires.
  invalid_page_range,         ///< Not of whole pages, or beyond the object's end.

  // Who asks.
  access_denied,
  unknown_access_key,
  signature_mismatch,
  authorization_malformed,  ///< The credential is not well formed.
  wrong_region,             ///< The credential's scope names another region; detail is ours.
  request_time_skewed,
  request_expired,  ///< A presigned request is past its time.
  unsupported_signature,

  // The world.
  conflict,      ///< A concurrent commit won; the caller may retry.
  client_gone,   ///< The peer closed, or was silent, before the body was complete.
  busy,          ///< An admission limit is reached; retry later.
  unavailable,   ///< A device or node did not answer in time; retry later.
  out_of_space,  ///< The store is full.
  corrupt,       ///< Stored bytes do not match their checksum.
  internal,
};

struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string detail;  ///< For the log, the operator and error messages, never for branching.
};

}  // namespace sluice

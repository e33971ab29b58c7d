#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "auth/acl.h"
#include "auth/bucket_policy.h"
#include "gateway/core/result.h"

namespace sluice::auth {

/// Whose the objects are that others put into a bucket ("Controlling ownership of
/// objects and disabling ACLs for your bucket", Amazon S3 User Guide).
enum class Ownership : std::uint8_t {
  unset,            ///< As object_writer.
  object_writer,    ///< Who puts an object owns it.
  owner_preferred,  ///< The bucket's owner, where the ACL bucket-owner-full-control is asked for.
  owner_enforced,   ///< The bucket's owner always; there are no ACLs.
};

/// ObjectWriter, BucketOwnerPreferred, BucketOwnerEnforced; empty for unset.
std::string_view to_text(Ownership ownership);
std::optional<Ownership> parse_ownership(std::string_view text);

/// What of what makes a bucket public does not count ("Blocking public access to your
/// Amazon S3 storage", Amazon S3 User Guide).
struct PublicAccessBlock {
  bool block_acls = false;        ///< No public ACL can be given.
  bool ignore_acls = false;       ///< Grants to the public give nothing.
  bool block_policy = false;      ///< No public policy can be given.
  bool restrict_buckets = false;  ///< A public policy allows only the bucket's owner anything.

  friend bool operator==(const PublicAccessBlock&, const PublicAccessBlock&) = default;
};

/// The four flags as the digits of a text, in the order above, and back.
std::string encode(const PublicAccessBlock& block);
std::optional<PublicAccessBlock> decode_public_access_block(std::string_view text);

/// What a bucket says of who may do what.
struct BucketRules {
  std::string owner;
  std::optional<Acl> acl;  ///< Nothing: its owner's alone.
  std::shared_ptr<const BucketPolicy> policy;
  Ownership ownership = Ownership::unset;
  PublicAccessBlock block;

  bool has_acls() const { return ownership != Ownership::owner_enforced; }
  /// Do ACL or policy let the public in?
  bool is_public() const;
};

/// What an object that is there says of it; views into its record.
struct ObjectRules {
  std::string_view owner;
  std::string_view acl;  ///< As encode() writes it; empty: its owner's alone.
};

/// May it be done? The users table first (authorize() in policy.h); root may do
/// everything; then a Deny of the policy, ownership, an Allow of the policy and the
/// ACLs, as AWS weighs them. `object`: what is there, for permissions about one that
/// is; null for all others, which are the bucket's affair. Fails with access_denied.
///
/// The account that owns the bucket can always get at its policy, so that no policy
/// shuts everybody out.
Result<> authorize(const PolicyQuestion& question, Action action, const BucketRules& bucket,
                   const ObjectRules* object = nullptr);

}  // namespace sluice::auth

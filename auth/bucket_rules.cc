#include "auth/bucket_rules.h"

#include <algorithm>
#include <array>

#include "auth/policy.h"

namespace sluice::auth {
namespace {

struct OwnershipName {
  Ownership ownership;
  std::string_view text;
};
constexpr std::array<OwnershipName, 3> kOwnerships{{{Ownership::object_writer, "ObjectWriter"},
                                                    {Ownership::owner_preferred, "BucketOwnerPreferred"},
                                                    {Ownership::owner_enforced, "BucketOwnerEnforced"}}};

constexpr std::array<bool PublicAccessBlock::*, 4> kFlags{
    &PublicAccessBlock::block_acls, &PublicAccessBlock::ignore_acls, &PublicAccessBlock::block_policy,
    &PublicAccessBlock::restrict_buckets};

/// "Mapping of ACL permissions and access policy permissions", Amazon S3 User Guide.
struct AclRow {
  std::string_view permission;
  Permission by;
  bool of_object = false;  ///< The object's ACL gives it, not the bucket's.
};
constexpr AclRow kAclRows[] = {
    {"s3:GetObject", Permission::read, true},
    {"s3:GetObjectVersion", Permission::read, true},
    {"s3:GetObjectAcl", Permission::read_acp, true},
    {"s3:GetObjectVersionAcl", Permission::read_acp, true},
    {"s3:PutObjectAcl", Permission::write_acp, true},
    {"s3:PutObjectVersionAcl", Permission::write_acp, true},
    {"s3:ListBucket", Permission::read},
    {"s3:ListBucketVersions", Permission::read},
    {"s3:ListBucketMultipartUploads", Permission::read},
    {"s3:PutObject", Permission::write},
    {"s3:DeleteObject", Permission::write},
    {"s3:GetBucketAcl", Permission::read_acp},
    {"s3:PutBucketAcl", Permission::write_acp},
};

constexpr std::string_view kPolicyPermissions[] = {"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"};

bool acls_allow(const PolicyQuestion& question, const BucketRules& bucket, const ObjectRules* object) {
  if (!bucket.has_acls()) return false;
  const auto* const row = std::ranges::find(kAclRows, question.permission, &AclRow::permission);
  if (row == std::end(kAclRows)) return false;
  const bool ignore_public = bucket.block.ignore_acls;
  if (!row->of_object) return bucket.acl && bucket.acl->allows(question.identity, row->by, ignore_public);
  if (object == nullptr) return false;
  const auto acl = decode_acl(object->acl);
  return acl && acl->allows(question.identity, row->by, ignore_public);
}

}  // namespace

std::string_view to_text(Ownership ownership) {
  const auto* const found = std::ranges::find(kOwnerships, ownership, &OwnershipName::ownership);
  return found == kOwnerships.end() ? std::string_view{} : found->text;
}

std::optional<Ownership> parse_ownership(std::string_view text) {
  const auto* const found = std::ranges::find(kOwnerships, text, &OwnershipName::text);
  return found == kOwnerships.end() ? std::nullopt : std::optional(found->ownership);
}

std::string encode(const PublicAccessBlock& block) {
  std::string text;
  for (const auto flag : kFlags) text.push_back(block.*flag ? '1' : '0');
  return text;
}

std::optional<PublicAccessBlock> decode_public_access_block(std::string_view text) {
  if (text.size() != kFlags.size() || text.find_first_not_of("01") != text.npos) return std::nullopt;
  PublicAccessBlock block;
  for (std::size_t i = 0; i < kFlags.size(); ++i) block.*kFlags[i] = text[i] == '1';
  return block;
}

bool BucketRules::is_public() const {
  const bool by_acl = acl && has_acls() && !block.ignore_acls && acl->is_public();
  const bool by_policy = policy && !block.restrict_buckets && policy->is_public();
  return by_acl || by_policy;
}

Result<> authorize(const PolicyQuestion& question, Action action, const BucketRules& bucket,
                   const ObjectRules* object) {
  const Identity& identity = question.identity;
  if (!identity.anonymous()) {
    TRY(authorize(identity, action, question.resource, std::nullopt));
    if (identity.user->root) return done;
  }
  const bool owns_bucket = !identity.anonymous() && identity.account() == bucket.owner;
  const std::string_view owner =
      object != nullptr && bucket.has_acls() ? object->owner : std::string_view(bucket.owner);
  const Effect effect = bucket.policy ? bucket.policy->evaluate(question) : Effect::none;
  const bool about_policy = std::ranges::count(kPolicyPermissions, question.permission) != 0;
  if (effect == Effect::deny && !(owns_bucket && about_policy)) {
    return fail(ErrorCode::access_denied, "the bucket's policy denies it");
  }
  if (!identity.anonymous() && identity.account() == owner) return done;
  // A policy is its bucket owner's word, and says nothing of objects that others own.
  const bool counts = owner == bucket.owner &&
                      !(bucket.block.restrict_buckets && bucket.policy && !owns_bucket && bucket.policy->is_public());
  if (effect == Effect::allow && counts) return done;
  if (acls_allow(question, bucket, object)) return done;
  if (identity.anonymous()) return fail(ErrorCode::access_denied, "nothing allows it to the public");
  return fail(ErrorCode::access_denied, "what it is about belongs to another account");
}

}  // namespace sluice::auth

#include "gateway/s3/access.h"

#include <algorithm>

#include "auth/date.h"
#include "gateway/core/encoding.h"
#include "gateway/http/uri.h"
#include "gateway/s3/call.h"

namespace sluice::s3 {
namespace {

struct PermissionRow {
  std::string_view operation;  ///< The API's name.
  std::string_view permission;
  std::string_view of_version{};  ///< Where a version is named, if that is another.
};

// The operations whose permission is not `s3:` and their name ("Actions defined by
// Amazon S3", Service Authorization Reference).
constexpr PermissionRow kPermissions[] = {
    {"GetObject", "s3:GetObject", "s3:GetObjectVersion"},
    {"HeadObject", "s3:GetObject", "s3:GetObjectVersion"},
    {"PutObject", "s3:PutObject"},
    {"CopyObject", "s3:PutObject"},
    {"PostObject", "s3:PutObject"},
    {"DeleteObject", "s3:DeleteObject", "s3:DeleteObjectVersion"},
    {"DeleteObjects", "s3:DeleteObject"},
    {"CreateMultipartUpload", "s3:PutObject"},
    {"UploadPart", "s3:PutObject"},
    {"UploadPartCopy", "s3:PutObject"},
    {"CompleteMultipartUpload", "s3:PutObject"},
    {"AbortMultipartUpload", "s3:AbortMultipartUpload"},
    {"ListParts", "s3:ListMultipartUploadParts"},
    {"ListMultipartUploads", "s3:ListBucketMultipartUploads"},
    {"ListObjects", "s3:ListBucket"},
    {"ListObjectsV2", "s3:ListBucket"},
    {"ListObjectVersions", "s3:ListBucketVersions"},
    {"HeadBucket", "s3:ListBucket"},
    {"DeleteBucket", "s3:DeleteBucket"},
    {"GetBucketLocation", "s3:GetBucketLocation"},
    {"GetBucketAcl", "s3:GetBucketAcl"},
    {"PutBucketAcl", "s3:PutBucketAcl"},
    {"GetObjectAcl", "s3:GetObjectAcl", "s3:GetObjectVersionAcl"},
    {"PutObjectAcl", "s3:PutObjectAcl", "s3:PutObjectVersionAcl"},
    {"GetObjectAttributes", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"},
    {"GetObjectTagging", "s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
    {"PutObjectTagging", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
    {"DeleteObjectTagging", "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
    {"GetObjectRetention", "s3:GetObjectRetention"},
    {"PutObjectRetention", "s3:PutObjectRetention"},
    {"GetObjectLegalHold", "s3:GetObjectLegalHold"},
    {"PutObjectLegalHold", "s3:PutObjectLegalHold"},
    {"GetBucketPolicy", "s3:GetBucketPolicy"},
    {"PutBucketPolicy", "s3:PutBucketPolicy"},
    {"DeleteBucketPolicy", "s3:DeleteBucketPolicy"},
    {"GetBucketPolicyStatus", "s3:GetBucketPolicyStatus"},
    {"GetBucketCors", "s3:GetBucketCORS"},
    {"PutBucketCors", "s3:PutBucketCORS"},
    {"DeleteBucketCors", "s3:PutBucketCORS"},
    {"GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"},
    {"PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
    {"DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
    {"GetBucketOwnershipControls", "s3:GetBucketOwnershipControls"},
    {"PutBucketOwnershipControls", "s3:PutBucketOwnershipControls"},
    {"DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls"},
    {"GetBucketVersioning", "s3:GetBucketVersioning"},
    {"PutBucketVersioning", "s3:PutBucketVersioning"},
    {"GetBucketTagging", "s3:GetBucketTagging"},
    {"PutBucketTagging", "s3:PutBucketTagging"},
    {"DeleteBucketTagging", "s3:PutBucketTagging"},
    {"GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration"},
    {"PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration"},
    {"GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"},
    {"PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"},
    {"DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"},
    {"GetBucketEncryption", "s3:GetEncryptionConfiguration"},
    {"PutBucketEncryption", "s3:PutEncryptionConfiguration"},
    {"DeleteBucketEncryption", "s3:PutEncryptionConfiguration"},
    {"GetBucketWebsite", "s3:GetBucketWebsite"},
    {"PutBucketWebsite", "s3:PutBucketWebsite"},
    {"DeleteBucketWebsite", "s3:DeleteBucketWebsite"},
    {"GetBucketReplication", "s3:GetReplicationConfiguration"},
    {"PutBucketReplication", "s3:PutReplicationConfiguration"},
    {"DeleteBucketReplication", "s3:PutReplicationConfiguration"},
    {"GetBucketRequestPayment", "s3:GetBucketRequestPayment"},
    {"PutBucketRequestPayment", "s3:PutBucketRequestPayment"},
    {"GetBucketLogging", "s3:GetBucketLogging"},
    {"PutBucketLogging", "s3:PutBucketLogging"},
    {"GetBucketNotificationConfiguration", "s3:GetBucketNotification"},
    {"PutBucketNotificationConfiguration", "s3:PutBucketNotification"},
    {"GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration"},
    {"PutBucketAccelerateConfiguration", "s3:PutAccelerateConfiguration"},
};

constexpr std::string_view kFactHeaders[] = {
    "x-amz-acl",
    "x-amz-content-sha256",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "if-match",
    "if-none-match",
};
constexpr std::string_view kFactParameters[] = {"prefix", "delimiter", "max-keys"};

class FactList {
 public:
  void add(std::string key, std::string_view value) { facts_.push_back({std::move(key), std::string(value)}); }
  void add(std::string key, std::optional<std::string_view> value) {
    if (value) add(std::move(key), *value);
  }
  std::vector<auth::Fact> take() { return std::move(facts_); }

 private:
  std::vector<auth::Fact> facts_;
};

void add_principal(FactList& facts, const Call& call) {
  const auth::Identity& identity = call.signature.identity;
  facts.add("aws:principaltype", std::string_view(identity.anonymous() ? "Anonymous" : "User"));
  if (identity.anonymous()) return;
  const auth::User& user = *identity.user;
  facts.add("aws:username", std::string_view(user.name));
  facts.add("aws:userid", std::string_view(user.access_key));
  facts.add("aws:principalaccount", std::string_view(user.account));
  facts.add("aws:principalarn", std::string_view("arn:aws:iam::" + user.account + ":user/" + user.name));
  const bool in_header = call.request.header.fields.has("authorization");
  facts.add("s3:authtype", std::string_view(in_header ? "REST-HEADER" : "REST-QUERY-STRING"));
  const bool is_version4 = in_header ? call.request.header.fields.get("authorization").starts_with("AWS4")
                                     : call.target.query.has("X-Amz-Algorithm");
  facts.add("s3:signatureversion", std::string_view(is_version4 ? "AWS4-HMAC-SHA256" : "AWS"));
}

/// The source without slash, escapes and version: `bucket/key`.
std::optional<std::string> copy_source(const Fields& fields) {
  const auto text = fields.find("x-amz-copy-source");
  if (!text) return std::nullopt;
  auto decoded = percent_decode(text->substr(0, text->find('?')));
  if (decoded && decoded->starts_with('/')) decoded->erase(0, 1);
  return decoded;
}

void add_tags(FactList& facts, const Fields& fields) {
  const auto text = fields.find("x-amz-tagging");
  if (!text) return;
  const auto tags = http::parse_query(*text, http::Plus::space);
  if (!tags) return;
  for (const auto& [name, value, has_value] : tags->items()) {
    facts.add("s3:requestobjecttag/" + name, std::string_view(value));
    facts.add("s3:requestobjecttagkeys", std::string_view(name));
  }
}

auth::PolicyQuestion question(const auth::Identity& identity, const Access& access, auth::Facts facts) {
  return {.identity = identity,
          .permission = access.permission,
          .resource = {.bucket = access.bucket, .key = access.key},
          .facts = facts};
}

}  // namespace

std::string_view permission_of(const OperationRow& row, const Target& target) {
  const auto* const found = std::ranges::find(kPermissions, row.name, &PermissionRow::operation);
  if (found == std::end(kPermissions)) return {};  // The bucket owner's alone; no policy can name it.
  const bool names_version = !found->of_version.empty() && target.query.has("versionId");
  return names_version ? found->of_version : found->permission;
}

std::vector<auth::Fact> facts_of(const Call& call, UtcTime now) {
  FactList facts;
  const Fields& fields = *call.fields;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  facts.add("aws:currenttime", std::string_view(auth::to_iso_extended(seconds)));
  facts.add("aws:epochtime", std::string_view(std::to_string(seconds.time_since_epoch().count())));
  facts.add("aws:sourceip", std::string_view(call.context.remote_address));
  facts.add("aws:securetransport", std::string_view(call.context.secure ? "true" : "false"));
  facts.add("aws:referer", fields.find("referer"));
  facts.add("aws:useragent", fields.find("user-agent"));
  add_principal(facts, call);
  for (const std::string_view name : kFactHeaders) facts.add("s3:" + std::string(name), fields.find(name));
  for (const std::string_view name : kFactParameters) {
    if (call.target.key.empty()) facts.add("s3:" + std::string(name), call.target.query.value(name));
  }
  facts.add("s3:versionid", call.target.query.value("versionId"));
  if (const auto source = copy_source(fields)) facts.add("s3:x-amz-copy-source", std::string_view(*source));
  add_tags(facts, fields);
  return facts.take();
}

Result<> authorize(const auth::Identity& identity, const Access& access) {
  return auth::authorize(question(identity, access, access.facts), access.action, access.rules);
}

Result<> admit(const auth::Identity& identity, const Access& access, const object::ObjectInfo& info) {
  const auth::ObjectRules object{.owner = info.owner, .acl = info.acl};
  const auto ask = [&](auth::Facts facts) -> Result<> {
    auth::PolicyQuestion asked = question(identity, access, facts);
    TRY(auth::authorize(asked, access.action, access.rules, &object));
    // The attributes tell of the content, so they take both.
    if (!asked.permission.ends_with("Attributes")) return done;
    asked.permission = asked.permission == "s3:GetObjectAttributes" ? "s3:GetObject" : "s3:GetObjectVersion";
    return auth::authorize(asked, access.action, access.rules, &object);
  };
  if (!access.rules.policy || !access.rules.policy->asks_object()) return ask(access.facts);
  std::vector<auth::Fact> facts = access.facts;
  for (const auto& [name, value] : info.tags) facts.push_back({"s3:existingobjecttag/" + name, value});
  return ask(facts);
}

bool may_know_missing(const auth::Identity& identity, const Access& access) {
  std::vector<auth::Fact> facts;
  if (access.rules.policy) {
    const bool denied = access.rules.policy->evaluate(question(identity, access, access.facts)) == auth::Effect::deny;
    if (denied) return false;
    facts = access.facts;
    facts.push_back({"s3:prefix", access.key});
  }
  const auth::PolicyQuestion list{.identity = identity,
                                  .permission = "s3:ListBucket",
                                  .resource = {.bucket = access.bucket, .key = {}},
                                  .facts = facts};
  return auth::authorize(list, auth::Action::list_objects, access.rules).has_value();
}

Result<std::shared_ptr<const auth::BucketPolicy>> PolicyCache::find(const std::string& bucket,
                                                                    const std::string& text) {
  if (text.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(bucket);
  if (found != entries_.end() && found->second.text == text) return found->second.policy;
  auto parsed = auth::BucketPolicy::parse(text, bucket);
  if (!parsed) return fail(ErrorCode::corrupt, "the policy of the bucket " + bucket + ": " + parsed.error());
  if (entries_.size() >= kCountMax) entries_.clear();
  Entry& entry = entries_[bucket];
  entry = {text, std::make_shared<const auth::BucketPolicy>(*std::move(parsed))};
  return entry.policy;
}

Result<auth::BucketRules> rules_of(const object::BucketInfo& bucket, PolicyCache& policies) {
  const object::BucketSettings& settings = bucket.settings;
  auth::BucketRules rules;
  rules.owner = bucket.owner;
  if (!settings.acl.empty()) {
    rules.acl = auth::decode_acl(settings.acl);
    if (!rules.acl) return fail(ErrorCode::corrupt, "the ACL of the bucket " + bucket.name);
  }
  TRY(rules.policy, policies.find(bucket.name, settings.policy));
  if (!settings.ownership.empty()) {
    const auto ownership = auth::parse_ownership(settings.ownership);
    if (!ownership) return fail(ErrorCode::corrupt, "the ownership controls of the bucket " + bucket.name);
    rules.ownership = *ownership;
  }
  if (!settings.public_access_block.empty()) {
    const auto block = auth::decode_public_access_block(settings.public_access_block);
    if (!block) return fail(ErrorCode::corrupt, "the public access block of the bucket " + bucket.name);
    rules.block = *block;
  }
  return rules;
}

}  // namespace sluice::s3

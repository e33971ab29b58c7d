#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "auth/bucket_rules.h"
#include "gateway/core/clock.h"
#include "gateway/object/buckets.h"
#include "gateway/object/objects.h"
#include "gateway/s3/error.h"
#include "gateway/s3/operation.h"

namespace sluice::s3 {

struct Call;

/// What decides about a request to one bucket, gathered before it is carried out. A
/// root user's has none: nothing is asked then.
struct Access {
  auth::BucketRules rules;
  auth::Action action{};
  std::string_view permission;  ///< What policies call what is asked for.
  std::string bucket;
  std::string key;
  std::vector<auth::Fact> facts{};  ///< Empty where no policy can ask for them.
};

/// What policies call the operation: `s3:GetObject`; where a version is named, the
/// version's. A literal.
std::string_view permission_of(const OperationRow& row, const Target& target);

/// What the request is to the conditions of a policy. `aws:SourceIp` is the peer's.
std::vector<auth::Fact> facts_of(const Call& call, UtcTime now);

/// May `identity` do what `access` is about, as far as the bucket decides?
Result<> authorize(const auth::Identity& identity, const Access& access);

/// The same of an object that is there, before anything is told of it.
Result<> admit(const auth::Identity& identity, const Access& access, const object::ObjectInfo& info);

/// May `identity` know that there is no such object? Who may not list must not learn
/// which keys there are.
bool may_know_missing(const auth::Identity& identity, const Access& access);

/// The policies of the buckets asked for lately, parsed. Safe for concurrent use.
class PolicyCache {
 public:
  /// The policy whose text is `text`; null if it is empty. Fails with corrupt for one
  /// that cannot be read: it was when it was given, so nothing may be allowed by it.
  Result<std::shared_ptr<const auth::BucketPolicy>> find(const std::string& bucket, const std::string& text);

 private:
  static constexpr std::size_t kCountMax = 256;
  struct Entry {
    std::string text;
    std::shared_ptr<const auth::BucketPolicy> policy;
  };
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

/// What the bucket says of who may do what.
Result<auth::BucketRules> rules_of(const object::BucketInfo& bucket, PolicyCache& policies);

}  // namespace sluice::s3

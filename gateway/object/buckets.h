#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/clock.h"
#include "gateway/core/context.h"
#include "gateway/core/result.h"
#include "gateway/object/conditions.h"
#include "gateway/object/info.h"
#include "gateway/object/lease.h"

namespace sluice::object {

struct BucketInfo {
  std::string name;
  std::string owner;  ///< An account.
  UtcTime created;
  UtcTime modified;  ///< When its settings were last changed.
  std::uint64_t revision = 0;
  BucketSettings settings;
  std::optional<Lease> lease{};

  std::string revision_tag() const;  ///< As ObjectInfo::revision_tag().
};

/// As check_write, about a bucket: when its settings were changed, and their revision.
Result<> check_bucket(const Conditions& conditions, const BucketInfo& info);

struct BucketPage {
  std::vector<BucketInfo> buckets;
  std::string next;  ///< Resume after this name; empty at the end.
};

/// The buckets of a deployment. Safe for concurrent use.
class Buckets {
 public:
  Buckets(Backend backend, const Clock& clock) : backend_(backend), clock_(clock) {}

  /// Fails with invalid_bucket_name, bucket_exists, bucket_already_owned, bucket_state_clash.
  Task<BucketInfo> create(const RequestContext& context, const std::string& name, const std::string& owner,
                          const BucketSettings& settings = {});

  /// Fails with no_such_bucket, or bucket_not_empty while it holds an object. Uploads in
  /// progress do not count; they are abandoned. Atomic against concurrent puts: no
  /// object is ever left in a bucket that is gone. Of a bucket that is leased, `lease`
  /// names the lease; fails as check_lease_for_write.
  Task<> remove(const RequestContext& context, const std::string& name, const std::optional<std::string>& lease = {});

  /// Fails with no_such_bucket.
  Task<BucketInfo> stat(const RequestContext& context, const std::string& name);

  /// The same, if that costs no wait; null says nothing.
  std::shared_ptr<const BucketInfo> at_hand(const std::string& name);

  /// Changes the bucket's settings, in one commit: `edit` is called with them as they are, again
  /// where another change came in between, and its failure is the answer. Fails with
  /// no_such_bucket, with metadata_too_large where the settings outgrow a row, with bucket_state_clash where
  /// object lock would be without versioning, or taken back, as check_bucket, and as check_lease where the
  /// conditions name a lease.
  using Edit = std::function<Result<>(BucketSettings&)>;
  Task<BucketInfo> change(const RequestContext& context, const std::string& name, const Edit& edit,
                          const Conditions& conditions = {});

  /// Those of `owner` (empty: everybody's) with `prefix`, by name, after `after`.
  Task<BucketPage> list(const RequestContext& context, const std::string& owner, const std::string& prefix,
                        const std::string& after, std::size_t limit);

 private:
  Task<BucketInfo> create_once(const std::string& name, const std::string& owner, const BucketSettings& settings);
  Task<BucketInfo> change_once(const std::string& name, const Edit& edit, const Conditions& conditions);
  Task<> remove_once(const std::string& name, const std::optional<std::string>& lease);

  Backend backend_;
  const Clock& clock_;
};

}  // namespace sluice::object

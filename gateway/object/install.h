#pragma once

#include "gateway/object/catalog.h"
#include "gateway/object/conditions.h"
#include "gateway/object/known_bucket.h"
#include "gateway/object/references.h"
#include "gateway/object/versions.h"

namespace sluice::object {

/// The row of the bucket an object is about to be put into, which the commit then
/// guards. Fails with no_such_bucket. A removal under way is called off.
Task<KnownBucket> claim_bucket(Catalog& rows, const std::string& bucket);

/// What becomes of the content that the object of that name had before, unless it is kept as a version.
enum class Before : std::uint8_t {
  let_go,
  kept,  ///< It is the new record's as well.
};

/// Makes `record` the object `name`, in the transaction of `rows`, dated `now` and
/// with a revision of its own, which are written into `record` too. Call
/// claim_bucket() in the same transaction; `bucket` is what it found. A lease that is
/// held stays. A record of whose retention nothing is said is retained as the bucket is set. True: the
/// reclaimer has work. Fails as check_write, check_not_following, check_lease_for_write, check_protectable and
/// make_way, and with metadata_too_large.
Task<bool> install(Catalog& rows, References& references, UtcTime now, const ObjectName& name,
                   const BucketSettings& bucket, const Conditions& conditions, ObjectRecord& record,
                   Before before = Before::let_go);

/// Bucket and conditions of a write, and the lease it names, checked before anything is
/// done for it; the bucket.
Task<KnownBucket> check_early(Index& index, UtcTime now, const ObjectName& name, const Conditions& conditions);

}  // namespace sluice::object

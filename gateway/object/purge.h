#pragma once

#include "gateway/object/buckets.h"
#include "gateway/object/objects.h"

namespace sluice::object {

/// Removes a bucket with everything in it: its objects, some at a time, then itself.
/// Whoever looks meanwhile sees fewer and fewer objects; a failure leaves the rest and
/// the bucket. Objects that are leased at `now` go as well; of a bucket that is, `lease`
/// names the lease. A bucket with object lock is not emptied out. Fails as Buckets::remove, with bucket_not_empty
/// where objects keep being put.
Task<> purge(Backend backend, Objects& objects, Buckets& buckets, const RequestContext& context,
             const std::string& bucket, const std::optional<std::string>& lease, UtcTime now);

}  // namespace sluice::object

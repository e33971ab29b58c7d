#pragma once

#include <memory>
#include <string>

#include "gateway/core/index.h"
#include "gateway/object/buckets.h"
#include "gateway/object/name.h"
#include "gateway/object/record.h"

namespace sluice::object {

/// What a bucket's row says, shared with the index where that has the row at hand in memory. Never null.
using KnownBucket = std::shared_ptr<const BucketRecord>;

/// The bucket's row, read by itself. Fails with no_such_bucket.
Task<KnownBucket> find_bucket(Index& index, const std::string& bucket);

/// The same in a transaction, whose commit then guards it.
Task<KnownBucket> find_bucket(Transaction& transaction, const std::string& bucket);

/// The same for callers of the layer, at once; null if the index does not have the row at hand.
std::shared_ptr<const BucketInfo> bucket_at_hand(Index& index, const std::string& bucket);

BucketInfo info_of(const std::string& name, const BucketRecord& record);

/// Why there is no object of that name: no_such_bucket or no_such_object.
Awaitable<Error> why_missing(Index& index, const ObjectName& name);

}  // namespace sluice::object

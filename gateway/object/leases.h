#pragma once

#include <string>

#include "gateway/core/backend.h"
#include "gateway/core/clock.h"
#include "gateway/core/context.h"
#include "gateway/object/buckets.h"
#include "gateway/object/conditions.h"
#include "gateway/object/info.h"
#include "gateway/object/lease.h"
#include "gateway/object/name.h"

namespace sluice::object {

struct ObjectLease {
  LeaseAnswer lease;
  ObjectInfo info;
};

struct BucketLease {
  LeaseAnswer lease;
  BucketInfo info;
};

/// Leases of objects and buckets. Whoever writes an object checks its lease in the
/// commit, so that an act and a write never both win. An act is no change of the
/// object: its revision stays. Safe for concurrent use.
class Leases {
 public:
  Leases(Backend backend, const Clock& clock) : backend_(backend), clock_(clock) {}

  /// Fails as perform() and check_write, and with no_such_bucket or no_such_object.
  Task<ObjectLease> perform(const RequestContext& context, const ObjectName& name, const Conditions& conditions,
                            const LeaseRequest& request);

  /// Fails as perform() and check_bucket(), and with no_such_bucket.
  Task<BucketLease> perform(const RequestContext& context, const std::string& bucket, const Conditions& conditions,
                            const LeaseRequest& request);

 private:
  Task<ObjectLease> perform_once(const ObjectName& name, const Conditions& conditions, const LeaseRequest& request);
  Task<BucketLease> perform_once(const std::string& bucket, const Conditions& conditions, const LeaseRequest& request);

  Backend backend_;
  const Clock& clock_;
};

}  // namespace sluice::object

#pragma once

#include "gateway/object/catalog.h"
#include "gateway/object/conditions.h"
#include "gateway/object/versions.h"

namespace sluice::object {

/// The state of `name` that is meant, to be changed where it stands: the commit guards
/// it. Conditions are checked, and the lease of the current object; one that has ended
/// is taken off. Fails with no_such_bucket, no_such_object, no_such_version,
/// is_delete_marker, as check_write, check_not_following and check_lease_for_write.
Task<FoundState> claim_state(Catalog& rows, const ObjectName& name, const Which& which, const Conditions& conditions,
                             UtcTime now);

/// The same of the current state, for who changes what is protected: fails as check_unprotected too.
Task<FoundState> claim_for_write(Catalog& rows, const ObjectName& name, const Conditions& conditions, UtcTime now);

/// Gives a record that is changed in place a new revision and date. What it is as a
/// version stays: it makes no other one, and keeps its name.
void revise(ObjectRecord& record, UtcTime now);

}  // namespace sluice::object

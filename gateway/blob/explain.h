#pragma once

#include "gateway/blob/call.h"
#include "gateway/object/conditions.h"

namespace sluice::blob {

/// The conditions of a request that puts a blob: its own, and what its signature demands.
Outcome<object::Conditions> put_conditions(const Call& call);

/// The answer for `error`, which a read under these conditions came to.
Failure explain_read(const Error& error, const object::Conditions& conditions);

/// The answer for `error`, which putting a blob under these conditions came to.
Failure explain_put(const Call& call, const Error& error, const object::Conditions& conditions);

/// "Naming and referencing containers, blobs, and metadata", Azure Storage REST API. Fails with InvalidResourceName.
/// Buckets may have other names.
Outcome<> check_container_name(std::string_view name);

/// The answer for `error`, which an operation on a container came to: what a lease
/// refuses has names of its own there.
Failure explain_container(const Error& error);

}  // namespace sluice::blob

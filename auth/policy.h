#pragma once

#include <optional>
#include <string_view>

#include "auth/identity.h"
#include "gateway/core/result.h"

namespace sluice::auth {

/// May `identity` do `action` to `resource`? Fails with access_denied.
///
/// `bucket_owner` is the account that owns resource.bucket, where it exists and
/// is known; the rule is asked again once it is. Today: nobody anonymous; root
/// may do everything; a read_only user only reads and lists; a user with bucket
/// prefixes only touches buckets whose names start with one of them; and a bucket
/// is its owner's alone.
Result<> authorize(const Identity& identity, Action action, const Resource& resource,
                   std::optional<std::string_view> bucket_owner);

}  // namespace sluice::auth

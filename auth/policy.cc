#include "auth/policy.h"

#include <algorithm>

namespace sluice::auth {
namespace {

bool only_reads(Action action) {
  switch (action) {
    case Action::list_buckets:
    case Action::read_bucket:
    case Action::list_objects:
    case Action::read_object:
      return true;
    case Action::create_bucket:
    case Action::delete_bucket:
    case Action::write_object:
    case Action::delete_object:
      return false;
  }
  return false;
}

bool may_touch(const User& user, std::string_view bucket) {
  if (bucket.empty() || user.bucket_prefixes.empty()) return true;
  return std::ranges::any_of(user.bucket_prefixes,
                             [&](const std::string& prefix) { return bucket.starts_with(prefix); });
}

}  // namespace

Result<> authorize(const Identity& identity, Action action, const Resource& resource,
                   std::optional<std::string_view> bucket_owner) {
  if (identity.anonymous()) return fail(ErrorCode::access_denied, "anonymous requests are not allowed");
  const User& user = *identity.user;
  if (user.root) return done;
  if (user.access == Access::read_only && !only_reads(action)) {
    return fail(ErrorCode::access_denied, "user " + user.name + " may only read");
  }
  if (!may_touch(user, resource.bucket)) {
    return fail(ErrorCode::access_denied, "user " + user.name + " may not touch buckets of that name");
  }
  // Making a bucket does not touch the one there is: that its name is taken is the answer then.
  if (action != Action::create_bucket && bucket_owner && *bucket_owner != user.account) {
    return fail(ErrorCode::access_denied, "the bucket belongs to another account");
  }
  return done;
}

}  // namespace sluice::auth

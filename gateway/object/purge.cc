#include "gateway/object/purge.h"

#include <algorithm>

#include "gateway/object/listing.h"
#include "gateway/object/versions.h"

namespace sluice::object {
namespace {

constexpr std::size_t kPageSize = 1000;
constexpr int kRoundsMax = 5;

// Its snapshots are on a later page, or it was leased, let go, or protected, meanwhile.
bool is_for_next_round(ErrorCode code) {
  return code == ErrorCode::snapshot_present || code == ErrorCode::lease_missing || code == ErrorCode::lease_mismatch ||
         code == ErrorCode::lease_absent || code == ErrorCode::lease_lost || code == ErrorCode::retained ||
         code == ErrorCode::held;
}

/// Removes what is listed now: of each key its versions first, then what is current for good.
Task<> empty_out(Backend backend, Objects& objects, const RequestContext& context, const std::string& bucket,
                 UtcTime now) {
  VersionListOptions options;
  options.limit = kPageSize;
  options.snapshots = true;
  options.deleted_at = UtcTime::min();
  for (;;) {
    CO_TRY(const VersionPage page, co_await list_versions(backend, context, bucket, options));
    std::vector<RemoveRequest> requests;
    for (const VersionEntry& entry : page.entries) {
      // What stands for what is soft deleted goes with the last of that.
      if (is_tombstone(entry.info)) continue;
      RemoveRequest request{.key = entry.name};
      request.which.deleted = entry.info.soft_deleted;
      request.which.snapshot = entry.info.snapshot;
      if (entry.info.snapshot == 0) request.which.version = entry.info.version();
      // A lease does not keep an object from going with its bucket.
      if (is_locked(entry.info.lease, now)) request.conditions.lease = entry.info.lease->id;
      requests.push_back(std::move(request));
    }
    // Snapshots are older than the head they belong to, and must go before it.
    std::ranges::reverse(requests);
    CO_TRY(const auto removed, co_await objects.remove(context, bucket, requests));
    for (const auto& one : removed) {
      if (!one && !is_for_next_round(one.error().code)) co_return std::unexpected(one.error());
    }
    if (!page.truncated) co_return done;
    page.go_on(options);
  }
}

}  // namespace

Task<> purge(Backend backend, Objects& objects, Buckets& buckets, const RequestContext& context,
             const std::string& bucket, const std::optional<std::string>& lease, UtcTime now) {
  CO_TRY(const BucketInfo info, co_await buckets.stat(context, bucket));
  if (info.settings.object_lock.enabled) co_return co_await buckets.remove(context, bucket, lease);
  for (int round = 1;; ++round) {
    CO_TRY(co_await empty_out(backend, objects, context, bucket, now));
    const auto removed = co_await buckets.remove(context, bucket, lease);
    if (removed || removed.error().code != ErrorCode::bucket_not_empty || round == kRoundsMax) co_return removed;
  }
}

}  // namespace sluice::object

#include <algorithm>
#include <set>

#include "gateway/object/cursor.h"
#include "gateway/object/install.h"
#include "gateway/object/objects.h"
#include "gateway/object/retry.h"
#include "gateway/object/soft_delete.h"
#include "gateway/object/versions.h"

namespace sluice::object {
namespace {

// A removal of many is cut into commits of this many names, or about this many
// bytes of writes.
constexpr std::size_t kRemoveCount = 100;
constexpr std::size_t kRemoveSize = 300 * 1024;
constexpr std::size_t kNameCost = 1200;
constexpr std::size_t kSliceCost = 120;

std::size_t cost_of(const ObjectRecord& record) {
  std::size_t count = 0;
  if (const auto* slices = std::get_if<std::vector<Slice>>(&record.content)) count = slices->size();
  if (const auto* appended = std::get_if<Appended>(&record.content)) {
    count = appended->slices.size() + appended->tail.size();
  }
  return kNameCost + count * kSliceCost;
}

// What a request may fail with for itself, before it has written anything.
bool is_refusal(ErrorCode code) {
  return code == ErrorCode::precondition_failed || code == ErrorCode::no_such_object ||
         code == ErrorCode::snapshot_present || code == ErrorCode::entity_too_large ||
         code == ErrorCode::lease_missing || code == ErrorCode::lease_mismatch || code == ErrorCode::lease_absent ||
         code == ErrorCode::lease_lost || code == ErrorCode::retained || code == ErrorCode::held;
}

// The removals of one commit.
class Removing {
 public:
  Removing(Transaction& transaction, UtcTime now) : rows_(transaction), now_(now) {}

  // The bucket is only got, unless something is put into it.
  Task<> begin(const std::string& bucket) {
    CO_TRY(auto record, co_await rows_.get<BucketRecord>(bucket_key(bucket)));
    if (!record) co_return fail(ErrorCode::no_such_bucket, bucket);
    bucket_ = std::move(*record);
    co_return done;
  }

  Task<Removal> remove(const ObjectName& name, const RemoveRequest& request) {
    CO_TRY(auto head, co_await rows_.get<ObjectRecord>(object_key(name)));
    if (!request.which.current()) co_return co_await remove_state(name, request, std::move(head));
    if (request.snapshots == Snapshots::refuse && head && head->snapshot_count != 0) {
      co_return fail(ErrorCode::snapshot_present, name.key + " has snapshots.");
    }
    CO_TRY(check_write(request.conditions, visible(head)));
    CO_TRY(check_lease_for_write(request.conditions.lease, lease_of(head), now_));
    if (request.snapshots == Snapshots::only) co_return co_await remove_snapshots_alone(name, request, std::move(head));
    if (bucket_.settings.versioning == Versioning::off) co_return co_await remove_head(name, request, std::move(head));
    co_return co_await put_marker(name, request, std::move(head));
  }

  Task<> finish() {
    CO_TRY(co_await references_.apply(rows_));
    co_return co_await rows_.transaction().commit();
  }

  std::size_t cost() const { return cost_; }
  bool leaves_work() const { return leaves_work_; }

 private:
  void forget(const ObjectRecord& record) {
    let_go(rows_, references_, record.content);
    leaves_work_ |= leaves_garbage(record.content);
    cost_ += cost_of(record);
  }

  Task<Removal> remove_head(const ObjectName& name, const RemoveRequest& request, std::optional<ObjectRecord> head) {
    if (!head || is_tombstone(head->info)) co_return Removal{};
    CO_TRY(check_unprotected(head->info.protection, now_, request.bypass));
    CO_TRY(co_await remove_snapshots(name, request, *head));
    if (request.kept_until) {
      CO_TRY(keep_head(name, *head, {now_, *request.kept_until}));
      co_return Removal{.removed = true, .kept = true};
    }
    vacate(rows_, name, *head, now_);
    forget(*head);
    co_return Removal{.removed = true};
  }

  // It becomes a soft-deleted snapshot, for which a tombstone stands.
  Result<> keep_head(const ObjectName& name, ObjectRecord head, const Keeping& keeping) {
    head.newest_snapshot = head.deleted_current = next_revision(now_, head);
    ++head.deleted_count;
    rows_.put(object_key(name), tombstone_of(head, now_));
    head.info.snapshot = head.newest_snapshot;
    cost_ += kNameCost + cost_of(head);
    claim(name);
    return keep_deleted(rows_, name, head, head.info.snapshot, keeping);
  }

  // What is put wants its bucket: a removal of that is called off.
  void claim(const ObjectName& name) {
    if (bucket_.removal.empty()) return;
    bucket_.removal.clear();
    rows_.put(bucket_key(name.bucket), bucket_);
  }

  Task<Removal> put_marker(const ObjectName& name, const RemoveRequest& request, std::optional<ObjectRecord> head) {
    ObjectRecord marker;
    marker.info.md5 = std::string(digest_size(DigestAlgorithm::md5), '\0');
    marker.info.owner = bucket_.owner;
    marker.info.delete_marker = true;
    marker.info.versioned = bucket_.settings.versioning == Versioning::enabled;
    marker.info.modified = marker.info.created = now_;
    marker.info.revision = next_revision(now_, head);
    const bool removed = head && !head->info.delete_marker;
    if (head) {
      CO_TRY(co_await remove_snapshots(name, request, *head));
      cost_ += cost_of(*head);
      CO_TRY(const bool garbage, co_await make_way(rows_, references_, name, std::move(*head), marker));
      leaves_work_ |= garbage;
    }
    claim(name);
    rows_.put(object_key(name), marker);
    cost_ += kNameCost;
    co_return Removal{.removed = removed, .delete_marker = true, .version = marker.info.version()};
  }

  Task<Removal> remove_state(const ObjectName& name, const RemoveRequest& request, std::optional<ObjectRecord> head) {
    const auto& which = request.which;
    CO_TRY(const auto found, co_await find_state(rows_, name, which));
    std::optional<ObjectRecord> record;
    if (found) record = found->record;
    CO_TRY(check_write(request.conditions, visible(record)));
    Removal removal{.removed = found.has_value(), .version = which.version};
    if (!found) co_return removal;
    CO_TRY(check_unprotected(record->info.protection, now_, request.bypass));
    removal.delete_marker = record->info.delete_marker;
    if (which.deleted) {
      const auto position = version_of_key(found->key)->revision;
      rows_.erase(found->key);
      rows_.erase(retained_key(record->info.kept_until, name, position));
      forget_deleted(rows_, name, *std::move(head), position);
    } else if (found->key == object_key(name)) {
      CO_TRY(check_lease_for_write(request.conditions.lease, record->info.lease, now_));
      CO_TRY(co_await promote(rows_, name, *record, now_));
    } else if (request.kept_until && (which.snapshot != 0 || record->info.versioned)) {
      if (which.snapshot != 0 && head->snapshot_count != 0) --head->snapshot_count;
      ++head->deleted_count;
      rows_.put(object_key(name), *head);
      cost_ += kNameCost + cost_of(*record);
      removal.kept = true;
      CO_TRY(keep_deleted(rows_, name, *record, version_of_key(found->key)->revision, {now_, *request.kept_until}));
      co_return removal;
    } else {
      rows_.erase(found->key);
      if (which.snapshot != 0 && head->snapshot_count != 0) --head->snapshot_count;
      if (which.version && record->info.version() == VersionId::null) head->null_revision = 0;
      rows_.put(object_key(name), *head);
    }
    forget(*record);
    co_return removal;
  }

  Task<Removal> remove_snapshots_alone(const ObjectName& name, const RemoveRequest& request,
                                       std::optional<ObjectRecord> head) {
    if (!head || head->snapshot_count == 0) co_return Removal{};
    CO_TRY(co_await remove_snapshots(name, request, *head));
    rows_.put(object_key(name), *head);
    co_return Removal{.removed = true, .kept = request.kept_until.has_value()};
  }

  // All of them, or entity_too_large: what is removed together is removed in one commit.
  Task<> remove_snapshots(const ObjectName& name, const RemoveRequest& request, ObjectRecord& head) {
    if (head.snapshot_count == 0) co_return done;
    std::vector<std::pair<std::string, ObjectRecord>> snapshots;
    std::size_t cost = 0;
    Cursor cursor(rows_.transaction(), versions_of(name));
    for (;; cursor.pop()) {
      CO_TRY(const Entry* row, co_await cursor.peek());
      if (row == nullptr) break;
      const std::string key = row->key;
      CO_TRY(const auto seen, decode_row<ObjectRecord>(key, row->value));
      if (seen.info.snapshot == 0 || seen.info.soft_deleted) continue;
      CO_TRY(auto record, co_await rows_.get<ObjectRecord>(key));
      if (!record) co_return fail(ErrorCode::conflict, name.key);
      CO_TRY(check_unprotected(record->info.protection, now_, request.bypass));
      cost += cost_of(*record);
      if (cost > 2 * kRemoveSize) co_return fail(ErrorCode::entity_too_large, "too many snapshots for one removal");
      snapshots.emplace_back(key, std::move(*record));
    }
    head.snapshot_count = 0;
    for (const auto& [key, record] : snapshots) {
      if (request.kept_until) {
        CO_TRY(keep_deleted(rows_, name, record, record.info.snapshot, {now_, *request.kept_until}));
        ++head.deleted_count;
        cost_ += cost_of(record);
      } else {
        rows_.erase(key);
        forget(record);
      }
    }
    co_return done;
  }

  Catalog rows_;
  UtcTime now_;
  BucketRecord bucket_;
  References references_;
  std::size_t cost_ = 0;
  bool leaves_work_ = false;
};

}  // namespace

/// Some of the requests, for one commit: from `begin` to where it came.
struct Objects::RemoveBatch {
  const std::string& bucket;
  const std::vector<RemoveRequest>& requests;
  std::vector<Result<Removal>>& results;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t count_max = kRemoveCount;
};

Task<std::vector<Result<Removal>>> Objects::remove(const RequestContext&, const std::string& bucket,
                                                   const std::vector<RemoveRequest>& requests) {
  if (!may_be_bucket(bucket)) co_return fail(ErrorCode::no_such_bucket);
  std::vector<Result<Removal>> results(requests.size());
  RemoveBatch batch{.bucket = bucket, .requests = requests, .results = results};
  auto attempt = [&] { return remove(batch); };
  while (batch.begin < requests.size()) {
    batch.end = batch.begin;
    const auto removed = co_await retry_conflicts(attempt);
    if (!removed && batch.end == batch.begin) co_return std::unexpected(removed.error());
    // One damaged object must not hold the others: each by itself then.
    if (!removed && batch.end - batch.begin > 1) {
      batch.count_max = 1;
      continue;
    }
    if (!removed) results[batch.begin] = std::unexpected(removed.error());
    batch.begin = batch.end;
  }
  co_return results;
}

Task<> Objects::remove(RemoveBatch& batch) {
  batch.end = batch.begin;
  const auto transaction = backend_.index.begin();
  Removing removing(*transaction, clock_.now());
  CO_TRY(co_await removing.begin(batch.bucket));
  std::set<std::string_view> seen;  // A transaction does not see its own writes: no name twice.
  for (; batch.end < batch.requests.size(); ++batch.end) {
    const auto& request = batch.requests[batch.end];
    if (seen.size() == batch.count_max || removing.cost() > kRemoveSize || !seen.insert(request.key).second) break;
    auto& result = batch.results[batch.end];
    const ObjectName name{batch.bucket, request.key};
    if (const auto fit = check_key(request.key); !fit) {
      result = std::unexpected(fit.error());
      continue;
    }
    result = co_await removing.remove(name, request);
    if (!result && !is_refusal(result.error().code)) {
      ++batch.end;
      co_return std::unexpected(result.error());
    }
  }
  CO_TRY(co_await removing.finish());
  if (removing.leaves_work()) reclaimer_.wake();
  co_return done;
}

}  // namespace sluice::object

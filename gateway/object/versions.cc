#include "gateway/object/versions.h"

#include <algorithm>
#include <utility>

#include "gateway/object/cursor.h"
#include "gateway/object/ids.h"
#include "gateway/object/known_bucket.h"
#include "gateway/object/soft_delete.h"

namespace sluice::object {
namespace {

// Is this what `which` names, and not another kind of state at its revision?
bool is_meant(const ObjectInfo& info, const Which& which) {
  if (info.soft_deleted != which.deleted || is_tombstone(info)) return false;
  if (which.snapshot != 0) return info.snapshot == which.snapshot;
  if (info.snapshot != 0) return false;
  // The null version answers to its revision, too: Blob has no other name for it.
  return !which.version || info.version() == *which.version || VersionId{info.revision} == *which.version;
}

Task<std::optional<FoundState>> read_state(Catalog& rows, std::string key) {
  CO_TRY(auto row, co_await rows.transaction().get(key));
  if (!row) co_return std::optional<FoundState>{};
  CO_TRY(auto record, decode_row<ObjectRecord>(key, *row));
  co_return FoundState{std::move(key), std::move(*row), std::move(record)};
}

// The revision of what is meant, where it is not the head.
std::uint64_t revision_of(const Which& which, const ObjectRecord& head) {
  if (which.snapshot != 0) return which.snapshot;
  return *which.version == VersionId::null ? head.null_revision : static_cast<std::uint64_t>(*which.version);
}

}  // namespace

Task<std::optional<FoundState>> find_state(Catalog& rows, const ObjectName& name, const Which& which) {
  CO_TRY(auto head, co_await read_state(rows, object_key(name)));
  if (!head || is_meant(head->record.info, which)) co_return std::move(head);
  if (which.current()) co_return std::optional<FoundState>{};
  const auto revision = revision_of(which, head->record);
  if (revision == 0) co_return std::optional<FoundState>{};
  CO_TRY(auto found, co_await read_state(rows, version_key(name, revision)));
  if (found && !is_meant(found->record.info, which)) found.reset();
  co_return std::move(found);
}

Awaitable<Error> why_not(Index& index, const ObjectName& name, const Which& which, bool is_marker) {
  Error error = co_await why_missing(index, name);
  if (which.current() || error.code != ErrorCode::no_such_object) co_return error;
  error.code = is_marker ? ErrorCode::is_delete_marker : ErrorCode::no_such_version;
  co_return error;
}

std::optional<ObjectInfo> visible(const std::optional<ObjectRecord>& head) {
  if (!head || head->info.delete_marker) return std::nullopt;
  return head->info;
}

std::optional<Lease> lease_of(const std::optional<ObjectRecord>& head) {
  return head ? head->info.lease : std::nullopt;
}

bool is_tombstone(const ObjectInfo& info) { return info.delete_marker && info.soft_deleted; }

bool is_kept(Versioning versioning, const ObjectInfo& head) {
  return versioning == Versioning::enabled || head.versioned;
}

Result<std::string> encode_object(const ObjectRecord& record) {
  auto value = record.encode();
  if (value.size() > Index::kValueSizeMax) return fail(ErrorCode::metadata_too_large, std::to_string(value.size()));
  return value;
}

std::uint64_t next_revision(UtcTime now, const std::optional<ObjectRecord>& head) {
  return new_revision(now, head ? std::max(head->info.last_revision(), head->newest_snapshot) : 0);
}

Task<bool> make_way(Catalog& rows, References& references, const ObjectName& name, ObjectRecord head,
                    ObjectRecord& next, bool keeps_content, const std::optional<UtcTime>& kept_until) {
  const bool keeps_head = (next.info.versioned || head.info.versioned) && !is_tombstone(head.info);
  auto null_revision = head.null_revision;
  if (keeps_head && !head.info.versioned) null_revision = head.info.revision;
  next.null_revision = next.info.versioned ? null_revision : 0;
  next.snapshot_count = head.snapshot_count;
  next.newest_snapshot = head.newest_snapshot;
  next.deleted_count = head.deleted_count;

  // There is one null version: another one takes its place.
  bool garbage = false;
  if (!next.info.versioned && head.null_revision != 0) {
    auto key = version_key(name, head.null_revision);
    CO_TRY(const auto replaced, co_await rows.get<ObjectRecord>(key));
    if (replaced) {
      CO_TRY(check_unprotected(replaced->info.protection, next.info.modified));
      rows.erase(std::move(key));
      let_go(rows, references, replaced->content);
      garbage = leaves_garbage(replaced->content);
    }
  }
  if (!keeps_head) {
    CO_TRY(check_unprotected(head.info.protection, next.info.modified));
  }
  if (keeps_head) {
    head.leave_head();
    rows.put(version_key(name, head.info.revision), head);
  } else if (kept_until && !keeps_content && !head.info.delete_marker) {
    // It is a snapshot from now on, and older than what replaces it.
    head.info.snapshot = next.newest_snapshot = std::exchange(next.info.revision, next.info.revision + 1);
    ++next.deleted_count;
    CO_TRY(keep_deleted(rows, name, std::move(head), next.newest_snapshot, {next.info.modified, *kept_until}));
  } else if (!keeps_content) {
    let_go(rows, references, head.content);
    garbage |= leaves_garbage(head.content);
  }
  co_return garbage;
}

Task<> promote(Catalog& rows, const ObjectName& name, const ObjectRecord& head, UtcTime now) {
  constexpr std::size_t kExpected = 2;
  Cursor cursor(rows.transaction(), versions_of(name), kExpected);
  for (;; cursor.pop()) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) break;
    const std::string key = row->key;
    CO_TRY(const auto seen, decode_row<ObjectRecord>(key, row->value));
    if (seen.info.snapshot != 0 || seen.info.soft_deleted) continue;
    // Got as well as scanned: the commit then guards it.
    CO_TRY(auto next, co_await rows.get<ObjectRecord>(key));
    if (!next) co_return fail(ErrorCode::conflict, name.key);
    next->null_revision = next->info.versioned ? head.null_revision : 0;
    next->snapshot_count = head.snapshot_count;
    next->newest_snapshot = head.newest_snapshot;
    next->deleted_count = head.deleted_count;
    rows.erase(key);
    rows.put(object_key(name), *next);
    co_return done;
  }
  if (head.snapshot_count != 0) co_return fail(ErrorCode::snapshot_present, name.key);
  vacate(rows, name, head, now);
  co_return done;
}

}  // namespace sluice::object

#include <utility>

#include "gateway/object/cursor.h"
#include "gateway/object/install.h"
#include "gateway/object/objects.h"
#include "gateway/object/retry.h"
#include "gateway/object/soft_delete.h"

namespace sluice::object {
namespace {

// What comes back together comes back in one commit.
constexpr std::size_t kStatesMax = 400;
constexpr std::size_t kBytesMax = 400 * 1024;

struct Found {
  std::uint64_t position;
  ObjectRecord record;
};

Task<std::vector<Found>> deleted_states(Catalog& rows, const ObjectName& name, UtcTime now) {
  std::vector<Found> found;
  std::size_t size = 0;
  Cursor cursor(rows.transaction(), versions_of(name));
  for (;; cursor.pop()) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) co_return found;
    const std::string key = row->key;
    CO_TRY(const auto seen, decode_row<ObjectRecord>(key, row->value));
    if (!seen.info.soft_deleted || seen.info.kept_until <= now) continue;
    size += row->value.size();
    if (found.size() == kStatesMax || size > kBytesMax) {
      co_return fail(ErrorCode::entity_too_large, "too many states to come back at once");
    }
    // Got as well as scanned: the commit then guards it.
    CO_TRY(auto record, co_await rows.get<ObjectRecord>(key));
    const auto place = version_of_key(key);
    if (!record || !place) co_return fail(ErrorCode::conflict, name.key);
    found.push_back({place->revision, *std::move(record)});
  }
}

// Takes the marks off one state.
void bring_back(Catalog& rows, const ObjectName& name, const Found& found, ObjectRecord& record) {
  rows.erase(retained_key(found.record.info.kept_until, name, found.position));
  record = found.record;
  record.info.soft_deleted = false;
  record.info.deleted = record.info.kept_until = UtcTime{};
}

}  // namespace

Task<ObjectInfo> Objects::undelete(const RequestContext&, const ObjectName& name) {
  CO_TRY(check_name(name));
  auto attempt = [&] { return undelete_once(name); };
  co_return co_await retry_conflicts(attempt);
}

Task<ObjectInfo> Objects::undelete_once(const ObjectName& name) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(const auto bucket, co_await claim_bucket(rows, name.bucket));
  CO_TRY(auto head, co_await rows.get<ObjectRecord>(object_key(name)));
  if (!head) co_return fail(ErrorCode::no_such_object, name.key);
  const bool is_gone = is_tombstone(head->info);
  if (!is_gone && head->info.delete_marker) co_return fail(ErrorCode::no_such_object, name.key);
  if (!is_gone && head->deleted_count == 0) co_return std::move(head->info);

  CO_TRY(const auto states, co_await deleted_states(rows, name, clock_.now()));
  ObjectRecord current = *head;
  bool is_back = !is_gone;
  for (const Found& found : states) {
    ObjectRecord record;
    bring_back(rows, name, found, record);
    --head->deleted_count;
    if (is_gone && found.position == head->deleted_current) {
      rows.erase(version_key(name, found.position));
      record.info.snapshot = 0;
      current = std::move(record);
      is_back = true;
      continue;
    }
    if (record.info.snapshot != 0) ++head->snapshot_count;
    rows.put(version_key(name, found.position), record);
  }
  // Snapshots alone do not come back.
  if (!is_back) co_return fail(ErrorCode::no_such_object, name.key);
  current.null_revision = head->null_revision;
  current.snapshot_count = head->snapshot_count;
  current.newest_snapshot = head->newest_snapshot;
  current.deleted_count = head->deleted_count;
  current.deleted_current = 0;
  CO_TRY(auto value, encode_object(current));
  transaction->put(object_key(name), std::move(value));
  CO_TRY(co_await transaction->commit());
  co_return std::move(current.info);
}

}  // namespace sluice::object

#include "gateway/object/soft_delete.h"

#include "gateway/core/digest.h"

namespace sluice::object {

Result<> keep_deleted(Catalog& rows, const ObjectName& name, ObjectRecord state, std::uint64_t position,
                      const Keeping& keeping) {
  // The row says all that there is to say by being there.
  static const std::string kMark(1, '\1');
  state.leave_head();
  state.info.soft_deleted = true;
  state.info.deleted = keeping.now;
  state.info.kept_until = keeping.until;
  TRY(auto value, encode_object(state));
  rows.transaction().put(version_key(name, position), std::move(value));
  rows.transaction().put(retained_key(keeping.until, name, position), kMark);
  return done;
}

ObjectRecord tombstone_of(const ObjectRecord& head, UtcTime now) {
  ObjectRecord tombstone;
  auto& info = tombstone.info;
  info.md5 = std::string(digest_size(DigestAlgorithm::md5), '\0');
  info.owner = head.info.owner;
  info.delete_marker = true;
  info.soft_deleted = true;
  info.modified = info.created = now;
  info.revision = next_revision(now, head);
  tombstone.newest_snapshot = head.newest_snapshot;
  tombstone.deleted_count = head.deleted_count;
  tombstone.deleted_current = head.deleted_current;
  return tombstone;
}

void vacate(Catalog& rows, const ObjectName& name, const ObjectRecord& head, UtcTime now) {
  if (head.deleted_count == 0) {
    rows.erase(object_key(name));
  } else {
    rows.put(object_key(name), tombstone_of(head, now));
  }
}

void forget_deleted(Catalog& rows, const ObjectName& name, ObjectRecord head, std::uint64_t position) {
  if (head.deleted_count != 0) --head.deleted_count;
  if (head.deleted_current == position) head.deleted_current = 0;
  if (is_tombstone(head.info) && head.deleted_count == 0) {
    rows.erase(object_key(name));
  } else {
    rows.put(object_key(name), head);
  }
}

}  // namespace sluice::object

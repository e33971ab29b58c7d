#pragma once

#include "gateway/object/catalog.h"
#include "gateway/object/references.h"

namespace sluice::object {

/// A state of a key, and the row it stands in.
struct FoundState {
  std::string key;
  std::string row;
  ObjectRecord record;
};

/// The state of `name` that is meant, read in the transaction of `rows`; a head that is not
/// it is read too. Delete markers are found like others; what is soft deleted is not.
Task<std::optional<FoundState>> find_state(Catalog& rows, const ObjectName& name, const Which& which);

/// Why an operation cannot have the state of `name` that is meant: no_such_bucket,
/// no_such_object, no_such_version, or is_delete_marker where that is what it is.
Awaitable<Error> why_not(Index& index, const ObjectName& name, const Which& which, bool is_marker);

/// What conditions are about: nothing where there is no object, or a delete marker.
std::optional<ObjectInfo> visible(const std::optional<ObjectRecord>& head);

/// The lease of an object by its head.
std::optional<Lease> lease_of(const std::optional<ObjectRecord>& head);

/// Is it the head of a key that has nothing but what is soft deleted?
bool is_tombstone(const ObjectInfo& info);

/// Is a head that is overwritten in such a bucket kept, as a version?
bool is_kept(Versioning versioning, const ObjectInfo& head);

/// The row to put for a record. Fails with metadata_too_large.
Result<std::string> encode_object(const ObjectRecord& record);

/// A revision for what is written over `head`.
std::uint64_t next_revision(UtcTime now, const std::optional<ObjectRecord>& head);

/// Takes `head` out of its place, for `next`, whose versioned flag is set already: keeps it as
/// a version, or lets its content go (unless `next` has it); lets go the null version that
/// `next` replaces; and hands on to `next` what heads know of their key. A head that would be let go
/// is soft deleted until `kept_until`, if that is given, and `next` gets a later revision for it. True: the
/// reclaimer has work. The caller puts `next`. Fails as check_unprotected where a state would not be kept.
Task<bool> make_way(Catalog& rows, References& references, const ObjectName& name, ObjectRecord head,
                    ObjectRecord& next, bool keeps_content = false, const std::optional<UtcTime>& kept_until = {});

/// Takes `head` out of its place for good: the newest version there is, if any, becomes the
/// head. Lets no content go. Fails with snapshot_present where only snapshots are left.
Task<> promote(Catalog& rows, const ObjectName& name, const ObjectRecord& head, UtcTime now);

}  // namespace sluice::object

#pragma once

#include "gateway/object/catalog.h"
#include "gateway/object/versions.h"

namespace sluice::object {

/// What a removal that keeps for a while is about.
struct Keeping {
  UtcTime now;
  UtcTime until;
};

/// Puts `state`, which no row names any more, as a soft-deleted state of its key in the place
/// `position`, and what has it go when it is due. Fails with metadata_too_large.
Result<> keep_deleted(Catalog& rows, const ObjectName& name, ObjectRecord state, std::uint64_t position,
                      const Keeping& keeping);

/// Puts in the place of `head`, which is removed, what stands for what its key has besides; nothing
/// where that is nothing. Lets no content go.
void vacate(Catalog& rows, const ObjectName& name, const ObjectRecord& head, UtcTime now);

/// A head that stands for the soft-deleted states that `head` knows of, and for nothing else.
ObjectRecord tombstone_of(const ObjectRecord& head, UtcTime now);

/// Takes one soft-deleted state away from what `head` counts, and puts `head`, or lets it go where it
/// stood for that alone.
void forget_deleted(Catalog& rows, const ObjectName& name, ObjectRecord head, std::uint64_t position);

}  // namespace sluice::object

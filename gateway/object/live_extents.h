#pragma once

#include <memory>

#include "gateway/core/extent_store.h"
#include "gateway/core/index.h"

namespace sluice::object {

/// What must stay in the extent store: the extents that objects and parts refer to,
/// and those that wait to be released, because a reader may still be at them. In
/// ascending order of their ids, read in pages. The index must outlive it.
std::unique_ptr<LiveExtents> live_extents(Index& index);

}  // namespace sluice::object

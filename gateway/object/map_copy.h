#pragma once

#include <functional>

#include "gateway/core/backend.h"
#include "gateway/object/reclaimer.h"
#include "gateway/object/record.h"

namespace sluice::object {

/// Is what holds a map still what it was? Asked in a transaction, whose commit then guards it.
using StillCurrent = std::function<Task<bool>(Transaction&)>;

/// Builds a map of pages whose rows are those of `from`, and name the same extents, a few rows a commit. Whoever names
/// the map takes the mark of the building away. False: what holds `from` is not what it was.
Task<bool> copy_map(Backend backend, const Building& building, const PageMap& from, const StillCurrent& is_current);

}  // namespace sluice::object

#pragma once

#include "gateway/core/extent_store.h"
#include "gateway/core/index.h"

namespace sluice {

/// Where a deployment's data lives: names in the index, bytes in the store.
/// Owned by whoever opened the backend; both must outlive every user.
struct Backend {
  Index& index;
  ExtentStore& extents;
  std::size_t inline_size_max = 0;  ///< Bodies up to this size live in the index itself.
};

}  // namespace sluice

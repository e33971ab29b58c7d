#pragma once

#include "gateway/core/chunk.h"

namespace sluice::local {

/// `size` bytes of zeros, aligned to a page, outside any pool: for a footer on its
/// way, which is small and soon gone. `size` is a multiple of a page.
Chunk page_memory(std::size_t size);

/// Fit for O_DIRECT: aligned to a page.
bool is_aligned(const Chunk& chunk);

}  // namespace sluice::local

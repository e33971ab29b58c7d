#pragma once

#include "gateway/core/io_ring.h"

namespace sluice::local {

/// How a read was answered.
enum class ReadFrom : std::uint8_t { page_cache, device };

/// Fills `into` from `offset`: at once from the page cache where that has it all,
/// else over the ring. Fails with corrupt if the file ends before, unavailable if
/// the device refuses.
Task<ReadFrom> read_fully(IoFilePtr file, Chunk into, std::uint64_t offset);

}  // namespace sluice::local

#pragma once

#include <string>
#include <string_view>

#include "gateway/core/io_ring.h"

namespace sluice::rdma {

/// Memory of its own, page-aligned for O_DIRECT, outside any pool.
Chunk aligned_memory(std::size_t size);
/// The same with a copy of `bytes`.
Chunk aligned_chunk(std::string_view bytes);

/// Fails with unavailable, the reason in the detail. Offsets and sizes are whole pages.
Task<> write_fully(IoFilePtr file, Chunk from, std::uint64_t offset);
Task<> read_fully(IoFilePtr file, Chunk into, std::uint64_t offset);

/// For start-up. Throws std::system_error; what lies behind the end of the file is zero.
std::string read_blocking(int fd, std::uint64_t offset, std::size_t size);

}  // namespace sluice::rdma

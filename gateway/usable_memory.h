#pragma once

#include <cstdint>
#include <filesystem>

namespace sluice {

/// Bytes of memory that this process may use: the machine's, or less where a control group (v2, or the one of v1 that
/// a container sees as its own) says so. 0 if nobody says. `root`: where the system's files are.
std::uint64_t usable_memory(const std::filesystem::path& root = "/");

/// What is kept of objects in memory where no setting says how much: an eighth of it, 4 GiB at most.
std::uint64_t default_read_cache_size(std::uint64_t usable);

}  // namespace sluice

#pragma once

#include <filesystem>
#include <string_view>

#include "gateway/core/io_ring.h"

namespace sluice::local {

// Blocking calls on whole files, for start-up and background threads.

/// The names in `directory` survive a crash once this returns.
Result<> sync_directory(const std::filesystem::path& directory);

/// Makes or replaces the file with `bytes`, whole or not at all, and for good.
Result<> write_durably(const std::filesystem::path& path, std::string_view bytes);

/// As open(2), close-on-exec. Fails with unavailable, out_of_space or, if the file is not there, no_such_object.
Result<IoFilePtr> open_file(const std::filesystem::path& path, int flags);

/// What the kernel refused: `error` is an errno.
Error error_of(int error, const std::string& what);

}  // namespace sluice::local

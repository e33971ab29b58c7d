#pragma once

#include <optional>
#include <string>

#include "gateway/core/extent_store.h"

namespace sluice::test {

/// Bytes that differ wherever they are cut, the same for the same `seed`.
std::string pattern(std::size_t size, std::uint64_t seed = 1);

/// Stores `bytes`, given in pieces of `step`.
Task<Extent> store_bytes(ExtentStore& store, std::string bytes, std::optional<std::uint64_t> expected,
                         std::size_t step = 100'000);
/// Reads a range to its end.
Task<std::string> load_bytes(ExtentStore& store, Extent extent, ByteRange range);

}  // namespace sluice::test

#pragma once

#include <vector>

#include "gateway/core/index.h"
#include "gateway/object/record.h"

namespace sluice::object {

/// A manifest in the making: parts in, rows out.
struct PackedManifest {
  Manifest manifest;
  std::vector<Entry> rows;
  std::size_t size = 0;  ///< Of all rows, keys and values.
};

/// Packs parts, in order of their numbers, into as few rows as are handy.
PackedManifest pack(const std::string& id, const std::vector<PartRecord>& parts);

/// Where row `i` of the manifest begins in the object.
std::uint64_t begin_of(const Manifest& manifest, std::size_t i);

/// The row that holds the byte at `offset`; rows.size() beyond the last.
std::size_t row_of_offset(const Manifest& manifest, std::uint64_t offset);

/// The row in which a part of that number would be; rows.size() beyond the last.
std::size_t row_of_number(const Manifest& manifest, std::uint32_t number);

/// The parts of row `i`. Nothing: the row is gone, because the manifest is garbage
/// by now (or, if it is not, because the index is damaged). Fails with corrupt if
/// the row is not what the manifest says of it.
Task<std::optional<std::vector<PartRecord>>> read_row(Index& index, const Manifest& manifest, std::size_t i);

}  // namespace sluice::object

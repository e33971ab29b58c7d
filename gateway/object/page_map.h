#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/cipher.h"
#include "gateway/object/reclaimer.h"
#include "gateway/object/record.h"

// Where the pages of a page object are: a row for each region of 4 MiB in which any
// was written, in the rows of a manifest. Row 0 is always there and holds nothing:
// rows are given back in order, so that a region without a row is known to hold
// zeros, rather than to be given back, as long as row 0 stands.

namespace sluice::object {

inline constexpr std::uint64_t kRegionSize = 4ULL << 20;

/// A run of pages, and its place in its region. Runs are in order and do not overlap.
struct PageRun {
  std::uint64_t offset = 0;
  Slice slice;
  std::uint64_t end() const { return offset + slice.range.length; }
  friend bool operator==(const PageRun&, const PageRun&) = default;
};
using PageRuns = std::vector<PageRun>;

std::string region_key(const std::string& map_id, std::uint64_t region);
/// The region of the row; nothing: it is the map's first row, or no row of it.
std::optional<std::uint64_t> region_of_key(std::string_view row_key);

/// The row that every map has.
ManifestRecord first_row();

/// `sealed`: how they are encrypted, if they are.
ManifestRecord row_of(const PageRuns& runs, std::vector<SealedExtent> sealed = {});
/// Fails with corrupt where they are no runs of a region.
Result<PageRuns> runs_of(const ManifestRecord& row);

/// What is left of `runs` outside of `range`.
PageRuns outside(const PageRuns& runs, ByteRange range);

/// What the pages of one region are decrypted with.
struct RegionKey {
  SecretKey object_key;
  std::uint64_t begin = 0;  ///< Of the region, in the object.
  std::vector<SealedExtent> sealed;
};

/// A body of the bytes of a region in `range`: runs, and zeros between them. Holds
/// `reading` as long as it lives. No key: they are plain.
std::unique_ptr<BodySource> open_runs(ExtentStore& extents, Reclaimer::Reading reading, PageRuns runs, ByteRange range,
                                      std::optional<RegionKey> key = {});

/// Opens `range` of the object's bytes, which is not empty. Nothing: the map is given back.
Task<std::unique_ptr<BodySource>> open_pages(Backend backend, Reclaimer::Reading reading, const PageMap& map,
                                             const std::optional<SecretKey>& object_key, ByteRange range);

}  // namespace sluice::object

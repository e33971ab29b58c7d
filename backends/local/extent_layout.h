#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/extent_store.h"

namespace sluice::local {

// How extents lie in segment files: docs/local-format.md. Nothing here touches a file.

inline constexpr std::uint64_t kPageSize = 4096;        ///< What extents are aligned to.
inline constexpr std::uint64_t kBlockSize = 16 * 1024;  ///< What one checksum covers.
inline constexpr std::uint64_t kTrailerSize = 64;
inline constexpr std::uint64_t kExtentLengthMax = 256ULL << 20;
inline constexpr std::uint32_t kFormatVersion = 1;

using SegmentNumber = std::uint32_t;  ///< From 1.

constexpr std::uint64_t round_up(std::uint64_t size, std::uint64_t unit) { return (size + unit - 1) / unit * unit; }
constexpr std::uint64_t round_down(std::uint64_t size, std::uint64_t unit) { return size / unit * unit; }

/// Where an extent begins.
struct Place {
  SegmentNumber segment = 0;
  std::uint64_t offset = 0;  ///< A multiple of kPageSize.
  friend bool operator==(const Place&, const Place&) = default;
};

ExtentId id_of(const Place& place);
Place place_of(ExtentId id);

constexpr std::uint64_t block_count(std::uint64_t length) { return (length + kBlockSize - 1) / kBlockSize; }
constexpr std::uint64_t footer_size(std::uint64_t length) { return 4 * block_count(length) + kTrailerSize; }
/// What an extent of `length` bytes takes in its segment: a multiple of kPageSize.
constexpr std::uint64_t stored_size(std::uint64_t length) { return round_up(length + footer_size(length), kPageSize); }
/// Where the footer begins, from the extent's beginning.
constexpr std::uint64_t footer_offset(std::uint64_t length) { return stored_size(length) - footer_size(length); }

/// The checksums of a run of bytes, as it streams.
class BlockChecksums {
 public:
  void update(std::string_view bytes);

  std::uint32_t whole() const { return whole_; }
  /// Of all blocks, the last one as far as it goes.
  std::vector<std::uint32_t> blocks() const;

 private:
  std::vector<std::uint32_t> full_;
  std::uint32_t block_ = 0;
  std::uint64_t block_size_ = 0;
  std::uint32_t whole_ = 0;
};

/// The checksums of an extent's blocks, from its footer.
using Footer = std::vector<std::uint32_t>;

std::string encode_footer(const Extent& extent, const Footer& blocks);

/// Fails with corrupt unless `bytes` is the very footer of `extent`.
Result<Footer> decode_footer(const Extent& extent, std::string_view bytes);

/// Do these blocks match? `bytes` begins at block `first` of the extent, and ends
/// with a block or with the extent. Fails with corrupt, naming the place.
Result<> check_blocks(const Extent& extent, const Footer& footer, std::uint64_t first, std::string_view bytes);

/// The first page of a segment file.
std::string encode_segment_header(SegmentNumber number);
bool is_segment_header(SegmentNumber number, std::string_view page);

/// "segment 7 at 4096", for the operator.
std::string describe(const Place& place);

}  // namespace sluice::local

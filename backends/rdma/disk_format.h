#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/rdma/wire.h"

namespace sluice::rdma {

/// What an extent node keeps on its disk, as values and as bytes: docs/rdma.md. Pure.

/// Of superblocks and runs, and of a log that has no record of compaction.
inline constexpr std::uint16_t kDiskVersion = 1;
/// Of the header of a run that lacks bytes: who does not know of that takes it for damaged.
inline constexpr std::uint16_t kLackingVersion = 2;
/// Of a log that may have some: who does not know them must not take its pages for the end of it.
inline constexpr std::uint16_t kCompactedVersion = 2;

/// Stored bytes are checked in blocks of this size; the last of a run may be shorter.
inline constexpr std::uint32_t kBlockSize = 64 * 1024;
/// The longest run.
inline constexpr std::uint32_t kRunLengthMax = 1024 * 1024;
static_assert(kBlocksMax == kRunLengthMax / kBlockSize);

/// Page 0 of a disk: how it was formatted. Never written again.
struct Superblock {
  Uuid incarnation;         ///< Of this formatting.
  Uuid cluster;             ///< Whose disk it is.
  Pages slab_pages = 0;     ///< The longest extent.
  std::uint32_t slabs = 0;  ///< How many there is room for.
  Pages log_pages = 0;      ///< Of each of the two areas of the log, which follow page 0.
  friend bool operator==(const Superblock&, const Superblock&) = default;
};

std::uint64_t log_offset(const Superblock& superblock, std::size_t area);
std::uint64_t slab_offset(const Superblock& superblock, std::uint32_t slab);
std::uint64_t disk_size(const Superblock& superblock);

/// The page before a run's bytes: whose they are and their checksums. It is written in
/// one operation with them.
struct RunHeader {
  Uuid incarnation;
  ExtentNumber extent{};
  Epoch epoch{};
  Run run;
  std::vector<std::uint32_t> blocks;  ///< CRC32C of each block.
  bool lacking = false;               ///< It was stored without the bytes of some blocks.
  friend bool operator==(const RunHeader&, const RunHeader&) = default;
};

/// The header of a run of these bytes; its `run.crc32c` is theirs.
RunHeader describe(const Replicated& replica, Epoch epoch, Pages page, std::string_view bytes);

/// Where compaction put a run: in a slab that many extents share.
struct Spot {
  std::uint32_t slab = 0;
  Pages page = 0;
  friend bool operator==(const Spot&, const Spot&) = default;
};

/// A change of what the node knows of an extent.
struct Record {
  enum class Kind : std::uint8_t {
    place = 1,    ///< `value`: the slab it is in.
    fence = 2,    ///< `value`: the epoch below which nobody may append.
    seal = 3,     ///< `value`: its length in pages; `count`: the runs below.
    release = 4,  ///< `value`: the page of a run that is not needed.
    drop = 5,     ///< Its slab is free; only the fence is kept.
    // Of version 2.
    move = 6,    ///< `value`: a Spot's page << 32 | the page of a run, which is there from now on; `count`: its slab.
    forget = 7,  ///< `value`: the page of a released run that was moved: its spot is free.
    vacate = 8,  ///< Its slab is free: all its runs that are needed were moved.
  };
  Kind kind{};
  ExtentNumber extent{};
  std::uint64_t value = 0;
  std::uint32_t count = 0;
  friend bool operator==(const Record&, const Record&) = default;
};

/// A page of the log.
struct LogPage {
  enum class Kind : std::uint16_t {
    snapshot = 1,  ///< All that holds, more follows.
    complete = 2,  ///< The last page of a snapshot.
    changes = 3,   ///< What changed since.
  };
  Kind kind{};
  std::uint64_t generation = 0;  ///< Of the area's last snapshot.
  Pages sequence = 0;            ///< The page's place in its area.
  Uuid incarnation;
  std::vector<Record> records;
  std::uint16_t version = kDiskVersion;
  friend bool operator==(const LogPage&, const LogPage&) = default;
};

Record moved(ExtentNumber extent, Pages page, Spot to);

inline constexpr std::size_t kRecordSize = 21;
inline constexpr std::size_t kLogHeadSize = 44;
inline constexpr std::size_t kRecordsInPage = (kPageSize - kLogHeadSize) / kRecordSize;

// Each is one page, the rest of it zero. Decoding gives nothing for what encoding cannot have made.
std::string encode_page(const Superblock& superblock);
std::string encode_page(const RunHeader& header);
std::string encode_page(const LogPage& page);
std::optional<Superblock> decode_superblock(std::string_view page);
std::optional<RunHeader> decode_run_header(std::string_view page);
std::optional<LogPage> decode_log_page(std::string_view page);

}  // namespace sluice::rdma

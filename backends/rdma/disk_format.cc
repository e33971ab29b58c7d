#include "backends/rdma/disk_format.h"

#include <algorithm>
#include <cassert>

#include "backends/rdma/bytes.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::uint32_t kSuperblockMagic = 0x44584c53;  // "SLXD"
constexpr std::uint32_t kRunMagic = 0x52584c53;         // "SLXR"
constexpr std::uint32_t kLogMagic = 0x4c584c53;         // "SLXL"
constexpr std::uint64_t kSlabAlignment = 1024 * 1024;

std::string_view text_of(const Uuid& uuid) {
  return {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()};
}

void head(BytesOut& out, std::uint32_t magic, std::uint16_t version = kDiskVersion) {
  out.number(magic);
  out.number(version);
}

// The checksum follows what it covers; zeros follow the checksum.
std::string sealed_page(std::string page) {
  assert(page.size() + sizeof(std::uint32_t) <= kPageSize);
  const std::uint32_t checksum = crc32c(page);
  BytesOut(page).number(checksum);
  page.resize(kPageSize);
  return page;
}

bool has_head(BytesIn& in, std::uint32_t magic) {
  return in.number<std::uint32_t>() == magic && in.number<std::uint16_t>() == kDiskVersion;
}

// `size` bytes are covered; nothing but zeros may be behind the checksum.
bool is_sealed(std::string_view page, std::size_t size) {
  if (page.size() != kPageSize || size + sizeof(std::uint32_t) > kPageSize) return false;
  if (BytesIn(page.substr(size)).number<std::uint32_t>() != crc32c(page.substr(0, size))) return false;
  return page.find_first_not_of('\0', size + sizeof(std::uint32_t)) == std::string_view::npos;
}

bool is_known(Record::Kind kind, std::uint16_t version) {
  const auto last = version == kDiskVersion ? Record::Kind::drop : Record::Kind::vacate;
  return kind >= Record::Kind::place && kind <= last;
}

constexpr std::size_t kSuperblockSize = 4 + 2 + 16 + 16 + 4 + 4 + 4;
constexpr std::size_t kRunHeadSize = 4 + 2 + 2 + 16 + 8 + 8 + 4 + 4 + 4;

std::size_t block_count(std::uint32_t length) { return (length + kBlockSize - 1) / kBlockSize; }

}  // namespace

std::uint64_t log_offset(const Superblock& superblock, std::size_t area) {
  return kPageSize + area * bytes_of(superblock.log_pages);
}

std::uint64_t slab_offset(const Superblock& superblock, std::uint32_t slab) {
  const std::uint64_t end = log_offset(superblock, 2);
  const std::uint64_t first = (end + kSlabAlignment - 1) / kSlabAlignment * kSlabAlignment;
  return first + slab * bytes_of(superblock.slab_pages);
}

std::uint64_t disk_size(const Superblock& superblock) { return slab_offset(superblock, superblock.slabs); }

RunHeader describe(const Replicated& replica, Epoch epoch, Pages page, std::string_view bytes) {
  RunHeader header{.incarnation = replica.incarnation,
                   .extent = replica.extent,
                   .epoch = epoch,
                   .run = {page, static_cast<std::uint32_t>(bytes.size()), 0},
                   .blocks = {}};
  for (std::size_t at = 0; at < bytes.size(); at += kBlockSize) {
    const auto block = bytes.substr(at, kBlockSize);
    header.blocks.push_back(crc32c(block));
    header.run.crc32c =
        at == 0 ? header.blocks.back() : combine_crc32c(header.run.crc32c, header.blocks.back(), block.size());
  }
  return header;
}

std::string encode_page(const Superblock& superblock) {
  std::string page;
  BytesOut out(page);
  head(out, kSuperblockMagic);
  out.text(text_of(superblock.incarnation));
  out.text(text_of(superblock.cluster));
  out.number(superblock.slab_pages);
  out.number(superblock.slabs);
  out.number(superblock.log_pages);
  return sealed_page(std::move(page));
}

std::optional<Superblock> decode_superblock(std::string_view page) {
  BytesIn in(page);
  if (!has_head(in, kSuperblockMagic) || !is_sealed(page, kSuperblockSize)) return std::nullopt;
  Superblock superblock;
  in.copy(superblock.incarnation.bytes.data(), superblock.incarnation.bytes.size());
  in.copy(superblock.cluster.bytes.data(), superblock.cluster.bytes.size());
  superblock.slab_pages = in.number<Pages>();
  superblock.slabs = in.number<std::uint32_t>();
  superblock.log_pages = in.number<Pages>();
  return superblock;
}

std::string encode_page(const RunHeader& header) {
  assert(header.blocks.size() == block_count(header.run.length));
  std::string page;
  BytesOut out(page);
  head(out, kRunMagic, header.lacking ? kLackingVersion : kDiskVersion);
  out.number(static_cast<std::uint16_t>(header.blocks.size()));
  out.text(text_of(header.incarnation));
  out.number(header.extent);
  out.number(header.epoch);
  out.number(header.run.page);
  out.number(header.run.length);
  out.number(header.run.crc32c);
  for (const std::uint32_t block : header.blocks) out.number(block);
  return sealed_page(std::move(page));
}

std::optional<RunHeader> decode_run_header(std::string_view page) {
  BytesIn in(page);
  if (in.number<std::uint32_t>() != kRunMagic) return std::nullopt;
  const auto version = in.number<std::uint16_t>();
  if (version != kDiskVersion && version != kLackingVersion) return std::nullopt;
  RunHeader header;
  header.lacking = version == kLackingVersion;
  header.blocks.resize(in.number<std::uint16_t>());
  if (header.blocks.size() > kBlocksMax) return std::nullopt;
  if (!is_sealed(page, kRunHeadSize + header.blocks.size() * sizeof(std::uint32_t))) return std::nullopt;
  in.copy(header.incarnation.bytes.data(), header.incarnation.bytes.size());
  header.extent = in.number<ExtentNumber>();
  header.epoch = in.number<Epoch>();
  header.run.page = in.number<Pages>();
  header.run.length = in.number<std::uint32_t>();
  header.run.crc32c = in.number<std::uint32_t>();
  for (std::uint32_t& block : header.blocks) block = in.number<std::uint32_t>();
  if (header.run.length > kRunLengthMax || header.blocks.size() != block_count(header.run.length)) return std::nullopt;
  return header;
}

Record moved(ExtentNumber extent, Pages page, Spot to) {
  return {Record::Kind::move, extent, std::uint64_t{to.page} << 32 | page, to.slab};
}

std::string encode_page(const LogPage& log) {
  assert(log.records.size() <= kRecordsInPage);
  std::string page;
  BytesOut out(page);
  head(out, kLogMagic, log.version);
  out.number(log.kind);
  out.number(log.generation);
  out.number(log.sequence);
  out.number(static_cast<std::uint32_t>(log.records.size()));
  out.text(text_of(log.incarnation));
  for (const Record& record : log.records) {
    out.number(record.kind);
    out.number(record.extent);
    out.number(record.value);
    out.number(record.count);
  }
  return sealed_page(std::move(page));
}

std::optional<LogPage> decode_log_page(std::string_view page) {
  BytesIn in(page);
  LogPage log;
  if (in.number<std::uint32_t>() != kLogMagic) return std::nullopt;
  log.version = in.number<std::uint16_t>();
  if (log.version < kDiskVersion || log.version > kCompactedVersion) return std::nullopt;
  log.kind = in.number<LogPage::Kind>();
  log.generation = in.number<std::uint64_t>();
  log.sequence = in.number<Pages>();
  const auto count = in.number<std::uint32_t>();
  if (count > kRecordsInPage) return std::nullopt;
  if (!is_sealed(page, kLogHeadSize - sizeof(std::uint32_t) + count * kRecordSize)) return std::nullopt;
  in.copy(log.incarnation.bytes.data(), log.incarnation.bytes.size());
  if (log.kind < LogPage::Kind::snapshot || log.kind > LogPage::Kind::changes) return std::nullopt;
  for (std::uint32_t n = 0; n < count; ++n) {
    Record record;
    record.kind = in.number<Record::Kind>();
    record.extent = in.number<ExtentNumber>();
    record.value = in.number<std::uint64_t>();
    record.count = in.number<std::uint32_t>();
    if (!is_known(record.kind, log.version)) return std::nullopt;
    log.records.push_back(record);
  }
  return log;
}

}  // namespace sluice::rdma

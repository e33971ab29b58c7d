#include "backends/rdma/disk.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "backends/rdma/disk_io.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr Pages kLogPagesMin = 4;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw std::runtime_error(path.string() + ": " + why);
}

// Past the page cache where the file system can: what is read is what the device has.
int open_disk(const std::filesystem::path& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_RDWR | O_CLOEXEC | O_DIRECT, 0600);
  if (fd < 0 && errno == EINVAL) fd = ::open(path.c_str(), flags | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) refuse(path, std::strerror(errno));
  return fd;
}

void write_blocking(int fd, const std::filesystem::path& path, std::string_view bytes, std::uint64_t offset) {
  const Chunk memory = aligned_chunk(bytes);
  const auto written = ::pwrite(fd, memory.bytes().data(), memory.size(), static_cast<off_t>(offset));
  if (written != static_cast<ssize_t>(memory.size())) refuse(path, "cannot write");
}

Superblock superblock_for(const std::filesystem::path& path, const DiskLayout& layout) {
  Superblock superblock{.incarnation = Uuid::random(),
                        .cluster = layout.cluster,
                        .slab_pages = static_cast<Pages>(layout.slab_size / kPageSize),
                        .slabs = 0,
                        .log_pages = static_cast<Pages>(layout.log_size / kPageSize)};
  if (superblock.slab_pages < pages_for(kRunLengthMax) + 1) refuse(path, "slabs are shorter than the longest run");
  if (superblock.log_pages < kLogPagesMin) refuse(path, "the log is too short");
  const std::uint64_t head = slab_offset(superblock, 0);
  if (layout.size < head + layout.slab_size) refuse(path, "too small for one slab");
  superblock.slabs = static_cast<std::uint32_t>((layout.size - head) / bytes_of(superblock.slab_pages));
  return superblock;
}

Superblock read_superblock(int fd, const std::filesystem::path& path) {
  const auto superblock = decode_superblock(read_blocking(fd, 0, kPageSize));
  if (!superblock) refuse(path, "not a Sluice disk, or of another version");
  return *superblock;
}

std::set<Pages> pages_of_all(const std::vector<Run>& runs) {
  std::set<Pages> pages;
  for (const Run& run : runs) pages.insert(run.page);
  return pages;
}

// Makes the extent one that is not sealed, with what was released of these runs alone. What was released of
// others would count as if it were of those that take their place.
std::vector<Record> kept_releases(ExtentNumber extent, const ExtentEntry& entry, std::uint32_t slab,
                                  const std::set<Pages>& runs) {
  std::vector<Record> changes{{Record::Kind::place, extent, slab, 0}};
  for (const Pages page : entry.released) {
    if (runs.contains(page)) changes.push_back({Record::Kind::release, extent, page, 0});
  }
  return changes;
}

bool is_whole(const RunHeader& header, std::string_view bytes) {
  for (std::size_t n = 0; n < header.blocks.size(); ++n) {
    if (crc32c(bytes.substr(n * kBlockSize, kBlockSize)) != header.blocks[n]) return false;
  }
  return true;
}

}  // namespace

void Disk::format(const std::filesystem::path& path, const DiskLayout& layout, bool overwrite) {
  const Superblock superblock = superblock_for(path, layout);
  const IoFile file(open_disk(path, O_CREAT));
  if (!overwrite && decode_superblock(read_blocking(file.fd(), 0, kPageSize))) {
    refuse(path, "is a Sluice disk already");
  }
  struct stat info{};
  if (::fstat(file.fd(), &info) != 0) refuse(path, std::strerror(errno));
  if (S_ISREG(info.st_mode) && ::ftruncate(file.fd(), static_cast<off_t>(disk_size(superblock))) != 0) {
    refuse(path, std::strerror(errno));
  }
  // The superblock last: until it is there, this is no disk.
  Pages sequence = 0;
  for (const auto& page : DiskLog::first_pages(superblock)) {
    write_blocking(file.fd(), path, page, log_offset(superblock, 0) + bytes_of(sequence++));
  }
  if (::fsync(file.fd()) != 0) refuse(path, std::strerror(errno));
  write_blocking(file.fd(), path, encode_page(superblock), 0);
  if (::fsync(file.fd()) != 0) refuse(path, std::strerror(errno));
}

Disk::Disk(const std::filesystem::path& path, const Executor& executor, DiskOptions options)
    : file_(std::make_shared<IoFile>(open_disk(path, 0))),
      superblock_(read_superblock(file_->fd(), path)),
      table_(superblock_.slabs),
      flush_(file_, executor),
      options_(std::move(options)) {
  auto replayed = DiskLog::replay(file_->fd(), superblock_);
  table_ = std::move(replayed.table);
  log_ = std::make_unique<DiskLog>(superblock_, replayed, table_, file_, flush_, executor);
  for (const auto& [extent, entry] : table_.extents()) {
    if (!entry.sealed) scan(extent, entry);
  }
  // What the scan found may be in the page cache alone, after a kill -9: no answer may rest on that.
  if (::fdatasync(file_->fd()) != 0) refuse(path, std::strerror(errno));
}

// Takes the runs from the beginning on whose every byte is there.
void Disk::scan(ExtentNumber extent, const ExtentEntry& entry) {
  std::vector<Run> runs;
  Pages next = 0;
  while (entry.slab && next < superblock_.slab_pages) {
    const auto offset = slab_offset(superblock_, *entry.slab) + bytes_of(next);
    const auto header = decode_run_header(read_blocking(file_->fd(), offset, kPageSize));
    if (!header || header->incarnation != superblock_.incarnation || header->extent != extent) break;
    if (header->run.page != next || end_of(header->run) > superblock_.slab_pages) break;
    // The bytes of a released run may have been given back.
    if (!entry.released.contains(next) &&
        !is_whole(*header, read_blocking(file_->fd(), offset + kPageSize, header->run.length))) {
      break;
    }
    runs.push_back(header->run);
    next = end_of(header->run);
  }
  replicas_.insert_or_assign(extent, Replica(entry.fence, runs));
}

bool Disk::failed() const { return !log_->failed() || !flush_.failed(); }

// One that was dropped keeps its fence.
Replica& Disk::replica(ExtentNumber extent) {
  const auto known = replicas_.find(extent);
  if (known != replicas_.end()) return known->second;
  const ExtentEntry* entry = table_.find(extent);
  return replicas_.emplace(extent, entry == nullptr ? Replica() : Replica(entry->fence, {})).first->second;
}

std::optional<std::uint64_t> Disk::where(ExtentNumber extent, Pages page) const {
  const ExtentEntry* entry = table_.find(extent);
  if (entry == nullptr || page >= superblock_.slab_pages) return std::nullopt;
  const auto moved = entry->moved.find(page);
  if (moved != entry->moved.end()) return slab_offset(superblock_, moved->second.slab) + bytes_of(moved->second.page);
  if (!entry->slab) return std::nullopt;
  return slab_offset(superblock_, *entry->slab) + bytes_of(page);
}

// Applied at once, so that whatever comes next sees it; answered when it is durable.
Task<> Disk::change(std::vector<Record> records) {
  for (const Record& record : records) table_.apply(record);
  co_return co_await log_->append(std::move(records));
}

Task<> Disk::write(ExtentNumber extent, Run run, Chunk image) {
  const ExtentEntry* entry = table_.find(extent);
  CO_TRY(log_->failed());
  Result<> placed;
  if (entry == nullptr || !entry->slab) {
    const auto slab = table_.free_slab();
    if (!slab) co_return fail(ErrorCode::out_of_space, "no free slab");
    placed = co_await change({{Record::Kind::place, extent, *slab, 0}});
  }
  CO_TRY(std::move(placed));
  const auto offset = where(extent, run.page);
  if (!offset || image.size() != bytes_of(pages_of(run))) co_return fail(ErrorCode::internal, "run image");
  CO_TRY(co_await write_fully(file_, std::move(image), *offset));
  co_return co_await flush_.flush();
}

Task<> Disk::fence(ExtentNumber extent, Epoch epoch) {
  co_return co_await change({{Record::Kind::fence, extent, static_cast<std::uint64_t>(epoch), 0}});
}

Task<> Disk::seal(ExtentNumber extent, Pages pages) {
  const ExtentEntry* entry = table_.find(extent);
  if (entry != nullptr && entry->sealed) co_return done;
  std::set<Pages> runs;
  for (const auto& [page, state] : replica(extent).runs()) {
    if (end_of(state.run) <= pages) runs.insert(page);
  }
  std::vector<Record> changes;
  const bool is_stale = entry != nullptr && entry->slab && !std::ranges::includes(runs, entry->released);
  if (is_stale) changes = kept_releases(extent, *entry, *entry->slab, runs);
  changes.push_back({Record::Kind::seal, extent, pages, static_cast<std::uint32_t>(runs.size())});
  CO_TRY(co_await change(std::move(changes)));
  replicas_.erase(extent);
  co_return co_await drop_if_empty(extent);
}

Task<> Disk::release(ExtentNumber extent, Pages page) {
  const ExtentEntry* before = table_.find(extent);
  if (before == nullptr || !before->holds() || before->released.contains(page)) co_return done;
  // What compaction left behind was released.
  if (!before->slab && !before->moved.contains(page)) co_return done;
  CO_TRY(const RunHeader found, co_await header(extent, page));
  if (before->sealed && page >= before->sealed->pages) co_return fail(ErrorCode::corrupt, "no such run");
  CO_TRY(co_await change({{Record::Kind::release, extent, page, 0}}));
  const ExtentEntry& entry = *table_.find(extent);
  if (!entry.holds()) co_return done;
  if (!entry.is_empty()) co_return co_await punch(extent, found.run);
  co_return co_await drop_if_empty(extent);
}

// The slab is free for others only once it is known for good that nothing in it is needed, and no hole
// can come late, and into another extent.
Task<> Disk::drop_if_empty(ExtentNumber extent) {
  while (is_busy(extent)) {
    CO_TRY(co_await punched_.wait());
  }
  const ExtentEntry* entry = table_.find(extent);
  if (!entry->holds() || !entry->is_empty()) co_return done;
  co_return co_await drop_now(extent);
}

// Applied when it is durable: until then the slab is nobody else's, and what is in it goes nowhere.
Task<> Disk::drop_now(ExtentNumber extent) {
  const Record drop{Record::Kind::drop, extent, 0, 0};
  moving_.insert(extent);
  auto outcome = co_await log_->append({drop});
  if (outcome) table_.apply(drop);
  moving_.erase(extent);
  punched_.finish(done);
  co_return outcome;
}

Task<> Disk::drop(ExtentNumber extent) {
  const ExtentEntry* entry = table_.find(extent);
  if (entry == nullptr || !entry->holds()) co_return done;
  if (is_busy(extent)) co_return fail(ErrorCode::busy, "space is being given back");
  if (!entry->sealed) {
    if (is_appended_to(extent)) co_return fail(ErrorCode::busy, "an append is under way");
    co_return co_await seal(extent, 0);
  }
  co_return co_await drop_now(extent);
}

bool Disk::is_appended_to(ExtentNumber extent) {
  return std::ranges::any_of(replica(extent).runs(),
                             [](const auto& run) { return run.second.where == Replica::State::Where::under_way; });
}

// Runs that were given back may have lost their bytes: of those that are kept that is known still.
Task<> Disk::begin_anew(ExtentNumber extent, Epoch epoch, const std::vector<Run>& kept) {
  const ExtentEntry* entry = table_.find(extent);
  if (entry == nullptr || !entry->holds()) co_return co_await fence(extent, epoch);
  if (is_busy(extent)) co_return fail(ErrorCode::busy, "space is being given back");
  if (!entry->sealed && is_appended_to(extent)) co_return fail(ErrorCode::busy, "an append is under way");
  std::optional<std::uint32_t> slab = entry->slab;
  if (!slab) {
    CO_TRY(slab, co_await gather(extent));
  }
  auto changes = kept_releases(extent, *entry, *slab, pages_of_all(kept));
  changes.push_back({Record::Kind::fence, extent, static_cast<std::uint64_t>(epoch), 0});
  for (const Record& one : changes) table_.apply(one);
  table_.give_up(*slab);
  replicas_.insert_or_assign(extent, Replica(table_.find(extent)->fence, kept));
  co_return co_await log_->append(std::move(changes));
}

Task<> Disk::punch(ExtentNumber extent, const Run& run) {
  const auto header = where(extent, run.page);
  if (!header || run.length == 0) co_return done;
  ++punching_[extent];
  if (options_.before_hole) co_await options_.before_hole();
  co_await punch(*header + kPageSize, bytes_of(pages_for(run.length)));
  if (--punching_[extent] == 0) punching_.erase(extent);
  punched_.finish(done);
  co_return done;
}

// A file gives the bytes back to its file system; a partition, or an old file system, does not.
Awaitable<> Disk::punch(std::uint64_t offset, std::uint64_t size) {
  if (!options_.punches) co_return;
  IoRing& ring = IoRing::of(co_await boost::asio::this_coro::executor);
  co_await IoOperation::wait(ring.fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size));
}

Task<std::optional<Run>> Disk::run_at(ExtentNumber extent, Pages page) {
  CO_TRY(const auto header, co_await header_at(extent, page));
  co_return header ? std::optional(header->run) : std::nullopt;
}

Task<std::optional<RunHeader>> Disk::header_at(ExtentNumber extent, Pages page) {
  Chunk memory = aligned_memory(kPageSize);
  while (true) {
    const auto offset = where(extent, page);
    if (!offset) co_return std::optional<RunHeader>{};
    CO_TRY(co_await read_fully(file_, memory, *offset));
    auto header = decode_run_header(memory.text());
    const bool right = header && header->incarnation == superblock_.incarnation && header->extent == extent &&
                       header->run.page == page;
    if (right && end_of(header->run) <= superblock_.slab_pages) co_return header;
    if (where(extent, page) == offset) co_return std::optional<RunHeader>{};
  }
}

Task<bool> Disk::has(ExtentNumber extent, Run run) {
  CO_TRY(const auto there, co_await run_at(extent, run.page));
  if (there != run) co_return false;
  const auto found = co_await header(extent, run.page);
  if (!found || found->lacking) co_return false;
  if (run.length > 0 && !co_await read(*found, 0, run.length, aligned_memory(bytes_of(pages_for(run.length))))) {
    co_return false;
  }
  // It may have been written without being answered for.
  CO_TRY(co_await flush_.flush());
  co_return true;
}

// What compaction moves meanwhile is read once more, from where it is then.
Task<RunHeader> Disk::header(ExtentNumber extent, Pages page) {
  Chunk memory = aligned_memory(kPageSize);
  while (true) {
    const ExtentEntry* entry = table_.find(extent);
    const auto offset = where(extent, page);
    if (!offset || entry->released.contains(page)) co_return fail(ErrorCode::corrupt, "no such run");
    CO_TRY(co_await read_fully(file_, memory, *offset));
    auto header = decode_run_header(memory.text());
    const bool right = header && header->incarnation == superblock_.incarnation && header->extent == extent &&
                       header->run.page == page;
    if (right) co_return *std::move(header);
    if (where(extent, page) == offset) co_return fail(ErrorCode::corrupt, "no such run");
  }
}

Task<std::vector<Run>> Disk::list(ExtentNumber extent, Pages from, std::size_t count) {
  std::vector<Run> runs;
  const ExtentEntry* entry = table_.find(extent);
  if (entry != nullptr && entry->sealed && !entry->holds()) co_return runs;
  if (entry == nullptr || !entry->holds()) co_return fail(ErrorCode::corrupt, "no such extent");
  if (!entry->sealed) {
    for (auto run = replica(extent).runs().lower_bound(from); run != replica(extent).runs().end(); ++run) {
      if (runs.size() == count) break;
      const bool there = end_of(run->second.run) <= replica(extent).durable() && !entry->released.contains(run->first);
      if (there) runs.push_back(run->second.run);
    }
    co_return runs;
  }
  // Headers say where the next one is; those of released runs are still there, until it is compacted: then it is
  // known where each is.
  const Pages end = entry->sealed->pages;
  for (Pages page = from; page < end && runs.size() < count;) {
    if (!entry->slab) {
      const auto next = entry->moved.lower_bound(page);
      if (next == entry->moved.end()) break;
      page = next->first;
    }
    CO_TRY(const auto run, co_await run_at(extent, page));
    if (!entry->holds()) co_return std::vector<Run>{};
    if (!run && entry->slab) co_return fail(ErrorCode::corrupt, "a run's header");
    if (!run && entry->is_needed(page)) co_return fail(ErrorCode::corrupt, "a run's header");
    if (run && entry->is_needed(page)) runs.push_back(*run);
    page = run ? end_of(*run) : page + 1;
  }
  co_return runs;
}

Task<std::size_t> Disk::read(const RunHeader& header, std::uint32_t offset, std::uint32_t length, Chunk memory) {
  if (length == 0 || offset > header.run.length || length > header.run.length - offset) {
    co_return fail(ErrorCode::corrupt, "beyond the run");
  }
  const std::uint32_t first = offset / kBlockSize, last = (offset + length - 1) / kBlockSize;
  const std::uint32_t begin = first * kBlockSize;
  const std::uint32_t end = std::min(header.run.length, (last + 1) * kBlockSize);
  const std::uint64_t size = bytes_of(pages_for(end - begin));
  if (memory.size() < size) co_return fail(ErrorCode::internal, "memory for a read");
  const Chunk blocks = memory.slice(0, size);
  const auto is_right = [&](std::uint32_t n) {
    const auto bytes = blocks.text().substr(0, end - begin);
    return crc32c(bytes.substr((n - first) * kBlockSize, kBlockSize)) == header.blocks[n];
  };
  while (true) {
    const auto from = where(header.extent, header.run.page);
    if (!from) co_return fail(ErrorCode::corrupt, "no such run");
    CO_TRY(co_await read_fully(file_, blocks, *from + kPageSize + begin));
    std::uint32_t n = first;
    while (n <= last && is_right(n)) ++n;
    if (n > last) co_return offset - begin;
    // Unless compaction moved it meanwhile.
    if (where(header.extent, header.run.page) == from) co_return fail(ErrorCode::corrupt, "a block's checksum");
  }
}

}  // namespace sluice::rdma

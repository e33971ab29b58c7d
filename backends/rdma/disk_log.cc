#include "backends/rdma/disk_log.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "backends/rdma/disk_io.h"

namespace sluice::rdma {
namespace {

struct Area {
  std::uint16_t version = 0;
  std::uint64_t generation = 0;
  Pages next = 0;
  std::vector<Record> records;
  bool complete = false;
};

// The pages of one area, as far as they follow each other.
Area read_area(int fd, const Superblock& superblock, std::size_t number) {
  Area area;
  for (Pages sequence = 0; sequence < superblock.log_pages; ++sequence) {
    const auto page =
        decode_log_page(read_blocking(fd, log_offset(superblock, number) + bytes_of(sequence), kPageSize));
    if (!page || page->incarnation != superblock.incarnation || page->sequence != sequence) break;
    if (sequence == 0) area.version = page->version;
    if (sequence == 0) area.generation = page->generation;
    if (page->generation != area.generation || page->version != area.version) break;
    if (area.complete != (page->kind == LogPage::Kind::changes)) break;
    if (page->kind == LogPage::Kind::complete) area.complete = true;
    area.records.insert(area.records.end(), page->records.begin(), page->records.end());
    area.next = sequence + 1;
  }
  return area;
}

std::vector<std::vector<Record>> cut(const std::vector<Record>& records) {
  std::vector<std::vector<Record>> pages;
  for (std::size_t at = 0; at < records.size(); at += kRecordsInPage) {
    const auto end = std::min(records.size(), at + kRecordsInPage);
    pages.emplace_back(records.begin() + static_cast<std::ptrdiff_t>(at),
                       records.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return pages;
}

}  // namespace

DiskLog::Replayed DiskLog::replay(int fd, const Superblock& superblock) {
  Replayed found{.table = DiskTable(superblock.slabs)};
  std::array<std::uint16_t, 2> versions{};
  for (std::size_t number : {0U, 1U}) {
    const Area area = read_area(fd, superblock, number);
    versions[number] = area.version;
    if (!area.complete || area.generation <= found.generation) continue;
    found = {.table = DiskTable(superblock.slabs), .area = number, .generation = area.generation, .next = area.next};
    for (const Record& record : area.records) found.table.apply(record);
  }
  found.versions = versions;
  if (found.generation == 0) throw std::runtime_error("the disk's log is unreadable");
  return found;
}

std::vector<std::string> DiskLog::first_pages(const Superblock& superblock) {
  return {encode_page(LogPage{.kind = LogPage::Kind::complete,
                              .generation = 1,
                              .sequence = 0,
                              .incarnation = superblock.incarnation,
                              .records = {}})};
}

DiskLog::DiskLog(const Superblock& superblock, const Replayed& from, const DiskTable& table, IoFilePtr file,
                 DiskFlush& flush, const Executor& executor)
    : superblock_(superblock),
      table_(table),
      file_(std::move(file)),
      flush_(flush),
      executor_(executor),
      area_(from.area),
      generation_(from.generation),
      next_(from.next),
      versions_(from.versions) {}

Task<> DiskLog::append(std::vector<Record> records) {
  if (!failed_) co_return failed_;
  pending_.insert(pending_.end(), records.begin(), records.end());
  if (!std::exchange(running_, true)) {
    // Posted: it looks for those who wait, and this one does not yet.
    boost::asio::post(executor_, [this] { boost::asio::co_spawn(executor_, run(), boost::asio::detached); });
  }
  co_return co_await waiting_.wait();
}

Awaitable<> DiskLog::run() {
  while (!pending_.empty()) {
    Waiters served = std::exchange(waiting_, {});
    auto records = std::exchange(pending_, {});
    if (failed_) failed_ = co_await write(std::move(records));
    served.finish(failed_);
  }
  running_ = false;
}

Task<> DiskLog::write(std::vector<Record> records) {
  const bool is_newer = std::ranges::any_of(records, [](const Record& one) { return one.kind > Record::Kind::drop; });
  if (is_newer || versions_[area_] == kCompactedVersion) {
    CO_TRY(co_await make_current());
  }
  auto pages = cut(records);
  if (pages.size() > superblock_.log_pages - next_) {
    CO_TRY(co_await begin_area());
    if (pages.size() > superblock_.log_pages - next_) co_return fail(ErrorCode::out_of_space, "the disk's log");
  }
  for (auto& page : pages) {
    CO_TRY(co_await write_page(LogPage::Kind::changes, std::move(page)));
  }
  co_return co_await flush_.flush();
}

Task<> DiskLog::write_page(LogPage::Kind kind, std::vector<Record> records) {
  const LogPage page{.kind = kind,
                     .generation = generation_,
                     .sequence = next_,
                     .incarnation = superblock_.incarnation,
                     .records = std::move(records),
                     .version = versions_[area_]};
  const auto offset = log_offset(superblock_, area_) + bytes_of(next_++);
  co_return co_await write_fully(file_, aligned_chunk(encode_page(page)), offset);
}

// No area of the version before is left.
Task<> DiskLog::make_current() {
  while (versions_[0] != kCompactedVersion || versions_[1] != kCompactedVersion) {
    versions_[1 - area_] = kCompactedVersion;
    CO_TRY(co_await begin_area());
  }
  co_return done;
}

// The old area stays as it is until this one is whole: a crash in between falls back to it.
Task<> DiskLog::begin_area() {
  auto pages = cut(table_.snapshot());
  if (pages.empty()) pages.emplace_back();
  if (pages.size() >= superblock_.log_pages) co_return fail(ErrorCode::out_of_space, "the disk's log");
  versions_[1 - area_] = std::max(versions_[1 - area_], versions_[area_]);
  area_ = 1 - area_;
  ++generation_;
  next_ = 0;
  for (std::size_t n = 0; n < pages.size(); ++n) {
    const auto kind = n + 1 == pages.size() ? LogPage::Kind::complete : LogPage::Kind::snapshot;
    CO_TRY(co_await write_page(kind, std::move(pages[n])));
  }
  co_return co_await flush_.flush();
}

}  // namespace sluice::rdma

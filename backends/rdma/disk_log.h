#pragma once

#include <array>
#include <vector>

#include "backends/rdma/disk_flush.h"
#include "backends/rdma/disk_table.h"
#include "gateway/core/chunk.h"

namespace sluice::rdma {

/// The log of a disk: where a DiskTable survives. Two areas; when one is full, the whole
/// table goes into the other. A page is written once, so that a torn write can only cost
/// what nobody was told. Of one thread.
///
/// Its version rises with the first record that needs it. Then both areas are begun anew before that is
/// answered, so that who knows only the version before finds nothing that it could take for the truth.
class DiskLog {
 public:
  /// Where the log goes on, and what it says so far.
  struct Replayed {
    DiskTable table;
    std::size_t area = 0;
    std::uint64_t generation = 0;
    Pages next = 0;
    std::array<std::uint16_t, 2> versions{};  ///< Of each area's pages.
  };

  /// Reads both areas, blocking. Throws std::runtime_error if neither has a whole snapshot.
  static Replayed replay(int fd, const Superblock& superblock);

  /// What a disk that was just formatted has in its first area. Throws std::length_error.
  static std::vector<std::string> first_pages(const Superblock& superblock);

  /// `table` is where changes have been applied already; it must outlive the log.
  DiskLog(const Superblock& superblock, const Replayed& from, const DiskTable& table, IoFilePtr file, DiskFlush& flush,
          const Executor& executor);

  /// Returns when the records, and all before them, are durable. Many share one write.
  Task<> append(std::vector<Record> records);

  /// Why nothing more can be made durable, once something could not be.
  const Result<>& failed() const { return failed_; }

  /// Records that there is room for in an area.
  std::size_t capacity() const { return superblock_.log_pages * kRecordsInPage; }

 private:
  Awaitable<> run();
  Task<> write(std::vector<Record> records);
  Task<> write_page(LogPage::Kind kind, std::vector<Record> records);
  Task<> begin_area();
  Task<> make_current();

  const Superblock superblock_;
  const DiskTable& table_;
  IoFilePtr file_;
  DiskFlush& flush_;
  Executor executor_;
  std::size_t area_;
  std::uint64_t generation_;
  Pages next_;
  std::array<std::uint16_t, 2> versions_;
  std::vector<Record> pending_;
  Waiters waiting_;
  bool running_ = false;
  Result<> failed_;
};

}  // namespace sluice::rdma

#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "gateway/core/log.h"

namespace sluice::local {

/// Has RocksDB compact the ranges in which reads step over very many removed rows: a removal stays a
/// row until a compaction comes by, which where nothing is written any more would be never, and
/// each listing there would pay for all that was ever removed. Safe for concurrent use.
class RemovedRows {
 public:
  static constexpr std::uint64_t kSteppedOverMax = 10'000;

  /// Between two requests `pause` goes by, since a compaction takes its time.
  RemovedRows(rocksdb::DB& database, Log& log, std::chrono::milliseconds pause = std::chrono::seconds(5))
      : database_(database), log_(log), pause_(pause) {}

  /// How many removed rows the iterators of this thread have stepped over so far.
  static std::uint64_t stepped_over();

  /// Tells of a read in `family` from `begin` on, up to `end` (empty: no bound), that stepped over
  /// `count` removed rows. It does not wait for the compaction.
  void tell(rocksdb::ColumnFamilyHandle& family, std::string_view begin, std::string_view end, std::uint64_t count);

 private:
  using Clock = std::chrono::steady_clock;

  rocksdb::DB& database_;
  Log& log_;
  const Clock::duration pause_;
  std::atomic<Clock::rep> next_ = 0;  ///< Not before that.
};

}  // namespace sluice::local

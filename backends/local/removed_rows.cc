#include "backends/local/removed_rows.h"

#include <rocksdb/experimental.h>
#include <rocksdb/perf_context.h>

namespace sluice::local {

std::uint64_t RemovedRows::stepped_over() { return rocksdb::get_perf_context()->internal_delete_skipped_count; }

void RemovedRows::tell(rocksdb::ColumnFamilyHandle& family, std::string_view begin, std::string_view end,
                       std::uint64_t count) {
  if (count < kSteppedOverMax) return;
  const auto now = Clock::now().time_since_epoch();
  auto next = next_.load();
  if (now.count() < next || !next_.compare_exchange_strong(next, (now + pause_).count())) return;

  const rocksdb::Slice first(begin);
  const rocksdb::Slice last(end);
  // What this compacts goes down one level; the reads that still find much to step over say so again.
  const auto suggested =
      rocksdb::experimental::SuggestCompactRange(&database_, &family, &first, end.empty() ? nullptr : &last);
  if (suggested.ok()) {
    log_.info("index_removed_rows", {{"stepped_over", count}});
  } else {
    log_.warning("index_removed_rows", {{"detail", std::string_view(suggested.ToString())}});
  }
}

}  // namespace sluice::local

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "gateway/object/listing.h"
#include "gateway/object/versions.h"

namespace sluice::object {
namespace {

constexpr std::size_t kRowsAtOnce = 1000;

// The states of one key come newest first; what fits of the page's are kept, the oldest.
class StateLister {
 public:
  explicit StateLister(const StateListOptions& options) : options_(options) {}

  // False: the page is full.
  bool take(VersionEntry entry) {
    if (is_tombstone(entry.info)) tombstone_ = entry;
    if (entry.info.delete_marker) return true;
    if (entry.info.soft_deleted && !take_deleted(entry)) return true;
    if (!group_.empty() && group_.front().name != entry.name && !flush()) return false;
    if (entry.is_prefix) return append(std::move(entry));
    if (group_.empty() && room() == 0) return stop();
    if (entry.name == options_.key_after && age_of(entry) <= options_.age_after) return true;
    group_.push_front(std::move(entry));
    if (group_.size() > room()) {
      group_.pop_back();
      cut_ = true;
    }
    return true;
  }

  // What is at hand goes into the page. False: it is full, and something is left out.
  bool flush() {
    for (auto& entry : group_) page_.entries.push_back(std::move(entry));
    group_.clear();
    page_.truncated = cut_;
    return !cut_;
  }

  StatePage take_page() { return std::move(page_); }

 private:
  // What was current is shown as that. False: it is not wanted.
  bool take_deleted(VersionEntry& entry) const {
    const bool was_current =
        entry.info.snapshot != 0 && entry.name == tombstone_.name && entry.info.snapshot == tombstone_.info.snapshot;
    if (was_current) {
      entry.info.snapshot = 0;
      entry.is_latest = true;
      return true;
    }
    return entry.info.snapshot != 0 ? options_.snapshots : options_.versions;
  }

  std::size_t room() const { return options_.limit - page_.entries.size(); }

  bool append(VersionEntry entry) {
    if (room() == 0) return stop();
    page_.entries.push_back(std::move(entry));
    return true;
  }

  bool stop() {
    page_.truncated = true;
    return false;
  }

  const StateListOptions& options_;
  StatePage page_;
  std::deque<VersionEntry> group_;  ///< The oldest first.
  bool cut_ = false;                ///< Newer ones were left out.
  VersionEntry tombstone_;          ///< The last one met.
};

VersionListOptions first_rows(const StateListOptions& options) {
  VersionListOptions rows{.prefix = options.prefix,
                          .delimiter = options.delimiter,
                          .key_after = options.key_after,
                          .revision_after = 0,
                          .limit = kRowsAtOnce,
                          .versions = options.versions,
                          .snapshots = options.snapshots,
                          .deleted_at = options.deleted_at,
                          .deleted_only = options.deleted_only,
                          .from = options.from};
  // Of a key that the page before left unfinished all states are read again, from the newest on.
  if (options.age_after != kAgeMax) rows.revision_after = std::numeric_limits<std::uint64_t>::max();
  return rows;
}

}  // namespace

std::uint64_t age_of(const VersionEntry& entry) { return entry.is_latest ? kAgeMax : entry.position(); }

Task<StatePage> list_states(Backend backend, const RequestContext& context, const std::string& bucket,
                            const StateListOptions& options) {
  StateLister lister(options);
  auto rows = first_rows(options);
  for (;;) {
    CO_TRY(auto page, co_await list_versions(backend, context, bucket, rows));
    if (page.truncated) page.go_on(rows);
    for (VersionEntry& entry : page.entries) {
      if (!lister.take(std::move(entry))) co_return lister.take_page();
    }
    if (!page.truncated) break;
  }
  lister.flush();
  co_return lister.take_page();
}

}  // namespace sluice::object

#include "gateway/object/live_extents.h"

#include <algorithm>
#include <deque>

#include "gateway/object/catalog.h"

namespace sluice::object {
namespace {

constexpr std::size_t kPageRows = 1000;

class IndexedExtents : public LiveExtents {
 public:
  explicit IndexedExtents(Index& index) : index_(index) {}

  Task<std::optional<Extent>> next() override {
    while (page_.empty() && !exhausted_) {
      CO_TRY(co_await read_page());
    }
    if (page_.empty()) co_return std::optional<Extent>{};
    const auto extent = page_.front();
    page_.pop_front();
    co_return extent;
  }

 private:
  // Both kinds of rows at one snapshot: an extent goes from the one to the other in
  // one commit, and would be in neither if they were read one after the other.
  Task<> read_page() {
    const auto transaction = index_.begin();
    CO_TRY(const auto live,
           co_await transaction->scan({extent_key(ExtentId{next_}), successor(rows::kExtents)}, kPageRows));
    exhausted_ = live.size() < kPageRows;
    auto garbage_end = successor(rows::kExtentGarbage);
    std::uint64_t page_end = 0;
    if (!exhausted_) {
      const auto last = extent_of_key(live.back().key);
      if (!last) co_return fail(ErrorCode::corrupt, "the key of an extent row");
      page_end = static_cast<std::uint64_t>(*last) + 1;
      garbage_end = extent_garbage_key(ExtentId{page_end});
    }
    CO_TRY(co_await read_garbage(*transaction, garbage_end));
    for (const auto& row : live) {
      CO_TRY(append(row));
    }
    std::ranges::sort(page_, {}, &Extent::id);
    next_ = page_end;
    co_return done;
  }

  Task<> read_garbage(Transaction& transaction, const std::string& end) {
    KeyRange range{extent_garbage_key(ExtentId{next_}), end};
    for (;;) {
      CO_TRY(const auto garbage, co_await transaction.scan(range, kPageRows));
      for (const auto& row : garbage) {
        CO_TRY(append(row));
      }
      if (garbage.size() < kPageRows) co_return done;
      range.begin = garbage.back().key + '\0';
    }
  }

  Result<> append(const Entry& row) {
    const auto id = extent_of_key(row.key);
    if (!id) return fail(ErrorCode::corrupt, "the key of an extent row");
    TRY(const auto record, decode_row<ExtentRecord>(row.key, row.value));
    page_.push_back({*id, record.length, record.crc32c});
    return done;
  }

  Index& index_;
  std::uint64_t next_ = 0;
  bool exhausted_ = false;
  std::deque<Extent> page_;
};

}  // namespace

std::unique_ptr<LiveExtents> live_extents(Index& index) { return std::make_unique<IndexedExtents>(index); }

}  // namespace sluice::object

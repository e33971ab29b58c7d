#include "backends/local/checked_extents.h"

#include <iterator>

namespace sluice::local {

namespace {

/// Kept free, so that what is put in again finds room while its old block is emptied.
constexpr std::size_t kBlocksFree = 1;
/// For one extent that comes: what leaves for it, and how much of that is put in again.
constexpr int kDropsMax = 64;
constexpr std::size_t kPutInAgainMax = 512 * 1024;

}  // namespace

Chunk CheckedExtents::find(const Extent& extent) {
  const std::scoped_lock lock(mutex_);
  const auto known = by_id_.find(extent.id);
  if (known == by_id_.end() || known->second->extent != extent) return {};
  known->second->found = true;
  return known->second->bytes;
}

void CheckedExtents::keep(const Extent& extent, std::string_view bytes) {
  if (memory_ == nullptr || bytes.size() > kLengthMax) return;
  const std::scoped_lock lock(mutex_);
  if (by_id_.contains(extent.id)) return;
  make_room();
  Chunk copied = memory_->copy(bytes);
  if (copied.empty()) return;
  rows_.push_front({extent, std::move(copied)});
  by_id_[extent.id] = rows_.begin();
}

void CheckedExtents::make_room() {
  std::size_t again = 0;
  for (int drops = 0; drops < kDropsMax && !rows_.empty() && memory_->blocks_free() < kBlocksFree; ++drops) {
    const auto oldest = std::prev(rows_.end());
    const std::size_t size = oldest->bytes.size();
    if (oldest->found && again + size <= kPutInAgainMax && put_in_again(oldest)) {
      again += size;
    } else {
      drop(oldest);
    }
  }
}

bool CheckedExtents::put_in_again(std::list<Row>::iterator row) {
  Chunk copied = memory_->copy(row->bytes.text());
  if (copied.empty()) return false;
  row->bytes = std::move(copied);
  row->found = false;
  rows_.splice(rows_.begin(), rows_, row);
  return true;
}

void CheckedExtents::remove(ExtentId id) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = by_id_.find(id); known != by_id_.end()) drop(known->second);
}

void CheckedExtents::drop(std::list<Row>::iterator row) {
  by_id_.erase(row->extent.id);
  rows_.erase(row);
}

}  // namespace sluice::local

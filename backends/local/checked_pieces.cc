#include "backends/local/checked_pieces.h"

#include <algorithm>
#include <iterator>

namespace sluice::local {

namespace {

/// Kept free, so that what is put in again finds room while its old block is emptied.
constexpr std::size_t kBlocksFree = 1;
/// For one piece that comes: how much is put in again at most.
constexpr std::size_t kPutInAgainMax = 512 * 1024;
/// Where there is no room, one of so many is kept.
constexpr unsigned kKeptOf = 16;

/// No two pieces of extents that are there begin at one place.
ExtentId key_of(const Extent& extent, std::uint64_t piece) {
  Place place = place_of(extent.id);
  place.offset += piece * kPieceSize;
  return id_of(place);
}

}  // namespace

Chunk CheckedPieces::find(const Extent& extent, std::uint64_t piece) {
  const std::scoped_lock lock(mutex_);
  const auto known = by_key_.find(key_of(extent, piece));
  if (known == by_key_.end() || known->second->extent != extent) return {};
  known->second->found = true;
  return known->second->bytes;
}

bool CheckedPieces::worth_keeping(const Extent& extent, std::uint64_t piece) {
  if (memory_ == nullptr) return false;
  const ExtentId key = key_of(extent, piece);
  const std::uint64_t hash = static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15ULL;
  auto& last = asked_[hash >> (64 - 16)];
  if (last.load(std::memory_order_relaxed) != key) {
    last.store(key, std::memory_order_relaxed);
    return false;
  }
  if (memory_->blocks_free() >= kBlocksFree) return true;
  return worth_.fetch_add(1, std::memory_order_relaxed) % kKeptOf == 0;
}

Chunk CheckedPieces::keep(const Extent& extent, std::uint64_t piece, std::string_view bytes) {
  if (memory_ == nullptr) return {};
  const ExtentId key = key_of(extent, piece);
  const std::scoped_lock lock(mutex_);
  if (by_key_.contains(key)) return {};
  make_room(bytes.size());
  Chunk copied = memory_->copy(bytes);
  if (copied.empty()) return {};
  rows_.push_front({extent, key, copied});
  by_key_[key] = rows_.begin();
  return copied;
}

/// Somewhat more leaves than comes, so that blocks are emptied as others are filled: not all at once, since
/// one that is still being sent from takes its time.
void CheckedPieces::make_room(std::size_t size) {
  std::size_t again = 0;
  for (std::size_t left = 0; left < 2 * size && !rows_.empty() && memory_->blocks_free() < kBlocksFree;) {
    const auto oldest = std::prev(rows_.end());
    const std::size_t length = oldest->bytes.size();
    if (oldest->found && again + length <= kPutInAgainMax && put_in_again(oldest)) {
      again += length;
    } else {
      left += length;
      drop(oldest);
    }
  }
}

bool CheckedPieces::put_in_again(std::list<Row>::iterator row) {
  Chunk copied = memory_->copy(row->bytes.text());
  if (copied.empty()) return false;
  row->bytes = std::move(copied);
  row->found = false;
  rows_.splice(rows_.begin(), rows_, row);
  return true;
}

void CheckedPieces::remove(const Extent& extent) {
  const std::scoped_lock lock(mutex_);
  if (rows_.empty()) return;
  for (std::uint64_t piece = 0; piece * kPieceSize < extent.length; ++piece) {
    if (const auto known = by_key_.find(key_of(extent, piece)); known != by_key_.end()) drop(known->second);
  }
}

void CheckedPieces::drop(std::list<Row>::iterator row) {
  by_key_.erase(row->key);
  rows_.erase(row);
}

}  // namespace sluice::local

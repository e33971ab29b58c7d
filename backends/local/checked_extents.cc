#include "backends/local/checked_extents.h"

#include <cstring>
#include <iterator>

namespace sluice::local {

namespace {

constexpr std::size_t kRowCost = 256;  ///< What an extent takes beside its bytes.
constexpr int kDropsMax = 8;           ///< For one extent; what clients still hold cannot be had back.

}  // namespace

Chunk CheckedExtents::find(const Extent& extent) {
  const std::scoped_lock lock(mutex_);
  const auto known = by_id_.find(extent.id);
  if (known == by_id_.end() || known->second->extent != extent) return {};
  rows_.splice(rows_.begin(), rows_, known->second);
  return known->second->bytes;
}

void CheckedExtents::keep(const Extent& extent, std::string_view bytes) {
  const std::size_t size = bytes.size() + kRowCost;
  if (bytes.size() > kLengthMax || size > size_max_) return;
  const std::scoped_lock lock(mutex_);
  if (by_id_.contains(extent.id)) return;
  for (int drops = 0; *used_ + size > size_max_; ++drops) {
    if (rows_.empty() || drops == kDropsMax) return;
    drop(std::prev(rows_.end()));
  }
  *used_ += size;
  auto* const memory = new std::byte[bytes.size()];
  std::memcpy(memory, bytes.data(), bytes.size());
  std::shared_ptr<const void> owner(memory, [used = used_, size](const std::byte* held) {
    delete[] held;
    *used -= size;
  });
  rows_.push_front({extent, Chunk(std::move(owner), {memory, bytes.size()})});
  by_id_[extent.id] = rows_.begin();
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

#include "backends/local/footer_cache.h"

#include <iterator>

namespace sluice::local {

FooterCache::Held FooterCache::find(const Extent& extent) {
  const std::scoped_lock lock(mutex_);
  const auto known = by_id_.find(extent.id);
  if (known == by_id_.end() || known->second->extent != extent) return nullptr;
  rows_.splice(rows_.begin(), rows_, known->second);
  return known->second->footer;
}

void FooterCache::add(const Extent& extent, Held footer) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = by_id_.find(extent.id); known != by_id_.end()) drop(known->second);
  rows_.push_front({extent, std::move(footer)});
  by_id_[extent.id] = rows_.begin();
  size_ += size_of(rows_.front());
  while (size_ > size_max_) drop(std::prev(rows_.end()));
}

void FooterCache::remove(ExtentId id) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = by_id_.find(id); known != by_id_.end()) drop(known->second);
}

void FooterCache::drop(std::list<Row>::iterator row) {
  size_ -= size_of(*row);
  by_id_.erase(row->extent.id);
  rows_.erase(row);
}

}  // namespace sluice::local

#include "backends/local/recent_writes.h"

#include <cassert>
#include <functional>

namespace sluice::local {

KeyMark mark_of(std::string_view key) { return std::hash<std::string_view>{}(key); }

void RecentWrites::add(KeyMark key, CommitNumber number) {
  assert(order_.empty() || order_.back().number <= number);
  order_.push_back({key, number});
  last_[key] = number;
  if (order_.size() > count_max_) drop_oldest();
}

bool RecentWrites::changed_since(KeyMark key, CommitNumber number) const {
  if (number < known_from_) return true;
  const auto written = last_.find(key);
  return written != last_.end() && written->second > number;
}

void RecentWrites::forget_before(CommitNumber oldest) {
  while (!order_.empty() && order_.front().number <= oldest) drop_oldest();
}

void RecentWrites::drop_oldest() {
  const Write write = order_.front();
  order_.pop_front();
  known_from_ = write.number;
  const auto last = last_.find(write.key);
  if (last != last_.end() && last->second == write.number) last_.erase(last);
}

}  // namespace sluice::local

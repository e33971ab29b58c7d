#include "backends/local/row_cache.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::local {

RowCache::RowCache(std::size_t capacity) : shard_capacity_(capacity / kShardCount) {}

RowCache::Value RowCache::find(std::string_view key) { return find(key, std::numeric_limits<Moment>::max()); }

RowCache::Value RowCache::find(std::string_view key, Moment moment) {
  Shard& shard = shard_of(hash_of(key));
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.places.find(key);
  if (found == shard.places.end() || found->second->since > moment) return nullptr;
  Held& row = *found->second;
  if (!row.found) row.found = true;
  return row.value;
}

RowCache::Ticket RowCache::ticket(std::string_view key) {
  Shard& shard = shard_of(hash_of(key));
  const std::scoped_lock lock(shard.mutex);
  return {shard.changes, moment_.load()};
}

void RowCache::keep(std::string_view key, Value value, Ticket ticket) {
  Held row{.key = std::string(key), .value = std::move(value), .since = ticket.moment};
  if (cost(row) > shard_capacity_ / 4) return;
  const std::size_t hash = hash_of(key);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  if (shard.changes != ticket.changes || shard.places.contains(key)) return;
  if (std::ranges::find(shard.written, hash) != shard.written.end()) return;
  shard.size += cost(row);
  shard.rows.push_front(std::move(row));
  shard.places.emplace(shard.rows.front().key, shard.rows.begin());
  make_room(shard);
}

void RowCache::begin_write(std::string_view key) {
  const std::size_t hash = hash_of(key);
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  shard.written.push_back(hash);
  ++shard.changes;
  const auto found = shard.places.find(key);
  if (found != shard.places.end()) drop(shard, found->second);
}

// Counts as a change too: who read the row meanwhile may have read what it was before.
void RowCache::end_write(std::size_t hash) {
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  const auto mark = std::ranges::find(shard.written, hash);
  *mark = shard.written.back();
  shard.written.pop_back();
  ++shard.changes;
}

void RowCache::make_room(Shard& shard) const {
  while (shard.size > shard_capacity_) {
    const auto last = std::prev(shard.rows.end());
    if (std::exchange(last->found, false)) {
      shard.rows.splice(shard.rows.begin(), shard.rows, last);
    } else {
      drop(shard, last);
    }
  }
}

void RowCache::drop(Shard& shard, Rows::iterator row) {
  shard.size -= cost(*row);
  shard.places.erase(row->key);
  shard.rows.erase(row);
}

}  // namespace sluice::local

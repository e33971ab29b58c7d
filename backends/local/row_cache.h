#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gateway/core/row.h"

namespace sluice::local {

/// Rows that were read lately, so that a hot one costs one hash look-up. Holds
/// what the index has: a row is neither found nor kept from before it is written
/// until after the write has ended. So the rows of one commit change all at once
/// for its readers: whoever misses one of them in the index does not find what
/// another was before it in here. Safe for concurrent use.
///
///   const auto ticket = cache.ticket(key);   before the index is read
///   cache.keep(key, value, ticket);          afterwards; refused if a change came between
class RowCache {
 public:
  /// Holds about `capacity` bytes of keys and values.
  explicit RowCache(std::size_t capacity);

  /// Counts writes that have ended.
  using Moment = std::uint64_t;

  struct Ticket {
    std::uint64_t changes = 0;  ///< Of its part of the cache.
    Moment moment = 0;
  };

  using Value = std::shared_ptr<const Row>;

  /// The value; null if the row is not here.
  Value find(std::string_view key);

  /// The value that a snapshot of the index shows which was taken after moment() gave `moment` and before this
  /// call; null if that is not known.
  Value find(std::string_view key, Moment moment);
  Moment moment() const { return moment_.load(); }

  Ticket ticket(std::string_view key);
  void keep(std::string_view key, Value value, Ticket ticket);

  /// The rows that a write is about to change, for as long as this lives. Of one thread.
  class Writing;

 private:
  struct Held {
    std::string key;
    Value value;
    Moment since = 0;    ///< When it was read: it has had this value from then on, or longer.
    bool found = false;  ///< Since it came to the front.
  };
  /// The latest kept first. What has been found meanwhile gets a second chance when it is at the
  /// back: to move it at each look-up would touch the memory of its neighbours.
  using Rows = std::list<Held>;

  // A line of its own, so that cores do not pull at each other's locks.
  struct alignas(64) Shard {
    std::mutex mutex;
    Rows rows;
    std::unordered_map<std::string_view, Rows::iterator> places;  ///< Views into `rows`.
    std::size_t size = 0;
    std::uint64_t changes = 0;         ///< Begun and ended so far.
    std::vector<std::size_t> written;  ///< Hashes of the rows that are being written.
  };
  static constexpr std::size_t kShardCount = 64;
  static constexpr std::size_t kRowCost = 1600;  ///< What a row takes beside its bytes, with a note left on it.

  static std::size_t cost(const Held& row) { return kRowCost + row.key.size() + row.value->bytes().size(); }
  static void drop(Shard& shard, Rows::iterator row);
  void make_room(Shard& shard) const;
  static std::size_t hash_of(std::string_view key) { return std::hash<std::string_view>()(key); }
  Shard& shard_of(std::size_t hash) { return shards_[hash % kShardCount]; }
  void begin_write(std::string_view key);
  void end_write(std::size_t hash);

  const std::size_t shard_capacity_;
  std::atomic<Moment> moment_ = 0;
  std::array<Shard, kShardCount> shards_;
};

class RowCache::Writing {
 public:
  explicit Writing(RowCache& cache) : cache_(cache) {}
  ~Writing() {
    ++cache_.moment_;  // First, so that what is kept of these rows from now on is known to be of after the write.
    for (const std::size_t hash : hashes_) cache_.end_write(hash);
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

  void add(std::string_view key) {
    cache_.begin_write(key);
    hashes_.push_back(hash_of(key));
  }

 private:
  RowCache& cache_;
  std::vector<std::size_t> hashes_;
};

}  // namespace sluice::local

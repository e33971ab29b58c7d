#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::local {

/// Rows that were read lately, so that a hot one costs one hash look-up. Holds
/// what the index has: whoever changes a row forgets it here, after the change can
/// be read and before it is acknowledged. Safe for concurrent use.
///
///   const auto ticket = cache.ticket(key);   before the index is read
///   cache.keep(key, value, ticket);          afterwards; refused if a change came between
class RowCache {
 public:
  /// Holds about `capacity` bytes of keys and values.
  explicit RowCache(std::size_t capacity);

  using Ticket = std::uint64_t;

  std::optional<std::string> find(std::string_view key);
  Ticket ticket(std::string_view key);
  void keep(std::string_view key, std::string_view value, Ticket ticket);
  void forget(std::string_view key);

 private:
  struct Row {
    std::string key, value;
  };
  using Rows = std::list<Row>;  ///< The latest used first.

  // A line of its own, so that cores do not pull at each other's locks.
  struct alignas(64) Shard {
    std::mutex mutex;
    Rows rows;
    std::unordered_map<std::string_view, Rows::iterator> places;  ///< Views into `rows`.
    std::size_t size = 0;
    Ticket changes = 0;  ///< Rows forgotten so far.
  };
  static constexpr std::size_t kShardCount = 64;
  static constexpr std::size_t kRowCost = 160;  ///< What a row takes beside its bytes.

  static std::size_t cost(const Row& row) { return kRowCost + row.key.size() + row.value.size(); }
  static void drop(Shard& shard, Rows::iterator row);
  Shard& shard_of(std::string_view key) { return shards_[std::hash<std::string_view>()(key) % kShardCount]; }

  const std::size_t shard_capacity_;
  std::array<Shard, kShardCount> shards_;
};

}  // namespace sluice::local

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

namespace sluice::local {

/// Counts commits; a snapshot holds what the commits up to its number wrote.
using CommitNumber = std::uint64_t;

/// Stands for a key in conflict checks. Two keys of one mark only ever cost a
/// needless conflict.
using KeyMark = std::uint64_t;
KeyMark mark_of(std::string_view key);

/// Which keys were written lately, and by which commit: what optimistic
/// validation asks. Bounded: what it no longer knows counts as changed. One
/// thread at a time.
class RecentWrites {
 public:
  /// Remembers at most `count_max` writes.
  explicit RecentWrites(std::size_t count_max) : count_max_(count_max) {}

  /// `number` must not fall.
  void add(KeyMark key, CommitNumber number);

  /// Was `key` written by a commit after `number`? True as well if that can no longer be told.
  bool changed_since(KeyMark key, CommitNumber number) const;

  /// Nobody will ask about a number below `oldest` any more.
  void forget_before(CommitNumber oldest);

  std::size_t count() const { return order_.size(); }

 private:
  struct Write {
    KeyMark key;
    CommitNumber number;
  };
  void drop_oldest();

  const std::size_t count_max_;
  CommitNumber known_from_ = 0;  ///< Writes after this number are all here.
  std::deque<Write> order_;
  std::unordered_map<KeyMark, CommitNumber> last_;
};

}  // namespace sluice::local

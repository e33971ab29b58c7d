#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/index.h"

namespace sluice::object {

/// Walks the rows of a range, reading them in scans that grow while every row is
/// wanted and are small after a skip. The transaction must outlive it.
class Cursor {
 public:
  static constexpr std::size_t kScanMax = 1000;

  /// `expected`: how many rows are probably wanted.
  Cursor(Transaction& transaction, KeyRange range, std::size_t expected = kScanMax);

  /// The row at hand; null at the end. Good until the next call of anything.
  Task<Entry*> peek();
  /// The same without a wait; null where peek() would have to scan.
  Entry* at_hand() { return at_ < rows_.size() ? &rows_[at_] : nullptr; }
  /// How many rows are at hand.
  std::size_t count_at_hand() const { return rows_.size() - at_; }
  void pop() { ++at_; }
  /// The row at hand is then the first whose key is not below `key`.
  void skip_to(const std::string& key);

 private:
  Transaction& transaction_;
  KeyRange rest_;  ///< What no scan has covered yet.
  std::size_t scan_size_;
  std::vector<Entry> rows_;
  std::size_t at_ = 0;
  bool exhausted_;
};

/// The prefix under which `key` is folded: up to and with the first `delimiter`
/// behind `prefix`. Nothing if it stands for itself.
std::optional<std::string_view> folded(std::string_view key, std::string_view prefix, std::string_view delimiter);

}  // namespace sluice::object

#include "gateway/object/cursor.h"

#include <algorithm>

namespace sluice::object {
namespace {

constexpr std::size_t kScanAfterSkip = 8;
constexpr std::size_t kScanGrowth = 4;

bool is_empty(const KeyRange& range) { return !range.end.empty() && range.begin >= range.end; }

}  // namespace

Cursor::Cursor(Transaction& transaction, KeyRange range, std::size_t expected)
    : transaction_(transaction),
      rest_(std::move(range)),
      scan_size_(std::clamp(expected, kScanAfterSkip, kScanMax)),
      exhausted_(is_empty(rest_)) {}

Task<Entry*> Cursor::peek() {
  if (at_ == rows_.size() && !exhausted_) {
    CO_TRY(rows_, co_await transaction_.scan(rest_, scan_size_));
    at_ = 0;
    exhausted_ = rows_.size() < scan_size_;
    if (!rows_.empty()) rest_.begin = rows_.back().key + '\0';
    scan_size_ = std::min(scan_size_ * kScanGrowth, kScanMax);
  }
  co_return at_ < rows_.size() ? &rows_[at_] : nullptr;
}

void Cursor::skip_to(const std::string& key) {
  const auto row = std::lower_bound(rows_.begin() + static_cast<std::ptrdiff_t>(at_), rows_.end(), key,
                                    [](const Entry& entry, const std::string& wanted) { return entry.key < wanted; });
  at_ = static_cast<std::size_t>(row - rows_.begin());
  if (at_ < rows_.size() || exhausted_) return;
  rest_.begin = std::max(rest_.begin, key);
  scan_size_ = kScanAfterSkip;
  exhausted_ = is_empty(rest_);
}

std::optional<std::string_view> folded(std::string_view key, std::string_view prefix, std::string_view delimiter) {
  if (delimiter.empty() || !key.starts_with(prefix)) return std::nullopt;
  const auto at = key.find(delimiter, prefix.size());
  if (at == std::string_view::npos) return std::nullopt;
  return key.substr(0, at + delimiter.size());
}

}  // namespace sluice::object

#include "gateway/core/index.h"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::size_t kScanMin = 8;  ///< Also what is read at first after a skip.
constexpr std::size_t kScanMax = 1000;
constexpr std::size_t kScanGrowth = 4;

enum class Shown : std::uint8_t { all, skips_on, enough };

/// Shows rows that are at hand; skips_on: what comes next is behind them all.
Shown show(const std::vector<Entry>& rows, RowVisitor& visitor) {
  for (auto row = rows.begin(); row != rows.end();) {
    switch (visitor.see(row->key, row->value)) {
      case Walk::on:
        ++row;
        break;
      case Walk::skip:
        row = std::lower_bound(row + 1, rows.end(), visitor.skip_to(),
                               [](const Entry& entry, std::string_view wanted) { return entry.key < wanted; });
        if (row == rows.end()) return Shown::skips_on;
        break;
      case Walk::stop:
        return Shown::enough;
    }
  }
  return Shown::all;
}

}  // namespace

Task<> Transaction::walk(KeyRange range, std::shared_ptr<RowVisitor> visitor, std::size_t expected) {
  std::size_t scan_size = std::clamp(expected, kScanMin, kScanMax);
  while (range.end.empty() || range.begin < range.end) {
    CO_TRY(const auto rows, co_await scan(range, scan_size));
    const Shown shown = show(rows, *visitor);
    if (shown == Shown::enough || rows.size() < scan_size) co_return done;
    range.begin = rows.back().key + '\0';
    if (shown == Shown::skips_on) range.begin = std::max(range.begin, std::string(visitor->skip_to()));
    scan_size = shown == Shown::skips_on ? kScanMin : std::min(scan_size * kScanGrowth, kScanMax);
  }
  co_return done;
}

}  // namespace sluice

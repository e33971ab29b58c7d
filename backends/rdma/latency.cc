#include "backends/rdma/latency.h"

#include <algorithm>

namespace sluice::rdma {

void LatencyWindow::note(Duration duration) {
  last_[count_ % kSize] = duration;
  ++count_;
  if (count_ % kEvery != 0) return;
  const std::size_t size = std::min(count_, kSize);
  auto sorted = last_;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(size * 95 / 100);
  std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(size));
  p95_ = *at;
  known_ = true;
}

}  // namespace sluice::rdma

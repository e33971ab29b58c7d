#include "backends/rdma/append_window.h"

#include <algorithm>
#include <utility>

namespace sluice::rdma {

std::optional<Pages> AppendWindow::reserve(Pages count) {
  if (closed_ || count > capacity_ - next_) return std::nullopt;
  return std::exchange(next_, next_ + count);
}

void AppendWindow::durable(std::size_t member, Pages end) {
  durable_.at(member) = std::max(durable_.at(member), std::min(end, next_));
}

Pages AppendWindow::acknowledged() const { return *std::ranges::min_element(durable_); }

}  // namespace sluice::rdma

#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace sluice::rdma {

/// How long the last operations of a kind took. Pure.
class LatencyWindow {
 public:
  using Duration = std::chrono::nanoseconds;

  void note(Duration duration);

  /// What 95 of 100 of them did not exceed, as of a few operations ago; `unknown` before
  /// there are some.
  Duration p95(Duration unknown) const { return known_ ? p95_ : unknown; }

 private:
  static constexpr std::size_t kSize = 256, kEvery = 32;

  std::array<Duration, kSize> last_{};
  std::size_t count_ = 0;
  bool known_ = false;
  Duration p95_{};
};

}  // namespace sluice::rdma

#include "backends/rdma/latency.h"

#include <catch2/catch.hpp>

namespace sluice::rdma {

using std::chrono::milliseconds;

TEST_CASE("the 95th percentile is unknown at first, and then that of the last operations") {
  LatencyWindow window;
  for (int n = 0; n < 31; ++n) window.note(milliseconds(1));
  CHECK(window.p95(milliseconds(50)) == milliseconds(50));
  window.note(milliseconds(1));
  CHECK(window.p95(milliseconds(50)) == milliseconds(1));

  for (int n = 0; n < 320; ++n) window.note(milliseconds(n % 10 == 0 ? 30 : 2));
  CHECK(window.p95(milliseconds(50)) == milliseconds(30));
  for (int n = 0; n < 320; ++n) window.note(milliseconds(n % 100 == 0 ? 30 : 2));
  CHECK(window.p95(milliseconds(50)) == milliseconds(2));
}

}  // namespace sluice::rdma

#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "gateway/core/io_ring.h"

namespace sluice::rdma {

/// Coroutines that wait for one outcome. Of one thread; destroying it destroys them,
/// so it must go before their io_context does.
class Waiters {
 public:
  /// Sleeps until the next finish(), and returns what that was given.
  Task<> wait() {
    Result<> outcome;
    co_await fall_asleep([this, &outcome](auto sleeper) { waiting_.emplace_back(&outcome, std::move(sleeper)); });
    co_return outcome;
  }

  /// Continues all who wait now, one after the other.
  void finish(const Result<>& outcome) {
    for (auto& [slot, sleeper] : std::exchange(waiting_, {})) {
      *slot = outcome;
      Sleeper::wake(std::move(sleeper));
    }
  }

  bool empty() const { return waiting_.empty(); }

 private:
  std::vector<std::pair<Result<>*, std::unique_ptr<Sleeper>>> waiting_;
};

}  // namespace sluice::rdma

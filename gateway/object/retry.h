#pragma once

#include "gateway/core/result.h"

namespace sluice::object {

/// Commits that lose a race are tried this often before the loss is told.
inline constexpr int kTriesMax = 50;

/// Waits a short random time, longer the more tries there were.
Awaitable<> back_off(int tries);

/// Does `attempt` (a callable that gives a Task) until it ends otherwise than with
/// conflict, kTriesMax times at most.
template <class Attempt>
auto retry_conflicts(Attempt& attempt) -> decltype(attempt()) {
  for (int tries = 1;; ++tries) {
    auto result = co_await attempt();
    if (result || result.error().code != ErrorCode::conflict || tries == kTriesMax) co_return result;
    co_await back_off(tries);
  }
}

}  // namespace sluice::object

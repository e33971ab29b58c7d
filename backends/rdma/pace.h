#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>

#include "gateway/core/result.h"

namespace sluice::rdma {

/// Work in the background, no faster than so many bytes a second. Of one thread.
class Pace {
 public:
  explicit Pace(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  /// Returns when so many bytes may be read or written.
  Awaitable<> wait_for(std::uint64_t bytes) {
    const std::atomic<bool> always = true;
    co_await wait_for(bytes, always);
  }

  /// So, or soon after `go_on` is false.
  Awaitable<> wait_for(std::uint64_t bytes, const std::atomic<bool>& go_on) {
    using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;
    const auto at = std::max(due_, Clock::now());
    due_ = at + std::chrono::nanoseconds(bytes * 1'000'000'000 / bytes_per_second_);
    if (at <= Clock::now()) co_return;
    Timer timer(co_await boost::asio::this_coro::executor);
    while (go_on && Clock::now() < at) {
      timer.expires_at(std::min(at, Clock::now() + kLookMax));
      co_await timer.async_wait(boost::asio::as_tuple(use_task));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kLookMax{200};

  const std::uint64_t bytes_per_second_;
  Clock::time_point due_;  ///< When the next may be.
};

}  // namespace sluice::rdma

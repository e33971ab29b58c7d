#pragma once

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
    using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;
    const auto at = std::max(due_, Clock::now());
    due_ = at + std::chrono::nanoseconds(bytes * 1'000'000'000 / bytes_per_second_);
    if (at <= Clock::now()) co_return;
    Timer timer(co_await boost::asio::this_coro::executor);
    timer.expires_at(at);
    co_await timer.async_wait(boost::asio::as_tuple(use_task));
  }

 private:
  using Clock = std::chrono::steady_clock;

  const std::uint64_t bytes_per_second_;
  Clock::time_point due_;  ///< When the next may be.
};

}  // namespace sluice::rdma

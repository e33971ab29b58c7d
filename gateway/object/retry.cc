#include "gateway/object/retry.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>

#include "gateway/core/encoding.h"

namespace asio = boost::asio;

namespace sluice::object {
namespace {

using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
constexpr std::chrono::microseconds kStep(250);
constexpr int kDoublingsMax = 7;  // 32 ms

}  // namespace

Awaitable<> back_off(int tries) {
  const auto random = static_cast<unsigned char>(random_bytes(1)[0]);
  Timer timer(co_await asio::this_coro::executor);
  timer.expires_after(kStep * (1 << std::min(tries, kDoublingsMax)) * random / 256);
  co_await timer.async_wait(asio::as_tuple(use_task));
}

}  // namespace sluice::object

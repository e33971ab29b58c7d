#include "backends/rdma/disk_flush.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <cstring>

namespace sluice::rdma {

Task<> DiskFlush::flush() {
  if (!failed_) co_return failed_;
  if (!std::exchange(running_, true)) {
    // Posted: it looks for those who wait, and this one does not yet.
    boost::asio::post(executor_, [this] { boost::asio::co_spawn(executor_, run(), boost::asio::detached); });
  }
  co_return co_await next_.wait();
}

Awaitable<> DiskFlush::run() {
  while (!next_.empty()) {
    Waiters served = std::exchange(next_, {});
    if (failed_) {
      const int result = co_await IoOperation::wait(IoRing::of(executor_).fdatasync(file_));
      if (result < 0) failed_ = fail(ErrorCode::unavailable, std::string("fdatasync: ") + std::strerror(-result));
    }
    served.finish(failed_);
  }
  running_ = false;
}

}  // namespace sluice::rdma

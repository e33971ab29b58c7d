#pragma once

#include "backends/rdma/waiters.h"

namespace sluice::rdma {

/// Makes what was written to a file durable, for many writers with one fdatasync. Of one
/// thread. Once it has failed it fails for ever: what the kernel dropped is not known.
class DiskFlush {
 public:
  DiskFlush(IoFilePtr file, const Executor& executor) : file_(std::move(file)), executor_(executor) {}

  /// Returns when all writes that had ended before the call are durable.
  Task<> flush();
  const Result<>& failed() const { return failed_; }

 private:
  Awaitable<> run();

  IoFilePtr file_;
  Executor executor_;
  Waiters next_;  ///< Served by the flush that has not begun.
  bool running_ = false;
  Result<> failed_;
};

}  // namespace sluice::rdma

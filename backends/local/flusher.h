#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "backends/local/segments.h"
#include "gateway/core/mailbox.h"

namespace sluice::local {

/// Makes what was written to segments durable: one thread, and one fdatasync for
/// all who ask while the one before is under way. Safe for concurrent use.
class Flusher {
 public:
  explicit Flusher(Log& log);
  /// Answers all who have asked.
  ~Flusher();
  Flusher(const Flusher&) = delete;
  Flusher& operator=(const Flusher&) = delete;

  /// Once it returns, every write to the segment that had ended before the call is
  /// durable. After one failure a segment only fails: the kernel forgets which
  /// pages it could not write, so a later success would mean nothing.
  Task<> flush(std::shared_ptr<Segment> segment);

 private:
  struct Request {
    std::shared_ptr<Segment> segment;
    Answer<Result<>> answer;
  };
  void run();

  Log& log_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Request> requests_;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace sluice::local

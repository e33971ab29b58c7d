#include "backends/local/flusher.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sluice::local {

namespace {

Result<> flush_now(Segment& segment, Log& log) {
  if (segment.failed) return fail(ErrorCode::unavailable, "an earlier flush of the segment failed");
  if (::fdatasync(segment.buffered->fd()) == 0) return done;
  auto error = error_of(errno, "flush of segment " + std::to_string(segment.number));
  segment.failed = true;
  log.error("segment_flush_failed", {{"detail", std::string_view(error.detail)}});
  return std::unexpected(std::move(error));
}

}  // namespace

Flusher::Flusher(Log& log) : log_(log), thread_([this] { run(); }) {}

Flusher::~Flusher() {
  const std::scoped_lock lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
}

Task<> Flusher::flush(std::shared_ptr<Segment> segment) {
  co_return co_await answered<Result<>>([&](Answer<Result<>> answer) {
    const std::scoped_lock lock(mutex_);
    requests_.push_back({std::move(segment), std::move(answer)});
    wake_.notify_one();
  });
}

void Flusher::run() {
  for (;;) {
    std::vector<Request> requests;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !requests_.empty(); });
      requests.swap(requests_);
    }
    if (requests.empty()) return;
    std::ranges::sort(requests, {}, [](const Request& request) { return request.segment->number; });
    for (auto first = requests.begin(); first != requests.end();) {
      const auto last = std::find_if(first, requests.end(), [&](const auto& r) { return r.segment != first->segment; });
      const Result<> result = flush_now(*first->segment, log_);
      for (; first != last; ++first) first->answer.give(result);
    }
  }
}

}  // namespace sluice::local

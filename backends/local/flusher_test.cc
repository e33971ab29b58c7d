#include "backends/local/flusher.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "tests/support/run_task.h"

namespace sluice::local {
namespace {

std::shared_ptr<Segment> segment_on(const char* path) {
  auto segment = std::make_shared<Segment>();
  segment->number = 1;
  segment->buffered = std::make_shared<const IoFile>(::open(path, O_RDWR | O_CLOEXEC));
  return segment;
}

TEST_CASE("a flush of a file succeeds") {
  NullLog log;
  Flusher flusher(log);
  char path[] = "/tmp/sluice-flush-XXXXXX";
  const IoFile file(::mkstemp(path));
  const auto segment = segment_on(path);
  ::unlink(path);

  CHECK(test::run(flusher.flush(segment)));
  CHECK_FALSE(segment->failed);
}

TEST_CASE("after one failed flush a segment only fails, even if the device would work again") {
  NullLog log;
  Flusher flusher(log);
  char path[] = "/tmp/sluice-flush-XXXXXX";
  const IoFile file(::mkstemp(path));
  const auto segment = segment_on("/dev/null");  // Which fdatasync refuses.
  const auto other = segment_on(path);
  ::unlink(path);

  CHECK(test::run(flusher.flush(segment)).error().code == ErrorCode::unavailable);
  CHECK(segment->failed);
  segment->buffered = other->buffered;

  CHECK(test::run(flusher.flush(segment)).error().code == ErrorCode::unavailable);
  CHECK(test::run(flusher.flush(other)));
}

}  // namespace
}  // namespace sluice::local

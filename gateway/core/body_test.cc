#include "gateway/core/body.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice {
namespace {

using test::run;
using test::StringSource;

/// Takes `capacity` bytes, then fails.
class LimitedSink : public BodySink {
 public:
  explicit LimitedSink(std::size_t capacity) : capacity_(capacity) {}

  Task<> write(Chunk chunk) override {
    if (text.size() + chunk.size() > capacity_) co_return fail(ErrorCode::out_of_space);
    text += chunk.text();
    co_return done;
  }

  std::string text;

 private:
  std::size_t capacity_;
};

/// One chunk, and then the peer is gone.
class BrokenSource : public BodySource {
 public:
  Task<Chunk> read() override {
    if (std::exchange(began_, true)) co_return fail(ErrorCode::client_gone);
    co_return Chunk::of("begin");
  }

 private:
  bool began_ = false;
};

}  // namespace

TEST_CASE("pump moves every byte in order and counts them") {
  StringSource source("the quick brown fox");
  LimitedSink sink(100);

  CHECK(run(pump(source, sink)) == 19U);
  CHECK(sink.text == "the quick brown fox");
}

TEST_CASE("pump of an empty body writes nothing") {
  StringSource source("");
  LimitedSink sink(0);

  CHECK(run(pump(source, sink)) == 0U);
}

TEST_CASE("pump ends with the error of its source or its sink") {
  StringSource source("the quick brown fox");
  LimitedSink full(10);
  CHECK(run(pump(source, full)).error().code == ErrorCode::out_of_space);

  BrokenSource broken;
  LimitedSink sink(100);
  CHECK(run(pump(broken, sink)).error().code == ErrorCode::client_gone);
  CHECK(sink.text == "begin");
}

TEST_CASE("a body is read into memory up to its limit") {
  StringSource within("exactly ten", 3);
  CHECK(run(read_all(within, 11)) == "exactly ten");

  StringSource beyond("exactly ten", 3);
  CHECK(run(read_all(beyond, 10)).error().code == ErrorCode::entity_too_large);

  BrokenSource broken;
  CHECK(run(read_all(broken, 100)).error().code == ErrorCode::client_gone);
}

TEST_CASE("a chunk as a body is read once and then has ended") {
  ChunkSource source(Chunk::of("text"));

  CHECK(source.remaining() == 4U);
  CHECK(run(source.read())->text() == "text");
  CHECK(source.remaining() == 0U);
  CHECK(run(source.read())->empty());
  CHECK(run(source.read())->empty());
}

}  // namespace sluice

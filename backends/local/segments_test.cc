#include "backends/local/segments.h"

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <semaphore>
#include <stdexcept>

namespace sluice::local {
namespace {

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/sluice-segments-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::shared_ptr<Segments> open(std::uint64_t segment_size = 1 << 20) {
    return std::make_shared<Segments>(Segments::Options{.directory = path_, .segment_size = segment_size}, log_);
  }
  std::size_t file_count() const {
    const std::filesystem::directory_iterator files(path_);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }

 private:
  NullLog log_;
  std::filesystem::path path_;
};

void write_to(Reservation& reservation) {
  reservation.touch();
  const std::string bytes(reservation.size(), 'b');
  const auto offset = static_cast<off_t>(reservation.place().offset);
  REQUIRE(::pwrite(reservation.segment().buffered->fd(), bytes.data(), bytes.size(), offset) > 0);
}

TEST_CASE("places follow each other, and a full segment is followed by the next") {
  Directory directory;
  const auto segments = directory.open();

  const auto first = *segments->reserve(8192), second = *segments->reserve(2 << 20), third = *segments->reserve(4096);

  CHECK(first->place() == Place{1, 4096});
  CHECK(second->place() == Place{1, 12288});
  CHECK(third->place() == Place{2, 4096});
}

TEST_CASE("nobody waits for the next segment while it is in the making, up to a bound") {
  Directory directory;
  const auto segments = directory.open();
  std::binary_semaphore device_is_slow{0};
  boost::asio::post(segments->background(), [&] { device_is_slow.acquire(); });

  const auto first = *segments->reserve(1 << 20), beyond = *segments->reserve(1 << 20);
  CHECK(first->place() == Place{1, 4096});
  CHECK(beyond->place() == Place{1, 4096 + (1 << 20)});

  device_is_slow.release();
  CHECK((*segments->reserve(4096))->place() == Place{2, 4096});
}

TEST_CASE("no place is given in a segment that failed") {
  Directory directory;
  const auto segments = directory.open();
  const auto first = *segments->reserve(4096);

  first->segment().failed = true;

  CHECK((*segments->reserve(4096))->place() == Place{2, 4096});
}

TEST_CASE("what a kept reservation did not need is given to the next, if that is still possible") {
  Directory directory;
  const auto segments = directory.open();
  const auto last = *segments->reserve(65536);
  last->keep(8192);
  const auto early = *segments->reserve(65536), late = *segments->reserve(4096);
  early->keep(4096);

  CHECK(early->place() == Place{1, 12288});
  CHECK((*segments->reserve(4096))->place() == Place{1, 12288 + 65536 + 4096});
  CHECK(late->place() == Place{1, 12288 + 65536});
}

TEST_CASE("a reservation that is not kept leaves no bytes behind") {
  Directory directory;
  const auto segments = directory.open();
  const auto file = [&] { return *segments->file(1); };
  write_to(**segments->reserve(65536));

  CHECK(segments->close());
  CHECK(::lseek(file()->fd(), kPageSize, SEEK_DATA) < 0);
}

TEST_CASE("a store that is closed under a writer is not clean") {
  Directory directory;
  const auto segments = directory.open();
  const auto open = *segments->reserve(65536);

  CHECK_FALSE(segments->close());
}

TEST_CASE("each run numbers its segments above all earlier ones, and empty ones but the highest are removed") {
  Directory directory;
  for (SegmentNumber run = 1; run <= 3; ++run) {
    const auto segments = directory.open();
    CHECK((*segments->reserve(4096))->place() == Place{run, 4096});
  }
  const auto segments = directory.open();

  CHECK(directory.file_count() == 1);
  CHECK(segments->earlier() == std::vector<SegmentNumber>{3});
  CHECK(segments->is_earlier(3));
  CHECK_FALSE(segments->is_earlier(4));
}

TEST_CASE("a segment is removed once nothing is in it and nobody writes to it") {
  Directory directory;
  const auto segments = directory.open(4096);
  auto first = *segments->reserve(4096);
  const auto second = *segments->reserve(4096);
  REQUIRE(second->place().segment == 2);

  segments->remove_if_empty(1);
  CHECK(segments->file(1));
  write_to(*first);
  first->keep(4096);
  first.reset();
  segments->remove_if_empty(1);
  CHECK(segments->file(1));
  REQUIRE(::ftruncate((*segments->file(1))->fd(), 4096) == 0);
  segments->remove_if_empty(1);
  CHECK(segments->file(1).error().code == ErrorCode::no_such_object);
}

}  // namespace
}  // namespace sluice::local

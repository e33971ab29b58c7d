#include "backends/local/segments.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "gateway/core/encoding.h"

namespace sluice::local {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kOpenFilesMax = 256;
constexpr std::uint64_t kOverrun = 2;  ///< Segment sizes that a segment may grow to.

std::optional<SegmentNumber> number_of(const std::filesystem::path& path) {
  if (path.extension() != ".seg" || path.stem().string().size() != 8) return std::nullopt;
  const auto number = parse_decimal(path.stem().string());
  if (!number || *number == 0) return std::nullopt;
  return static_cast<SegmentNumber>(*number);
}

bool holds_no_extent(int fd) { return ::lseek(fd, kPageSize, SEEK_DATA) < 0 && errno == ENXIO; }

}  // namespace

Reservation::Reservation(std::shared_ptr<Segments> segments, std::shared_ptr<Segment> segment, std::uint64_t size)
    : segments_(std::move(segments)), segment_(std::move(segment)), offset_(segment_->end), size_(size) {
  segment_->end += size;
  ++segments_->reservations_;
}

Reservation::~Reservation() {
  if (!kept_ && touched_) segments_->give_back(*this);
  --segments_->reservations_;
}

void Reservation::keep(std::uint64_t size) {
  kept_ = true;
  segments_->shrink(*this, size);
}

Segments::Segments(Options options, Log& log) : options_(std::move(options)), log_(log) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(options_.directory, error)) {
    if (const auto number = number_of(entry.path())) earlier_.push_back(*number);
  }
  if (error) throw std::runtime_error("cannot read " + options_.directory.string() + ": " + error.message());
  std::ranges::sort(earlier_);
  highest_ = earlier_.empty() ? 0 : earlier_.back();
  first_ = highest_ + 1;
  for (const SegmentNumber number : std::vector(earlier_)) remove_if_empty(number);
}

bool Segments::close() {
  background_.join();
  return to_give_back_ == 0 && reservations_ == 0;
}

std::filesystem::path Segments::path_of(SegmentNumber number) const {
  char name[24];
  std::snprintf(name, sizeof name, "%08u.seg", number);
  return options_.directory / name;
}

// The header is in a file of its own name, and both are on the device, before
// any extent is written to it.
Result<std::shared_ptr<Segment>> Segments::create(SegmentNumber number) {
  const auto path = path_of(number);
  TRY(write_durably(path, encode_segment_header(number)));
  auto segment = std::make_shared<Segment>();
  segment->number = number;
  TRY(segment->buffered, open_file(path, O_RDWR));
  auto direct = open_file(path, O_RDWR | O_DIRECT);
  segment->direct = direct ? *direct : segment->buffered;
  return segment;
}

Result<> Segments::check_space(std::uint64_t size) const {
  std::error_code error;
  const auto space = std::filesystem::space(options_.directory, error);
  if (error) return fail(ErrorCode::unavailable, "segments: " + error.message());
  if (space.available >= size && space.available - size >= options_.reserve_size) return done;
  return fail(ErrorCode::out_of_space, "segments: the device is full");
}

Result<std::shared_ptr<Reservation>> Segments::reserve(std::uint64_t size) {
  TRY(check_space(size));
  std::unique_lock lock(mutex_);
  if (!takes_more()) {
    TRY(renew_current(lock));
  }
  auto reservation = std::make_shared<Reservation>(shared_from_this(), current_, size);
  if (current_->end >= options_.segment_size / 2 && !next_ && !preparing_) prepare_next();
  return reservation;
}

// A full one goes on while the next is in the making: who reserves should not wait for the device.
bool Segments::takes_more() const {
  if (!current_ || current_->failed) return false;
  return current_->end < (preparing_ ? kOverrun : 1) * options_.segment_size;
}

Result<> Segments::renew_current(std::unique_lock<std::mutex>& lock) {
  prepared_.wait(lock, [this] { return !preparing_; });
  // Another caller may have renewed it during the wait.
  if (takes_more()) return done;
  if (!next_) {
    TRY(next_, create(highest_ + 1));
    ++highest_;
  }
  current_ = std::move(next_);
  next_.reset();
  written_[current_->number] = current_;
  std::erase_if(written_, [](const auto& segment) { return segment.second.expired(); });
  return done;
}

void Segments::prepare_next() {
  preparing_ = true;
  asio::post(background_, [this, number = highest_ + 1] {
    auto made = create(number);
    const std::scoped_lock lock(mutex_);
    preparing_ = false;
    if (made) {
      next_ = *std::move(made);
      highest_ = number;
    }
    prepared_.notify_all();
  });
}

Result<IoFilePtr> Segments::file(SegmentNumber number) {
  const std::scoped_lock lock(mutex_);
  if (const auto known = open_by_number_.find(number); known != open_by_number_.end()) {
    open_.splice(open_.begin(), open_, known->second);
    return known->second->file;
  }
  TRY(auto file, open_file(path_of(number), O_RDWR));
  // The kernel's own read-ahead guesses from what all readers of the file do together.
  ::posix_fadvise(file->fd(), 0, 0, POSIX_FADV_RANDOM);
  open_.push_front({number, file});
  open_by_number_[number] = open_.begin();
  if (open_.size() > kOpenFilesMax) {
    open_by_number_.erase(open_.back().number);
    open_.pop_back();
  }
  return file;
}

std::vector<SegmentNumber> Segments::earlier() const {
  const std::scoped_lock lock(mutex_);
  return earlier_;
}

void Segments::remove_if_empty(SegmentNumber number) {
  const auto opened = file(number);
  if (!opened) return;
  const std::scoped_lock lock(mutex_);
  const auto written = written_.find(number);
  const bool in_use = written != written_.end() && !written->second.expired();
  if (number >= highest_ || in_use || !holds_no_extent((*opened)->fd())) return;
  std::error_code error;
  std::filesystem::remove(path_of(number), error);
  if (error) log_.warning("segment_not_removed", {{"detail", std::string_view(error.message())}});
  std::erase(earlier_, number);
  if (const auto known = open_by_number_.find(number); known != open_by_number_.end()) {
    open_.erase(known->second);
    open_by_number_.erase(known);
  }
}

void Segments::give_back(const Reservation& reservation) {
  ++to_give_back_;
  const auto offset = static_cast<off_t>(reservation.place().offset);
  const auto size = static_cast<off_t>(reservation.size());
  asio::post(background_, [this, file = reservation.segment().buffered, offset, size] {
    if (::fallocate(file->fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size) == 0) --to_give_back_;
  });
}

void Segments::shrink(const Reservation& reservation, std::uint64_t size) {
  const std::scoped_lock lock(mutex_);
  Segment& segment = reservation.segment();
  const auto offset = reservation.place().offset;
  if (segment.end == offset + reservation.size()) segment.end = offset + size;
}

}  // namespace sluice::local

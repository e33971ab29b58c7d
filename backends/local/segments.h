#pragma once

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "backends/local/durable_file.h"
#include "backends/local/extent_layout.h"
#include "gateway/core/log.h"

namespace sluice::local {

/// A segment file of this run. It takes extents until it is full, or a flush of it has failed.
struct Segment {
  SegmentNumber number = 0;
  IoFilePtr direct;    ///< O_DIRECT where the file system can.
  IoFilePtr buffered;  ///< The same file through the page cache; whole extents are flushed through it.
  std::atomic<bool> failed = false;
  std::uint64_t end = kPageSize;  ///< Where the next extent begins. Guarded by Segments.
};

class Segments;

/// A range of a segment for one extent in the making. Unless kept, its bytes are
/// given back when the last holder lets go; a write in flight is a holder.
class Reservation {
 public:
  Reservation(std::shared_ptr<Segments> segments, std::shared_ptr<Segment> segment, std::uint64_t size);
  ~Reservation();
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

  Segment& segment() const { return *segment_; }
  const std::shared_ptr<Segment>& shared_segment() const { return segment_; }
  Place place() const { return {segment_->number, offset_}; }
  std::uint64_t size() const { return size_; }

  /// Bytes were written: there will be something to give back.
  void touch() { touched_ = true; }
  /// The first `size` bytes are an extent now; the rest was never written.
  void keep(std::uint64_t size);

 private:
  std::shared_ptr<Segments> segments_;
  std::shared_ptr<Segment> segment_;
  std::uint64_t offset_;
  std::uint64_t size_;
  bool touched_ = false;
  bool kept_ = false;
};

/// The segment files of a store: which there are, and where the next extent goes.
/// Addresses are never used twice: every run writes to segments of its own, numbered
/// above all earlier ones, and the file of the highest number is never removed.
/// Safe for concurrent use.
class Segments : public std::enable_shared_from_this<Segments> {
 public:
  struct Options {
    std::filesystem::path directory;
    std::uint64_t segment_size = 0;
    std::uint64_t reserve_size = 0;  ///< Free space below which no extent is begun.
  };

  /// Lists the directory. Throws std::runtime_error if it cannot be read.
  Segments(Options options, Log& log);

  /// Waits for what is given back in the background; true if nothing is left behind.
  bool close();

  /// A place for `size` bytes, a multiple of kPageSize. Fails with out_of_space or unavailable.
  Result<std::shared_ptr<Reservation>> reserve(std::uint64_t size);

  /// The file for reading and punching. Fails with no_such_object if there is none of that number.
  Result<IoFilePtr> file(SegmentNumber number);

  /// Those that earlier runs wrote, in ascending order.
  std::vector<SegmentNumber> earlier() const;
  bool is_earlier(SegmentNumber number) const { return number < first_; }

  /// Removes the file if nobody writes to it, it holds no extent, and its number is not the highest.
  void remove_if_empty(SegmentNumber number);

  /// For blocking work on segment files; ended by close().
  boost::asio::thread_pool& background() { return background_; }

 private:
  friend class Reservation;
  std::filesystem::path path_of(SegmentNumber number) const;
  Result<std::shared_ptr<Segment>> create(SegmentNumber number);
  bool takes_more() const;
  Result<> renew_current(std::unique_lock<std::mutex>& lock);
  void prepare_next();
  Result<> check_space(std::uint64_t size) const;
  void give_back(const Reservation& reservation);
  void shrink(const Reservation& reservation, std::uint64_t size);

  const Options options_;
  Log& log_;
  SegmentNumber first_ = 1;  ///< This run's first.

  mutable std::mutex mutex_;
  std::condition_variable prepared_;
  std::vector<SegmentNumber> earlier_;
  SegmentNumber highest_ = 0;
  bool preparing_ = false;
  std::shared_ptr<Segment> current_;
  std::shared_ptr<Segment> next_;
  std::map<SegmentNumber, std::weak_ptr<Segment>> written_;  ///< Alive while somebody may write to it.

  struct OpenFile {
    SegmentNumber number;
    IoFilePtr file;
  };
  std::list<OpenFile> open_;  ///< The most recently used first.
  std::unordered_map<SegmentNumber, std::list<OpenFile>::iterator> open_by_number_;

  std::atomic<std::uint64_t> to_give_back_ = 0;
  std::atomic<std::uint64_t> reservations_ = 0;
  boost::asio::thread_pool background_{1};
};

}  // namespace sluice::local

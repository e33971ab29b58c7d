#pragma once

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/clock.h"
#include "gateway/core/log.h"
#include "gateway/object/record.h"

namespace sluice::object {

/// Gives the bytes that nothing names any more back to the store, and removes what is soft deleted
/// once it is due, in the background and for sure: what a commit unnames it writes down as garbage rows
/// of the same commit, and the reclaimer works those off, after every reader that
/// may still hold such bytes has gone. Extents that were sealed and never
/// committed are dropped directly. Safe for concurrent use.
class Reclaimer {
 public:
  Reclaimer(Backend backend, Log& log);
  /// `clock` tells when the unfinished work of other processes is taken for dead.
  Reclaimer(Backend backend, Log& log, const Clock& clock);
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  /// Held by whoever reads extents, from before it reads the index until the last
  /// byte: what becomes garbage meanwhile stays.
  using Reading = std::shared_ptr<const void>;
  Reading enter();

  /// An extent that was sealed but is named by no commit.
  void drop(const Extent& extent);

  /// There are garbage rows: work soon. From any thread.
  void wake();

  /// Works until stop(); run it as one coroutine. Starts with what earlier runs
  /// left, and at the end works off what can be.
  Task<> run();
  void stop();

  /// Works off a batch of what is there and can be worked off now; the count of
  /// rows and extents done. Fails with the first error after having tried all;
  /// what failed is tried again. Nothing is done while another call is at work.
  Task<std::uint64_t> run_once();

 private:
  friend class Building;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  struct Batch {
    std::vector<Entry> extents;  ///< Rows of extents, and of all else.
    std::vector<Entry> others;
    std::vector<Extent> dropped;
    std::size_t row_count() const { return extents.size() + others.size(); }
  };
  class Round;

  Task<Batch> gather();
  bool is_due(const Entry& row);
  void turn_over();
  bool readers_are_gone();
  Task<> release_dropped(Round& round, std::vector<Extent> dropped);
  Task<> release_extents(Round& round, const std::vector<Entry>& rows);
  Task<> work_off(Round& round, const Entry& row);
  Task<bool> step(const Entry& row);
  Task<bool> step_retained(const Entry& row);
  Task<bool> step_manifest(const Entry& row);
  Task<bool> step_upload(const Entry& row);
  Task<bool> step_bucket(const Entry& row);
  class TimerSlot;
  Awaitable<> pause(Timer& timer, const Result<std::uint64_t>& last);
  void interrupt();

  Backend backend_;
  Log& log_;
  const Clock& clock_;
  const std::string run_id_;  ///< Of this process.

  std::mutex mutex_;
  std::shared_ptr<const void> reading_ = std::make_shared<int>(0);
  std::vector<std::weak_ptr<const void>> earlier_;
  std::vector<Extent> dropped_;
  std::set<std::string, std::less<>> building_;
  std::shared_ptr<Timer> timer_;
  bool working_ = false;

  std::optional<Batch> batch_;  ///< Gathered, and waiting for its readers. Of whoever is working.
  std::string scan_from_;
  std::atomic<bool> awake_ = false;
  std::atomic<bool> stopping_ = false;
};

/// A sealed extent that no record names yet. Unless kept, it is dropped.
class StagedExtent {
 public:
  StagedExtent(Reclaimer& reclaimer, const Extent& extent) : reclaimer_(&reclaimer), extent_(extent) {}
  StagedExtent(StagedExtent&& other) noexcept
      : reclaimer_(std::exchange(other.reclaimer_, nullptr)), extent_(other.extent_) {}
  StagedExtent& operator=(StagedExtent&&) = delete;
  ~StagedExtent() {
    if (reclaimer_ != nullptr) reclaimer_->drop(extent_);
  }

  const Extent& extent() const { return extent_; }
  void keep() { reclaimer_ = nullptr; }

 private:
  Reclaimer* reclaimer_;
  Extent extent_;
};

/// A manifest that is written row by row, in several commits, before an object
/// names it. Its garbage row stands in the index from before the first of them to
/// the commit that names it; this process leaves that row alone as long as this
/// lives, others until it is due.
class Building {
 public:
  Building(Reclaimer& reclaimer, std::string manifest_id);
  ~Building();
  Building(const Building&) = delete;
  Building& operator=(const Building&) = delete;

  const std::string& id() const { return id_; }
  /// The row to put first. `owned`: the manifest's slices are counted as they are written.
  ManifestGarbage row(bool owned) const;

 private:
  Reclaimer& reclaimer_;
  std::string id_;
};

}  // namespace sluice::object

#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "gateway/core/backend.h"
#include "gateway/core/log.h"

namespace sluice::object {

/// Gives the bytes that nothing names any more back to the store, in the
/// background and for sure: what a commit unnames it writes down as garbage rows
/// of the same commit, and the reclaimer works those off, after every reader that
/// may still hold such bytes has gone. Extents that were sealed and never
/// committed are dropped directly. Safe for concurrent use.
class Reclaimer {
 public:
  Reclaimer(Backend backend, Log& log) : backend_(backend), log_(log) {}

  /// Held by whoever reads extents, from before it reads the index until the last
  /// byte: what becomes garbage meanwhile stays.
  using Reading = std::shared_ptr<const void>;
  Reading enter();

  /// An extent that was sealed but is named by no commit.
  void drop(const Extent& extent);

  /// There are garbage rows: work soon.
  void wake();

  /// Works until stop(); run it as one coroutine. Starts with what earlier runs left.
  Task<> run();
  void stop();

  /// Works off what is there and can be worked off now; the count of rows done.
  Task<std::uint64_t> run_once();

 private:
  Backend backend_;
  Log& log_;
  std::mutex mutex_;
  std::shared_ptr<const void> reading_ = std::make_shared<int>(0);
  std::vector<std::weak_ptr<const void>> earlier_;
  std::vector<Extent> dropped_;
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

}  // namespace sluice::object

#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "backends/local/extent_layout.h"

namespace sluice::local {

/// Small extents that were read and checked lately, whole, so that a hot one costs
/// neither a read nor another check. Holds at most `size_max` bytes, those among
/// them that were dropped and are still on their way to a client. Safe for
/// concurrent use.
class CheckedExtents {
 public:
  /// Longer ones are not kept: one would take the place of too many others.
  static constexpr std::uint64_t kLengthMax = 256 * 1024;

  explicit CheckedExtents(std::size_t size_max) : size_max_(size_max) {}

  /// All bytes of this very extent (id, length and checksum); empty if they are not here.
  Chunk find(const Extent& extent);
  /// Copies `bytes`, all of the extent's, if there is room or can be made.
  void keep(const Extent& extent, std::string_view bytes);
  void remove(ExtentId id);

 private:
  struct Row {
    Extent extent;
    Chunk bytes;
  };
  using Used = std::atomic<std::size_t>;
  void drop(std::list<Row>::iterator row);

  const std::size_t size_max_;
  const std::shared_ptr<Used> used_ = std::make_shared<Used>(0);  ///< By all memory that is not freed yet.
  std::mutex mutex_;
  std::list<Row> rows_;  ///< The most recently used first.
  std::unordered_map<ExtentId, std::list<Row>::iterator> by_id_;
};

}  // namespace sluice::local

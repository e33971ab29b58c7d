#pragma once

#include <list>
#include <mutex>
#include <unordered_map>

#include "backends/local/extent_layout.h"
#include "gateway/core/lendable_memory.h"

namespace sluice::local {

/// Small extents that were read and checked lately, whole, so that a hot one costs
/// neither a read nor another check nor, where it is lent, a copy. Has as much room as the memory
/// it is given; what was dropped and is still on its way to a client counts. Safe for
/// concurrent use.
///
/// They leave in the order in which they came, as the memory wants it. One that was found since it came is
/// put in again instead.
class CheckedExtents {
 public:
  /// Longer ones are not kept: one would take the place of too many others.
  static constexpr std::uint64_t kLengthMax = LendableMemory::kLengthMax;

  /// `memory` must outlive it, and be its alone; with none it keeps nothing.
  explicit CheckedExtents(LendableMemory* memory) : memory_(memory) {}

  /// All bytes of this very extent (id, length and checksum); empty if they are not here.
  Chunk find(const Extent& extent);
  /// Copies `bytes`, all of the extent's, if there is room or can be made.
  void keep(const Extent& extent, std::string_view bytes);
  void remove(ExtentId id);

 private:
  struct Row {
    Extent extent;
    Chunk bytes;
    bool found = false;  ///< Since it came, or came again.
  };
  void make_room();
  bool put_in_again(std::list<Row>::iterator row);
  void drop(std::list<Row>::iterator row);

  LendableMemory* const memory_;
  std::mutex mutex_;
  std::list<Row> rows_;  ///< The one that came last first.
  std::unordered_map<ExtentId, std::list<Row>::iterator> by_id_;
};

}  // namespace sluice::local

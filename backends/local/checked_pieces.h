#pragma once

#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <unordered_map>

#include "backends/local/extent_layout.h"
#include "gateway/core/lendable_memory.h"

namespace sluice::local {

/// A piece of an extent: a small one whole.
inline constexpr std::uint64_t kPieceSize = LendableMemory::kLengthMax;
constexpr std::uint64_t piece_length(const Extent& extent, std::uint64_t piece) {
  return std::min(kPieceSize, extent.length - piece * kPieceSize);
}

/// Pieces of extents that were read and checked lately, so that a hot one costs
/// neither a read nor another check nor, where it is lent, a copy. Has as much room as the memory
/// it is given; what was dropped and is still on its way to a client counts. Safe for
/// concurrent use.
///
/// They leave in the order in which they came, as the memory wants it. One that was found since it came is
/// put in again instead.
class CheckedPieces {
 public:
  /// `memory` must outlive it, and be its alone; with none it keeps nothing.
  explicit CheckedPieces(LendableMemory* memory) : memory_(memory) {}

  /// All bytes of a piece of this very extent (id, length and checksum); empty if they are not here.
  Chunk find(const Extent& extent, std::uint64_t piece);

  /// Is a piece that is read now worth its room? It is not unless it was asked for before, not too long
  /// ago; where others would have to leave for it, only one of sixteen of those is: more is asked for than
  /// there is room for, and keeping costs more than it brings. Guesses: a piece may be forgotten early.
  bool worth_keeping(const Extent& extent, std::uint64_t piece);

  /// Copies `bytes`, all of the piece's, if there is room or can be made; the copy, or nothing.
  Chunk keep(const Extent& extent, std::uint64_t piece, std::string_view bytes);

  /// Forgets all pieces of the extent.
  void remove(const Extent& extent);

 private:
  struct Row {
    Extent extent;
    ExtentId key;  ///< Of the piece's own place.
    Chunk bytes;
    bool found = false;  ///< Since it came, or came again.
  };
  void make_room(std::size_t size);
  bool put_in_again(std::list<Row>::iterator row);
  void drop(std::list<Row>::iterator row);

  LendableMemory* const memory_;
  std::array<std::atomic<ExtentId>, 1 << 16> asked_{};  ///< The last of each hash.
  std::atomic<unsigned> worth_{0};                      ///< Asked for again while there was no room.
  std::mutex mutex_;
  std::list<Row> rows_;  ///< The one that came last first.
  std::unordered_map<ExtentId, std::list<Row>::iterator> by_key_;
};

}  // namespace sluice::local

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backends/rdma/identity.h"

namespace sluice::rdma {

/// A disk that copies may be moved to and from.
struct DiskLoad {
  Uuid disk;
  std::string machine;  ///< No two copies should be on one.
  std::string zone;     ///< Copies should be in as many as there are.
  std::uint64_t slabs = 0;
  std::uint64_t used = 0;  ///< Slabs of extents that are to stay.
  std::uint64_t free = 0;  ///< Slabs a copy can have now: what was moved away is freed late.
};

/// A sealed extent, and where its copies are.
struct PlacedExtent {
  ExtentNumber extent{};
  std::vector<Uuid> members;
};

/// A copy that is to be on another disk.
struct Move {
  ExtentNumber extent{};
  Uuid from;
  Uuid to;
  friend bool operator==(const Move&, const Move&) = default;
};

/// A disk is full enough if it is within so much of the mean: less is not worth what moving costs.
inline constexpr double kFillTolerance = 0.05;

/// Which copies to move where, each move as if those before were done. Pure.
///
/// No move brings copies nearer together than they were, and an extent is moved once. Levelling ends: no move makes
/// the disk it fills fuller than the one it empties.
class Balance {
 public:
  /// Extents with members that are not among the disks are left where they are.
  Balance(std::vector<DiskLoad> disks, std::vector<PlacedExtent> extents);

  /// Of an extent with two copies on one machine or in one zone, one that can be farther from the others.
  std::optional<Move> next_apart();
  /// From a fuller disk to an emptier one, while any is not within kFillTolerance of the mean.
  std::optional<Move> next_level();

  /// Moves that levelling takes at least.
  std::uint64_t left() const;
  /// Extents of which two copies are on one machine or in one zone, wherever else there is room.
  std::uint64_t crowded() const;

 private:
  struct Extent {
    PlacedExtent placed;
    std::vector<std::size_t> at;  ///< Its disks.
    bool moved = false;
  };
  struct Pair {
    std::size_t from, to;
    auto operator<=>(const Pair&) const = default;
  };

  std::size_t crowding(const std::vector<std::size_t>& at) const;
  std::size_t crowding_min(std::size_t copies) const;
  std::optional<std::vector<std::size_t>> with(const Extent& extent, Pair pair) const;
  bool levels(Pair pair) const;
  std::optional<Pair> apart(const Extent& extent) const;
  std::optional<Move> move_one(Pair pair);
  Move move(Extent& extent, Pair pair);
  std::vector<std::size_t> fullest_first() const;
  double fill(std::size_t disk) const;

  std::vector<DiskLoad> disks_;
  std::vector<Extent> extents_;
  std::vector<std::vector<std::size_t>> on_;  ///< Extents by disk.
  std::map<Pair, std::size_t> looked_at_;     ///< Of on_[from], so many were tried.
  std::size_t machines_ = 0, zones_ = 0;
  std::size_t apart_looked_at_ = 0;
  double mean_ = 0;
};

}  // namespace sluice::rdma

#pragma once

#include <set>
#include <vector>

#include "backends/rdma/seal.h"
#include "backends/rdma/wire.h"

namespace sluice::rdma {

/// A member of a sealed extent, as the manager sees it.
struct MemberState {
  Uuid disk{};
  bool there = false;    ///< It answers.
  bool good = false;     ///< It counts as a copy: not damaged, drained or lost, nor to be moved elsewhere.
  bool damaged = false;  ///< It was found to be.
};

/// What a repair makes of the members of a sealed extent. Pure.
///
/// The rules (docs/rdma.md): each record is set only in place of the one before, so that of two
/// repairs one fails. First begun(), which names the disks that are going to be filled, so that they
/// keep what they get, and has an epoch of its own, so that a disk which dropped the extent once
/// takes it again. A disk is filled() when it has said that all is durable there. Then mended(), which
/// alone makes it a member, and leaves out a bad one where there are enough others.
class Mending {
 public:
  /// `wanted`: copies.
  Mending(ExtentRecord record, std::vector<MemberState> members, std::size_t wanted)
      : record_(std::move(record)), members_(std::move(members)), wanted_(wanted) {}

  /// Copies that are to be made.
  std::size_t missing() const;
  /// What to set before any is made on these disks.
  ExtentRecord begun(const std::vector<Uuid>& targets);

  void filled(const Uuid& disk) { filled_.push_back(disk); }

  /// The run was whole on no disk that is there. What to set before any disk takes it without some of its bytes.
  ExtentRecord loses(const Run& run);
  /// The disk may have what is lost: it is not left out.
  void keep(const Uuid& disk) { kept_.insert(disk); }

  /// A bad member is kept while there are too few others; a damaged one as partial, where a good one
  /// is there: it can be filled again from before the damage on (Scrub::amend). While there are too few,
  /// disks that may have some of it keep it, and so do those of keep().
  ExtentRecord mended() const;
  /// mended() has as many good members as are wanted.
  bool whole() const { return good() + filled_.size() >= wanted_; }

 private:
  std::size_t good() const;
  bool has_all_elsewhere() const;

  ExtentRecord record_;  ///< As it was, or begun().
  std::vector<MemberState> members_;
  std::size_t wanted_;
  std::vector<Uuid> filled_;
  std::set<Uuid> kept_;
};

/// What disks said they have of an extent.
struct Sources {
  std::vector<std::vector<Run>> complete;  ///< The runs of each that has all up to the sealed length.
  std::vector<std::vector<Run>> damaged;   ///< So, of each that was found damaged: only if there is no other.
  std::size_t emptied = 0;                 ///< Of members of whose runs all were released, as they say.

  /// Nothing of it is needed by anybody: two members or more say so. One alone may have lost
  /// the end of its log.
  bool nothing_left(std::size_t copies_min) const {
    return complete.empty() && damaged.empty() && emptied >= copies_min;
  }
  bool has_all() const { return !complete.empty() || !damaged.empty(); }
  /// What is to be copied: a run that only a damaged disk still has may be released, and unreadable.
  const std::vector<std::vector<Run>>& lists() const { return complete.empty() ? damaged : complete; }
};

/// The runs that any of them has, in the order of their pages: one may have heard of a release that
/// others did not. Where two overlap, what stands for released runs meets those, and either will do.
std::vector<Run> runs_of_any(const std::vector<std::vector<Run>>& lists);

}  // namespace sluice::rdma

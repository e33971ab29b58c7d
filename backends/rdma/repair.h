#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <vector>

#include "backends/rdma/balance.h"
#include "backends/rdma/cluster.h"
#include "backends/rdma/disk_health.h"
#include "backends/rdma/mending.h"
#include "backends/rdma/pace.h"

namespace sluice::rdma {

struct RepairOptions {
  /// Copies are moved no faster, one at a time. What is endangered is copied as fast as it goes.
  std::uint64_t move_rate = 64 << 20;
  /// How often it is looked for copies that share a zone or a machine.
  std::chrono::seconds look_apart_period{60};
  /// How often lost runs are looked for on disks that did not have them.
  std::chrono::seconds look_for_lost_period{60};
};

/// What a round of repair found, and did.
struct Repaired {
  std::uint64_t extents = 0;     ///< Sealed ones, after the round.
  std::uint64_t open = 0;        ///< Of gateways that are alive.
  std::uint64_t sealed = 0;      ///< Of gateways that are gone, in this round.
  std::uint64_t unsealed = 0;    ///< Of gateways that are gone, that could not be: too few members answer.
  std::uint64_t endangered = 0;  ///< Had too few copies before the round.
  std::uint64_t copied = 0;      ///< Of those, that have enough now.
  std::uint64_t lost = 0;        ///< Of those, with no member that can be read.
  std::uint64_t lost_runs = 0;   ///< Whole on no disk that is there, after the round; their extents are copied without.
  std::uint64_t damaged = 0;     ///< Copies with damage that were members before the round.
  std::uint64_t crowded = 0;     ///< Of which two copies share a zone or a machine, though there is room elsewhere.
  std::uint64_t moved = 0;       ///< Copies that are on another disk now, to level fills or to keep them apart.
  bool balancing = false;        ///< It is asked for, and not reached.
  std::uint64_t moves_left = 0;  ///< That balancing takes at least.
};

/// The part of the cluster's manager that looks after copies: seals what dead gateways left
/// open, copies extents that have too few good members, replaces copies that nodes found
/// damaged, and empties disks that are drained. What is whole on no disk that is there is put down in the extent's
/// record, and comes back when a disk returns that has it. It moves copies apart that share a zone or a machine while
/// others have room, and from fuller to emptier disks when that is asked for.
/// All it decides is set by comparing, so that two at one time do nothing wrong. Of the
/// thread of `cluster`, and gone before it.
class Repair {
 public:
  /// A disk that `health` calls lost is copied from the others.
  Repair(Cluster& cluster, DiskHealth& health, RepairOptions options)
      : cluster_(cluster), health_(health), options_(options), move_pace_(options.move_rate) {}

  /// Looks at every extent once, the most endangered first; then moves copies for a while, if there is any to move.
  /// Ends early once `go_on` is false.
  Task<Repaired> round(const std::atomic<bool>& go_on);

 private:
  using Clock = std::chrono::steady_clock;
  struct Candidate {
    std::size_t good;
    ExtentNumber extent;
  };

  /// An extent's turn: what it is like, and the disks to fill.
  struct Turn {
    ExtentNumber extent;
    VersionedRecord found;
    Mending mending;
    std::vector<Uuid> targets;
    bool searched = true;                      ///< All disks that are there, for what is lost.
    const std::atomic<bool>* go_on = nullptr;  ///< Of a move, which ends when this is false.
  };

  /// An extent on its way to one more disk.
  struct Copy {
    ExtentNumber extent;
    ExtentRecord record;
    Uuid target{};
    std::vector<Run> runs{};       ///< What it has.
    Pages at = 0;                  ///< So far.
    std::vector<Pages> fillers{};  ///< Runs that stand for what was given back.
    bool had_some = false;         ///< From before.
    bool filled = false;
    std::optional<Run> lost{};                 ///< That the record does not know to be so yet.
    const std::atomic<bool>* go_on = nullptr;  ///< Of a move.
  };

  Task<> begin_round();
  std::size_t good_among(ExtentNumber extent, const ExtentRecord& record) const;
  bool is_whole(ExtentNumber extent, const ExtentRecord& record) const;
  /// `leaving`: a good member that is not to be one any more.
  Mending mending_of(ExtentNumber extent, const ExtentRecord& record, std::optional<Uuid> leaving = {}) const;
  Task<std::vector<Candidate>> look_at_extents(Repaired& found);
  Task<> look_at(const NumberedRecord& one, std::map<Uuid, bool>& buried, std::vector<Candidate>& candidates,
                 Repaired& found);
  Task<> forget_what_went();
  Task<bool> mend(ExtentNumber extent);
  Task<bool> mend(Turn turn);
  Task<std::vector<Uuid>> targets(ExtentNumber extent, const ExtentRecord& record, std::size_t count);
  Task<std::optional<std::uint64_t>> set(ExtentNumber extent, std::uint64_t revision, const ExtentRecord& record);
  Task<> seal_at(ExtentNumber extent, const ExtentRecord& record, const Uuid& target);
  Task<Sources> sources(ExtentNumber extent, const ExtentRecord& record);
  Task<std::vector<Run>> pieced_together(ExtentNumber extent, const ExtentRecord& record,
                                         const std::vector<Uuid>& disks);
  /// False if it is another's turn now.
  Task<bool> fill_targets(Turn& turn, VersionedRecord& begun, const std::vector<Run>& runs, Result<>& outcome);
  Task<> copy_to_all(std::vector<Copy>& copies, Mending& mending);
  Task<> copy(Copy& copy);
  Task<> fill(Copy& copy, Pages end);
  Task<> copy_run(Copy& copy, Run run);
  Task<> append(Copy& copy, Run run, Chunk slot);
  Task<> check_what_was_there(Copy& copy);
  Task<Chunk> staging_slot();

  /// What could be read of a run.
  struct Gathered {
    bool whole = false;
    bool certain = true;  ///< Every disk that is there has given what it has.
  };
  Task<Gathered> gather(ExtentNumber extent, const ExtentRecord& record, Run run, Chunk slot, const Uuid& last);
  /// Where a run is read from, one disk after the other.
  struct Source {
    ExtentNumber extent;
    Run run;
    std::vector<Uuid> disks;
  };
  Awaitable<bool> read_into(const Source& from, ByteRange range, Chunk slot, bool& certain);
  Task<> read_into(const Uuid& disk, ExtentNumber extent, Run run, ByteRange range, Chunk slot);
  std::vector<Uuid> disks_there(const ExtentRecord& record, const Uuid& last) const;
  Task<bool> is_released(ExtentNumber extent, const ExtentRecord& record, Run run);
  Task<BlockSums> blocks_of(ExtentNumber extent, const ExtentRecord& record, Run run);
  Result<> lose(Copy& copy, Run run, const Gathered& gathered) const;
  Task<> append_lacking(Copy& copy, Run run, Chunk slot);
  Task<bool> patch_at(const Uuid& disk, ExtentNumber extent, Run run, Chunk slot);
  bool is_search_due(ExtentNumber extent, const VersionedRecord& found);
  Task<bool> search(ExtentNumber extent, VersionedRecord& found);
  Awaitable<bool> give_to_members(ExtentNumber extent, const ExtentRecord& record, Run run, Chunk slot, bool& given);
  void keep_who_may_have_it(const Turn& turn, const ExtentRecord& record, Mending& mending) const;

  Task<> move_copies(Repaired& found, const std::atomic<bool>& go_on);
  struct Loads {
    std::vector<DiskLoad> disks;
    bool complete = true;  ///< All that are alive have answered.
  };
  Awaitable<Loads> loads();
  Awaitable<> ask_load(const Node& node, Loads& loads);
  Task<bool> move(const Move& move, const std::atomic<bool>& go_on);

  Cluster& cluster_;
  DiskHealth& health_;
  const RepairOptions options_;
  std::set<Damage> still_there_;  ///< Of what was reported, what a record counts on.
  std::optional<Balancing> balancing_;
  std::vector<PlacedExtent> placed_;        ///< Extents with enough good members.
  std::map<Uuid, std::uint64_t> on_disks_;  ///< Extents that name a disk.
  /// Of an extent with lost runs, when they were looked for.
  struct Searched {
    std::uint64_t revision = 0;
    std::vector<Uuid> there;
    Clock::time_point again;
  };
  std::map<ExtentNumber, Searched> searched_;
  std::vector<ExtentNumber> losing_;  ///< With enough copies, of all but what is lost.
  std::uint64_t lost_runs_ = 0;
  Pace move_pace_;
  Clock::time_point next_look_apart_;
};

}  // namespace sluice::rdma

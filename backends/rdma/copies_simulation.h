#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/rdma/control.h"
#include "backends/rdma/mending.h"
#include "backends/rdma/simulated_node.h"

namespace sluice::rdma {

/// All true is the protocol.
struct CopyRules : NodeRules {
  bool records_are_compared = true;
  bool copies_have_an_epoch = true;
  bool the_filled_are_named_before = true;
  bool the_doomed_are_condemned = true;
  bool sources_are_complete = true;
  bool bytes_are_checked = true;
  bool bad_members_stay = true;
  bool reports_are_taken_back = true;
  bool the_damaged_begin_anew = true;
  bool who_begins_anew_says_so = true;
  bool gaps_are_filled = true;
  bool damage_is_reported = true;
  bool the_moved_stay_until_it_is_done = true;
  bool only_the_filled_are_members = true;
};

/// What a disk that is no member may have of an extent.
enum class Rest : std::uint8_t { short_of_it, rotten, left_out, dropped };

/// A world of one extent and three disks or a few more, in which little happens: for what is rare elsewhere.
struct Small {
  std::size_t members = 2;
  Rest rest{};            ///< Of the other disks.
  bool one_rots = false;  ///< The last disk does, at any time.
  std::size_t managers = 1;
  std::size_t spare_disks = 0;
};

/// The life of sealed extents under one seeded schedule of everything that can go wrong: copies, drained and
/// replaced disks, damage, releases, orphans and collection, by the program's own rules (DiskTable, Replica,
/// Mending, counts_on, may_append). The plays of the actors say what Repair, Cluster, Orphans and Scrub say.
class CopiesSimulation {
 public:
  CopiesSimulation(std::uint64_t seed, CopyRules rules, std::optional<Small> small = {});

  /// Runs one schedule; what was violated, or nothing.
  std::string run();

  std::uint64_t copies() const { return copies_; }
  std::uint64_t moves() const { return moves_; }

 private:
  /// A request that waits, or just a moment at which others may act.
  struct Call {
    bool over = false;
    std::optional<Answer> answer;  ///< None: it is not known whether it was done.
  };

  struct Actor {
    std::optional<Play<bool>> play;
    std::shared_ptr<Call> waits;
    std::coroutine_handle<> at;
  };

  /// Some of what can happen comes together only where little else does.
  enum class Theme : std::uint8_t { all, drains, rot };

  struct Wait {
    CopiesSimulation& simulation;
    std::shared_ptr<Call> call;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      simulation.acting_->at = handle;
      simulation.acting_->waits = call;
    }
    std::optional<Answer> await_resume() { return std::move(call->answer); }
  };

  // ---- how it begins: sealed extents on one to three disks, with runs that are live

  void make_extent(ExtentNumber extent);
  /// Whether the record names the disk.
  bool store_some(SimulatedNode& node, ExtentNumber extent, std::vector<Run> runs, Pages pages);
  static void store(SimulatedNode& node, ExtentNumber extent, const std::vector<Run>& runs,
                    std::optional<Pages> sealed);

  // ---- the network and the scheduler

  /// Others act meanwhile.
  Wait moment();
  /// It stands still, perhaps for long.
  Play<bool> pause();
  /// Asks the node that has the disk, if it can be reached when the request arrives.
  Wait ask(const Uuid& disk, ExtentNumber extent, std::function<void(SimulatedNode&, const NodeReply&)> work);
  void act(Actor& actor);
  Play<bool> next_play(const Actor& actor);

  // ---- the control store

  std::optional<VersionedRecord> find(ExtentNumber extent) const;
  bool is_at(ExtentNumber extent, std::uint64_t revision) const;
  /// The new revision; 0: it was not set.
  std::uint64_t set(ExtentNumber extent, std::uint64_t revision, const ExtentRecord& record);
  void erase(ExtentNumber extent, std::uint64_t revision);

  // ---- the manager: Repair

  bool is_there(const Uuid& disk) const;
  std::vector<MemberState> members_of(ExtentNumber extent, const ExtentRecord& record, const std::set<Damage>& damage);
  std::vector<Uuid> targets(ExtentNumber extent, const ExtentRecord& record, std::size_t count,
                            const std::set<Damage>& damage);
  Play<bool> mend(ExtentNumber extent);
  /// Now and then, of an extent that lacks nothing, a member to move elsewhere.
  std::optional<Uuid> leaving(const ExtentRecord& record, std::vector<MemberState>& members);
  /// Sets it, of a move: there are as many whole copies then as before.
  std::uint64_t set_moved(ExtentNumber extent, std::uint64_t revision, const ExtentRecord& record);
  std::size_t copies_of(ExtentNumber extent, const ExtentRecord& record) const;
  /// What became a member has all, but for what happened to its disk since it said so.
  void look_at_copy(ExtentNumber extent, const ExtentRecord& record, const Uuid& disk);
  ExtentRecord mended_by(const Mending& mending, const std::vector<MemberState>& members) const;
  Play<bool> seal_at(ExtentNumber extent, ExtentRecord record, Uuid target);
  static std::vector<Uuid> disks_of(const ExtentRecord& record);
  Play<Sources> sources(ExtentNumber extent, ExtentRecord record, std::set<Damage> damage);
  Play<bool> copy(ExtentNumber extent, ExtentRecord record, std::vector<Run> runs, Uuid target);
  struct Gap {
    Pages at, end;
  };
  Play<bool> fill(ExtentNumber extent, ExtentRecord record, Uuid target, Gap gap, std::vector<Pages>& fillers);
  /// The run from any other disk, or without its bytes.
  Play<Stored> fetch(ExtentNumber extent, ExtentRecord record, Run run, Uuid target);
  Play<bool> append(ExtentNumber extent, Epoch epoch, Uuid target, Stored stored);

  // ---- gateways: Cluster's release and collect

  /// Whether the disk has nothing of the extent any more.
  Play<bool> release_at(ExtentNumber extent, Uuid disk, Pages page);
  Play<bool> release_at_all(ExtentNumber extent, ExtentRecord record, Pages page);
  Play<bool> release(ExtentNumber extent);
  Play<bool> collect(ExtentNumber extent);

  // ---- a node looks at its disk: Orphans and Scrub

  Play<bool> look_at_disk(std::size_t n, ExtentNumber extent);
  Play<bool> amend(SimulatedNode& node, ExtentNumber extent);
  Play<bool> begin_anew(SimulatedNode& node, ExtentNumber extent, VersionedRecord found);
  bool is_counted_on(const SimulatedNode& node, ExtentNumber extent) const;
  Play<bool> drop(SimulatedNode& node, ExtentNumber extent);
  void report_damage(SimulatedNode& node, ExtentNumber extent);

  // ---- what happens next

  void disturb();
  void disturb_by_any(std::size_t n);
  /// Of each extent at least one member has all.
  bool others_are_whole(std::size_t n) const;
  void rot(std::size_t n);
  /// A disk is damaged, or replaced, or forgets the end of its log: only where all others have all.
  void harm(std::size_t n);
  void move();
  /// Faults stop: every copy that is needed must be made, and all else be gone.
  void settle();
  bool is_settled() const;
  void crash(std::size_t n);

  // ---- what must hold at every moment

  /// Also if it crashed now.
  bool is_readable(ExtentNumber extent, const Run& run, const Uuid& member) const;
  bool is_whole(ExtentNumber extent, const Uuid& member) const;
  bool has_rot(ExtentNumber extent, const Uuid& member) const;
  void check();

  const CopyRules rules_;
  Chance chance_;
  SimulatedNetwork network_{chance_};
  std::optional<Small> small_;
  bool quiet_ = false;
  Theme theme_{};
  std::size_t extents_ = 0;
  std::size_t nodes_wait_ = 0;  ///< So many turns until they look at their disks.
  std::vector<SimulatedNode> nodes_;
  std::optional<std::size_t> cut_off_;
  std::uint8_t formatted_ = 0;
  std::vector<Actor> actors_;
  Actor* acting_ = nullptr;

  std::map<ExtentNumber, std::map<Pages, Run>> contents_;
  std::map<ExtentNumber, std::set<Pages>> live_;  ///< What the index names.
  std::map<ExtentNumber, VersionedRecord> records_;
  std::set<Damage> damage_;
  std::uint64_t revision_ = 0;
  std::uint64_t copies_ = 0;
  std::uint64_t moves_ = 0;
  std::string violation_;
};

}  // namespace sluice::rdma

#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

#include "backends/rdma/disk_log.h"
#include "backends/rdma/pace.h"
#include "backends/rdma/replica.h"
#include "backends/rdma/survey.h"
#include "backends/rdma/waiters.h"

namespace sluice::rdma {

struct DiskOptions {
  /// Holes, for what is released. A partition, and an old file system, has none.
  bool punches = true;
  /// Comes before each hole for a run; for tests.
  std::function<Awaitable<>()> before_hole{};
};

struct DiskLayout {
  Uuid cluster;
  std::uint64_t size = 0;               ///< Bytes of the file or partition to use.
  std::uint64_t slab_size = 256 << 20;  ///< The longest extent.
  std::uint64_t log_size = 8 << 20;     ///< Of each of two areas.
};

/// One device of an extent node: a file or a raw partition, formatted as docs/rdma.md
/// says. Of one thread: that of `executor`, which must have stopped running before the
/// disk is destroyed, and be destroyed after it.
///
/// Runs of an extent that is not sealed are in its Replica; all others are found on disk
/// when they are asked for.
class Disk {
 public:
  /// Makes a new incarnation of the disk: what was there is lost. Throws std::runtime_error
  /// for the operator, also if a Sluice disk is there already and `overwrite` is not set.
  static void format(const std::filesystem::path& path, const DiskLayout& layout, bool overwrite = false);

  /// Opens it, reads the log, and checks every byte of the extents that are not sealed;
  /// blocking. Throws std::runtime_error for the operator.
  Disk(const std::filesystem::path& path, const Executor& executor, DiskOptions options = {});

  const Superblock& superblock() const { return superblock_; }
  const DiskTable& table() const { return table_; }
  /// A write to it failed: it takes nothing more until it is opened again.
  bool failed() const;

  /// The rules and runs of an extent that is not sealed; made if there is none.
  Replica& replica(ExtentNumber extent);

  /// Writes a run, header page and bytes in one, and returns when it is durable. `image`
  /// is as long as the run's pages. Finds the extent a slab; fails with out_of_space.
  Task<> write(ExtentNumber extent, Run run, Chunk image);

  /// Each returns when the change is durable.
  Task<> fence(ExtentNumber extent, Epoch epoch);
  Task<> seal(ExtentNumber extent, Pages pages);
  /// Gives a run's space back, and the extent's slab with the last of a sealed one.
  /// Fails with corrupt if no run begins at `page`. Idempotent.
  Task<> release(ExtentNumber extent, Pages page);

  /// Frees the extent's slab, whatever is in it; of the extent only its fence is known from
  /// then on. Fails with busy while an append is under way.
  Task<> drop(ExtentNumber extent);

  /// The run whose header is at `page`, released or not; nothing if no run of the extent begins there.
  Task<std::optional<Run>> run_at(ExtentNumber extent, Pages page);

  /// Whether exactly this run is at its place, every byte of it; it is durable then.
  Task<bool> has(ExtentNumber extent, Run run);

  /// Forgets that the extent is sealed, and all runs but these, which are its first ones: the others' bytes
  /// stay until they are appended again, at `epoch` or above. Fails with busy while something is under way.
  Task<> begin_anew(ExtentNumber extent, Epoch epoch, const std::vector<Run>& kept);

  /// Somebody is about to drop the extent or to begin it anew: until it is decided, the node answers
  /// nothing about it. Forgotten when the disk is closed.
  void condemn(ExtentNumber extent) { condemned_.insert(extent); }
  void spare(ExtentNumber extent) { condemned_.erase(extent); }
  bool is_condemned(ExtentNumber extent) const { return condemned_.contains(extent); }

  /// The runs that begin at or behind `from` and are not released, at most `count` of them. Fails
  /// with corrupt if the disk never had the extent.
  Task<std::vector<Run>> list(ExtentNumber extent, Pages from, std::size_t count);

  /// What can be said of the runs of a sealed extent from `from` on, where a part begins, in at most `count` parts:
  /// also behind headers that cannot be read. Fails with corrupt if the disk has nothing of the extent, or it is not
  /// sealed.
  Task<Survey> survey(ExtentNumber extent, Pages from, std::size_t count);

  /// Of a run of a sealed extent: takes the blocks of `bytes` that are right in place of those on the disk that are
  /// not, in one write, and returns when they are durable; whether all of the run is right then. Fails with corrupt
  /// if that run is not needed there, with busy while it is on its way elsewhere.
  Task<bool> patch(ExtentNumber extent, Run run, Chunk bytes);

  /// The header of the run at `page`; corrupt if there is none or it was released.
  Task<RunHeader> header(ExtentNumber extent, Pages page);

  /// Reads the blocks that hold [offset, offset + length) of the run into `memory`, from
  /// its beginning, and checks each; where in `memory` the bytes begin. `memory` must have
  /// room for the blocks, in whole pages. Fails with corrupt.
  Task<std::size_t> read(const RunHeader& header, std::uint32_t offset, std::uint32_t length, Chunk memory);

  /// Where the header of the run at the page is on the device, should there be one.
  std::optional<std::uint64_t> where(ExtentNumber extent, Pages page) const;

  /// Moves the runs that are needed from a slab of a sealed extent, or one that compaction filled, to where
  /// they are close together, and frees it; whether it did. At a crash each run is where it was or where it
  /// is to be, whole. What is damaged is not moved: it fails with corrupt. One at a time.
  Task<bool> move_out(std::uint32_t slab, Pace& pace);
  /// The slab that compaction fills just now.
  std::optional<std::uint32_t> filling() const { return filling_; }
  /// Pages of the runs in the slab that are needed, their headers included. Reads all headers.
  Task<Pages> needed_in(std::uint32_t slab);

 private:
  /// A run that was copied to its new place.
  struct Copied {
    ExtentNumber extent;
    Pages page;
    Spot to;
  };
  /// What leaves a slab.
  struct Leaving {
    std::uint32_t slab;
    std::map<ExtentNumber, std::vector<Pages>> tenants;
    Pages filled_before = 0;
    std::vector<Copied> copied{};
    std::set<std::uint32_t> targets{};  ///< Reserved.
    bool began_anew = false;            ///< The only target, for this.
    bool logged = false;
  };

  Task<std::optional<RunHeader>> header_at(ExtentNumber extent, Pages page);
  Task<bool> patch_now(ExtentNumber extent, Run run, Chunk bytes);
  Task<bool> move_out(Leaving& leaving, Pace& pace);
  Task<> copy_out(Leaving& leaving, ExtentNumber extent, Pace& pace);
  Task<std::vector<Run>> runs_in(std::uint32_t slab, ExtentNumber extent);
  Result<Spot> spot_for(Pages pages, Leaving& leaving);
  Task<std::optional<Chunk>> image(ExtentNumber extent, const Run& run);
  std::vector<Record> moves(const Leaving& leaving) const;
  Task<std::uint32_t> gather(ExtentNumber extent);
  Task<> gather_into(std::uint32_t slab, ExtentNumber extent);
  bool is_busy(ExtentNumber extent) const { return punching_.contains(extent) || moving_.contains(extent); }
  Task<> change(std::vector<Record> records);
  Task<> drop_if_empty(ExtentNumber extent);
  Task<> drop_now(ExtentNumber extent);
  bool is_appended_to(ExtentNumber extent);
  void scan(ExtentNumber extent, const ExtentEntry& entry);
  Task<> punch(ExtentNumber extent, const Run& run);
  Awaitable<> punch(std::uint64_t offset, std::uint64_t size);

  IoFilePtr file_;
  Superblock superblock_;
  DiskTable table_;
  DiskFlush flush_;
  std::unique_ptr<DiskLog> log_;
  std::unordered_map<ExtentNumber, Replica> replicas_;
  std::set<ExtentNumber> condemned_;
  const DiskOptions options_;
  std::map<ExtentNumber, std::size_t> punching_;  ///< Holes on their way into its slab.
  std::set<ExtentNumber> moving_;                 ///< Being compacted, or dropped.
  Waiters punched_;                               ///< One of both is over.
  std::optional<std::uint32_t> filling_;
  Pages filled_ = 0;  ///< Of that.
};

}  // namespace sluice::rdma

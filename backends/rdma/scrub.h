#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "backends/rdma/control.h"
#include "backends/rdma/disk.h"
#include "backends/rdma/pace.h"
#include "gateway/core/log.h"

namespace sluice::rdma {

struct ScrubOptions {
  std::uint64_t bytes_per_second = 16 << 20;  ///< It reads no faster.
};

/// What it did so far.
struct ScrubCounts {
  std::uint64_t rounds = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;  ///< Extents that were reported.
};

/// Reads what a disk has, checks every block, and reports extents with damage to the
/// cluster, whose manager puts good copies elsewhere. Of the disk's thread.
class Scrub {
 public:
  Scrub(Disk& disk, Control& control, ScrubOptions options, Log& log)
      : disk_(disk), control_(control), log_(log), pace_(options.bytes_per_second) {}

  /// Checks every extent once, sealed or open, beginning anywhere: a node that restarts
  /// often comes to all of them. Then looks for extents the cluster counts on, and the disk
  /// has not all of.
  Task<> round();

  /// Somebody met damaged bytes in it: check_suspects(), or a round under way, looks at it
  /// before others.
  void suspect(ExtentNumber extent);
  Task<> check_suspects();

  /// Does what the disk itself can about damage that it reported, once it is no member any more. Where it is
  /// partial, it begins the extent anew from before the damage; where the cluster does not count on it at all,
  /// what it has is to be dropped (Orphans). Then it takes the report back, and can be filled again. An extent
  /// that is written to just now is left for the next time.
  Task<> amend();

  const ScrubCounts& counts() const { return counts_; }

 private:
  /// Which copy of an extent it was: a disk may drop one and take another.
  struct Place {
    std::optional<std::uint32_t> slab;  ///< Nothing: compacted.
    Epoch fence{};
    friend bool operator==(const Place&, const Place&) = default;
  };

  std::optional<Place> place(ExtentNumber extent) const;
  bool is_needed(ExtentNumber extent, Pages page) const;
  bool is_short(ExtentNumber extent, Pages pages);
  Task<> check(ExtentNumber extent);
  Task<std::set<Pages>> lost_runs(ExtentNumber extent);
  Task<> read_all(ExtentNumber extent, const std::set<Pages>& lost = {});
  Task<> read_run(ExtentNumber extent, const Run& run);
  Task<> amend(ExtentNumber extent);
  Task<> begin_anew(ExtentNumber extent, const VersionedRecord& found);
  Task<std::vector<Run>> whole_runs(ExtentNumber extent);
  Task<> look_for_missing();
  Task<> report(ExtentNumber extent, const std::string& detail);

  Disk& disk_;
  Control& control_;
  Log& log_;
  Pace pace_;
  std::set<ExtentNumber> suspects_;
  std::map<ExtentNumber, Place> reported_;
  ScrubCounts counts_;
};

}  // namespace sluice::rdma

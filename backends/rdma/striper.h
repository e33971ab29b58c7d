#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/rdma/cluster.h"
#include "backends/rdma/disk_health.h"
#include "backends/rdma/pace.h"
#include "backends/rdma/striping.h"

namespace sluice::rdma {

struct StriperOptions {
  std::optional<Scheme> scheme;              ///< Of new stripes; none are made without.
  std::chrono::seconds after{24 * 60 * 60};  ///< How long an extent must have been sealed.
  /// Coding reads copies no faster, in bytes a second, nor what it has written again. What is lost is made anew as fast
  /// as it goes.
  std::uint64_t code_rate = 64 << 20;
};

/// What a round found, and did.
struct Striped {
  std::uint64_t stripes = 0;   ///< There were.
  std::uint64_t extents = 0;   ///< Coded, before the round.
  std::uint64_t coded = 0;     ///< In this round.
  bool more = false;           ///< Another stripe can be made at once: by the next round, behind repairs.
  std::uint64_t missing = 0;   ///< Fragments of stripes without a good disk, before the round.
  std::uint64_t rebuilt = 0;   ///< Of those, in this round.
  std::uint64_t lost = 0;      ///< Stripes of which too few fragments can be read now.
  std::uint64_t returned = 0;  ///< Extents of mostly dead stripes that are copies again.
  std::uint64_t dropped = 0;   ///< Stripes and fragments that nothing named.
};

/// The part of the cluster's manager that looks after stripes: codes sealed extents that are cold, makes
/// fragments anew whose disks are lost, drained or damaged, and drops what an end in the middle of that left.
/// All it decides is set by comparing, so that two at one time do nothing wrong. Of the thread of `cluster`, and gone
/// before it.
class Striper {
 public:
  Striper(Cluster& cluster, DiskHealth& health, StriperOptions options)
      : cluster_(cluster), health_(health), options_(options), code_pace_(options.code_rate) {}

  /// Looks at every record once, the most endangered stripe first, and codes one stripe at most: repairs come between
  /// two. Ends early once `go_on` is false, at the next window.
  Task<Striped> round(const std::atomic<bool>& go_on);

 private:
  using Clock = std::chrono::steady_clock;

  /// All records, by what they are of.
  struct Census {
    std::vector<NumberedRecord> stripes, fragments, sealed;
    std::map<ExtentNumber, ExtentNumber> coded_in;  ///< Extents, and their stripes.
    std::vector<NumberedRecord> half_returned;
    std::set<ExtentNumber> named;  ///< Stripes by extents, and fragments by stripes.
  };
  /// A fragment on its way to its disk.
  struct Making {
    StripePlace place;
    Pages pages = 0;
    Fragment fragment;
    Result<> outcome;
  };
  struct Returning;
  class ReplicaImage;
  class ImageCheck;

  Task<Census> look_at_records();
  Result<> go_on() const;
  /// When coding may read so many bytes.
  Task<> pace(std::uint64_t bytes);
  bool is_good(const Fragment& fragment) const;
  std::vector<std::size_t> missing_of(const Stripe& stripe) const;

  Task<std::uint64_t> rebuild(ExtentNumber number);
  Task<> make_anew(const Stripe& stripe, Making& making);
  Task<std::string> stored_range(const Stripe& stripe, std::size_t fragment, ByteRange range);

  Task<> drop_strays(const Census& census, Striped& found);
  Task<bool> drop_stripe(const NumberedRecord& stripe);
  Task<std::uint64_t> drop_fragments(ExtentNumber stripe, std::vector<NumberedRecord> fragments);

  bool is_whole(const NumberedRecord& one) const;
  bool is_cold(const NumberedRecord& one);
  Task<> code_cold(std::vector<NumberedRecord> extents, Striped& found);
  Task<std::uint64_t> code(std::vector<NumberedRecord> extents);
  Task<std::vector<Run>> runs_of(const NumberedRecord& one);
  Task<> write_stripe(const Stripe& stripe, std::vector<ReplicaImage>& images, std::vector<Making>& makings);
  Task<> check_stripe(const Stripe& stripe, std::vector<ImageCheck> checks);
  Task<bool> check_window(const Stripe& stripe, Pages window, std::vector<ImageCheck>& checks);

  Task<> return_thin(const Census& census, Striped& found);
  Task<bool> return_extent(ExtentNumber extent, const std::vector<Pages>& pages);
  Task<std::vector<Run>> runs_in_stripe(ExtentNumber extent, const ExtentRecord& coded,
                                        const std::vector<Pages>& pages);
  Task<> return_to(Returning copy, const std::vector<Run>& runs);
  Task<> fill_to(Returning& copy, Pages end);
  Task<> return_run(Returning& copy, Run run);
  Task<> append_copy(Returning& copy, Run run, Chunk slot);

  Task<std::vector<Uuid>> disks_for(const std::vector<Fragment>& others, std::size_t count, ExtentNumber extent = {});
  Task<Making> begin(StripePlace place, Pages pages, Uuid disk);
  Task<> append(std::vector<Making>& makings, Pages window, const std::vector<Chunk>& slots);
  Awaitable<> append_to(Making& making, Pages window, Chunk slot);
  Task<> finish(const Making& making);
  Task<std::vector<Chunk>> staging_slots(std::size_t count);

  Cluster& cluster_;
  DiskHealth& health_;
  const StriperOptions options_;
  const std::atomic<bool>* go_on_ = nullptr;
  std::map<ExtentNumber, Clock::time_point> sealed_since_;  ///< As far as only this one knows.
  std::map<ExtentNumber, Clock::time_point> put_off_;       ///< What cannot be coded now, until when.
  Pace code_pace_;
};

}  // namespace sluice::rdma

#pragma once

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <unordered_map>
#include <vector>

#include "backends/rdma/append_window.h"
#include "backends/rdma/latency.h"
#include "backends/rdma/node_client.h"
#include "backends/rdma/placement.h"
#include "backends/rdma/staging.h"
#include "backends/rdma/stripe_reads.h"
#include "backends/rdma/survey.h"
#include "gateway/core/extent_store.h"
#include "gateway/core/log.h"

namespace sluice::rdma {

/// Where a run is: its extent and page are its id.
struct RunPlace {
  ExtentNumber extent{};
  Pages page = 0;
};

/// Pages of an extent an id has room for.
inline constexpr unsigned kPageBits = 20;

ExtentId id_of(RunPlace place);
RunPlace place_of(ExtentId id);

/// What a gateway's side did so far.
struct ClusterCounts {
  std::atomic<std::uint64_t> appends{0};
  std::atomic<std::uint64_t> append_failures{0};  ///< Of one member; each ends its extent.
  std::atomic<std::uint64_t> extents_opened{0};
  std::atomic<std::uint64_t> seals{0};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> hedged_reads{0};    ///< Asked of one more member, as one was slow.
  std::atomic<std::uint64_t> read_failures{0};   ///< Of one member: another was asked.
  std::atomic<std::uint64_t> degraded_reads{0};  ///< Of what a stripe has: made of other fragments.
  std::atomic<std::uint64_t> releases{0};
  std::atomic<std::uint64_t> releases_kept{0};  ///< Of those, in stripes: the space comes back later.
};

struct ClusterOptions {
  ClusterIdentity identity;
  ClusterTimeouts timeouts;
  std::size_t replicas = 3;
  std::size_t copies_min = 2;  ///< An append that a failure leaves with fewer copies is done again elsewhere.
  Pages extent_pages = (256 << 20) / kPageSize;  ///< At most the slab of every disk.
  /// New extents end early enough to fit into another extent of that length as a fragment does.
  bool leave_room = false;
  std::chrono::milliseconds keep_period{3000};  ///< How often this run says that it is alive.
  /// What is released stays for so long: gateways elsewhere may still be reading it.
  std::chrono::seconds release_delay{0};
  /// This run was taken for dead, and can store nothing any more. On the fabric's thread.
  std::function<void()> given_up;
};

/// A gateway's side of the cluster: appends to open extents of its own, seals, reads,
/// gives back. Of the fabric's thread, like everything in it; must be gone before it.
/// `staging` is where the bytes of appends are, `landing` where those of reads arrive.
class Cluster {
 public:
  Cluster(Control& control, Fabric& fabric, Staging& staging, Staging& landing, ClusterOptions options, Log& log);
  ~Cluster();

  /// As Control's, for this run.
  Task<bool> keep_manager() { return control_.keep_manager(writer_); }

  /// Begins and ends this gateway's run.
  Task<> enter();
  Task<> leave();

  /// Makes the run, which is at the beginning of a slot of `staging`, durable on every
  /// replica; where. Goes on elsewhere when a node fails.
  Task<RunPlace> append(Chunk slot, std::uint32_t length, std::uint32_t crc32c);

  /// The bytes, checked. Tries one replica after the other.
  Task<Chunk> read(RunPlace place, Run run, ByteRange range);

  /// Gives the run back on all its replicas that can be reached: now, or after the delay.
  /// Those that wait when this ends are left to a collect().
  Task<> release(RunPlace place);

  /// What appends are made under.
  const Uuid& writer() const { return writer_; }

  using Abandoned = std::shared_ptr<const std::vector<ExtentNumber>>;
  using LiveIds = std::shared_ptr<const std::vector<ExtentId>>;

  /// What runs of gateways left that are gone for good.
  struct Left {
    std::vector<Uuid> writers;          ///< Buried.
    std::vector<ExtentNumber> extents;  ///< Sealed: nothing is appended to them any more.
    std::set<ExtentNumber> coded;       ///< Of those.
  };
  /// Extents that cannot be sealed now are left out.
  Task<Left> abandoned();

  /// What is live of a coded extent.
  struct LiveRuns {
    Pages pages = 0;
    std::vector<Pages> runs;  ///< Where they begin.
  };
  /// Of all of Left::coded that anything is live of, read after abandoned(). The striper wants to know.
  void note_live(std::map<ExtentNumber, LiveRuns> live) { live_in_stripes_ = std::move(live); }

  /// Bytes in abandoned extents that are not among `live`, which is sorted, and was read
  /// after they were found to be abandoned.
  Task<std::uint64_t> collect(Abandoned abandoned, LiveIds live, bool give_back);

  /// Raised on the fabric's thread, read from any.
  const ClusterCounts& counts() const { return counts_; }

 private:
  friend class DiskHealth;
  friend class Repair;
  friend class StripeReads;
  friend class Striper;
  struct OpenExtent;
  using OpenExtentPtr = std::shared_ptr<OpenExtent>;

  Task<OpenExtentPtr> current();
  Task<OpenExtentPtr> open();
  Task<std::vector<Uuid>> members();
  Awaitable<> ask_room(NodeClient& client, std::vector<DiskChoice>& choices);
  Awaitable<> append_to(OpenExtentPtr open, std::size_t member, Run run, Chunk slot);
  Awaitable<> forget(RunPlace place);
  Task<> release_now(RunPlace place);
  Task<bool> release_at_all(const ExtentRecord& found, RunPlace place);
  void retire_current(const std::vector<Node>& nodes);
  Awaitable<> keep_alive();
  Awaitable<> release_due();
  Awaitable<> seal_when_quiet(OpenExtentPtr open);
  Task<std::vector<Node>> refresh_nodes();
  Task<NodeClient*> node(Uuid incarnation);

  Task<ExtentRecord> seal(ExtentNumber extent, Pages acknowledged = 0);
  Task<ExtentRecord> seal_once(ExtentNumber extent, Pages acknowledged);
  Awaitable<> fence(ExtentNumber extent, std::size_t member, Sealing& sealing);
  Awaitable<> tell_sealed(ExtentNumber extent, ExtentRecord sealed);

  Task<ExtentRecord> record(ExtentNumber extent);
  Task<Chunk> read_from_any(ExtentRecord found, RunPlace place, Run run, ByteRange range);
  /// A way to have something. Copies what it needs.
  using Attempt = std::function<Task<Chunk>()>;
  using Won = std::map<std::size_t, Chunk>;  ///< By the attempts' numbers.
  /// Some of several attempts.
  struct Race {
    Won won;
    Error failure{ErrorCode::unavailable, "no replica"};
    std::size_t under_way = 0;
    bool slow = false;  ///< It takes longer than nearly all do.
    Waiters news;
  };
  /// At least as many of them as are wanted: the next begins when one fails, or takes longer than nearly all do.
  Task<Won> race(std::vector<Attempt> attempts, std::size_t wanted);
  Awaitable<> attempt(std::shared_ptr<Race> race, std::size_t number, Attempt attempt);
  std::vector<Uuid> reading_order(const ExtentRecord& found, RunPlace place) const;
  /// From one disk, at most as much as a slot of `landing_` has room for.
  Task<Chunk> read_from(Uuid member, RunPlace place, Run run, ByteRange range);
  Task<Chunk> fetch(Uuid member, RunPlace place, Run run, ByteRange range);
  Task<bool> release_at(Uuid member, RunPlace place);
  /// The run at the beginning of a slot of `staging_`, as one of a copy or a fragment. Fails if it is not at the end of
  /// what the disk has.
  Task<> append_at(Uuid disk, ExtentNumber extent, Epoch epoch, Run run, Chunk slot);
  Task<> release_in_stripe(RunPlace place);
  /// At most `count` runs from `from` on, which is then where to go on, or 0.
  Task<std::vector<Run>> list_at(Uuid member, ExtentNumber extent, Pages& from, std::size_t count);
  /// As the disk has it.
  Task<RunHeader> header_at(Uuid member, RunPlace place);
  /// The disk knows that nobody needs the run of a sealed extent.
  Task<bool> has_released(Uuid member, RunPlace place);
  Task<std::vector<Run>> runs_at(Uuid member, ExtentNumber extent, Pages end);
  /// What the disk can say of an extent that is so long and sealed, and that it has.
  Task<Survey> survey_at(Uuid member, ExtentNumber extent, Pages end);
  /// The bytes that answer a List, Inspect or Describe, in room for so many runs; `from` is then where to go on, or 0.
  template <class Question>
  Task<std::string> listed_at(Uuid member, ExtentNumber extent, Pages& from, std::size_t count);
  Task<std::uint64_t> collect_extent(ExtentNumber extent, const std::vector<ExtentId>& live, bool give_back);
  Task<> erase(ExtentNumber extent);
  Awaitable<> all(std::vector<Awaitable<>> tasks);
  Awaitable<Chunk> landing_slot();

  Control& control_;
  Fabric& fabric_;
  Staging& staging_;
  Staging& landing_;
  const ClusterOptions options_;
  Log& log_;
  const Uuid writer_ = Uuid::random();
  std::mt19937_64 random_;
  std::map<Uuid, std::unique_ptr<NodeClient>> nodes_;
  OpenExtentPtr current_;
  bool opening_ = false;
  Waiters opened_;
  std::set<OpenExtentPtr> working_;  ///< With appends that wait.
  std::map<ExtentNumber, Waiters> sealing_;
  std::unordered_map<ExtentNumber, ExtentRecord> records_;
  Waiters landing_freed_;
  std::set<std::shared_ptr<Race>> races_;  ///< With reads that wait.
  LatencyWindow read_times_;
  StripeReads stripe_reads_{*this};
  std::map<ExtentNumber, LiveRuns> live_in_stripes_;
  using Clock = std::chrono::steady_clock;
  using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;
  std::shared_ptr<Timer> keeper_, releaser_;  ///< Of the coroutines that use them, too.
  std::deque<std::pair<Clock::time_point, RunPlace>> released_;
  ClusterCounts counts_;
};

}  // namespace sluice::rdma

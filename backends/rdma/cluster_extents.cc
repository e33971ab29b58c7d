#include "backends/rdma/cluster_extents.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <cstring>
#include <future>
#include <stdexcept>
#include <thread>

#include "backends/rdma/disk_format.h"
#include "gateway/core/digest.h"
#include "gateway/core/mailbox.h"

namespace sluice::rdma {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t kPieceSize = 4 * kBlockSize;

}  // namespace

/// Everything of the fabric, and the thread it is of.
class ClusterExtents::FabricThread {
 public:
  FabricThread(Control& control, ClusterExtentsOptions options, Log& log)
      : fabric_(options.fabric, io_.get_executor()),
        staging_(fabric_, options.write_slots, kRunLengthMax, MemoryRegion::Use::by_peers),
        landing_(fabric_, options.read_slots, kPieceSize, MemoryRegion::Use::by_peers),
        cluster_(control, fabric_, staging_, landing_, std::move(options.cluster), log),
        health_(cluster_, options.lost_after),
        repair_(cluster_, health_, options.repair),
        striper_(cluster_, health_, options.striper) {
    thread_ = std::jthread([this] { io_.run(); });
    const auto entered = wait_for(cluster_.enter());
    if (entered) return;
    stop();
    throw std::runtime_error("the cluster: " + entered.error().detail);
  }

  ~FabricThread() {
    // If it fails, this run is taken for dead a little later.
    [[maybe_unused]] const auto left = wait_for(cluster_.leave());
    stop();
  }

  Staging& staging() { return staging_; }
  const Cluster& cluster() const { return cluster_; }
  Task<Repaired> repair() { return repair_.round(repairs_); }
  Task<Striped> stripe() { return striper_.round(repairs_); }
  void end_repair() { repairs_ = false; }

  /// The outcome of `work(cluster)`, a task, done on the fabric's thread. `work` is kept
  /// until then, and must own what it needs.
  template <class T, class Work>
  Task<T> on_thread(Work work) {
    co_return co_await answered<Result<T>>([this, &work](Answer<Result<T>> answer) {
      asio::post(io_, [this, answer = std::move(answer), kept = std::make_shared<Work>(std::move(work))] {
        asio::co_spawn(io_, (*kept)(cluster_), [answer, kept](const std::exception_ptr& thrown, Result<T> result) {
          answer.give(thrown ? Result<T>(fail(ErrorCode::internal, "an exception")) : std::move(result));
        });
      });
    });
  }

 private:
  Result<> wait_for(Task<> task) {
    std::promise<Result<>> outcome;
    asio::co_spawn(io_, std::move(task),
                   [&outcome](const std::exception_ptr&, Result<> result) { outcome.set_value(std::move(result)); });
    return outcome.get_future().get();
  }

  void stop() {
    io_.stop();
    thread_.join();
  }

  asio::io_context io_{1};
  asio::executor_work_guard<Executor> busy_{io_.get_executor()};
  Fabric fabric_;
  Staging staging_;
  Staging landing_;
  Cluster cluster_;
  DiskHealth health_;
  Repair repair_;
  Striper striper_;
  std::atomic<bool> repairs_ = true;
  std::jthread thread_;
};

/// Gathers its bytes in memory that nodes can pull from; all of them are appended at once.
class ClusterExtents::Writer final : public ExtentWriter {
 public:
  Writer(FabricThread& thread, Chunk slot, std::uint64_t length_max)
      : thread_(thread), slot_(std::move(slot)), length_max_(length_max) {}

  Task<> write(Chunk chunk) override {
    if (chunk.size() > length_max_ - length_) co_return fail(ErrorCode::entity_too_large, "extent");
    std::memcpy(slot_.writable().data() + length_, chunk.bytes().data(), chunk.size());
    crc32c_ = crc32c(chunk.text(), crc32c_);
    length_ += static_cast<std::uint32_t>(chunk.size());
    co_return done;
  }

  Task<Extent> seal() override {
    const auto work = [slot = std::move(slot_), length = length_, crc = crc32c_](Cluster& cluster) {
      return cluster.append(slot, length, crc);
    };
    CO_TRY(const auto place, co_await thread_.on_thread<RunPlace>(work));
    co_return Extent{id_of(place), length_, crc32c_};
  }

 private:
  FabricThread& thread_;
  Chunk slot_;
  const std::uint64_t length_max_;
  std::uint32_t length_ = 0;
  std::uint32_t crc32c_ = 0;
};

/// Pieces of a run, cut where its blocks are.
class ClusterExtents::Source final : public BodySource {
 public:
  Source(FabricThread& thread, const Extent& extent, ByteRange range)
      : thread_(thread), extent_(extent), range_(range) {}

  Task<Chunk> read() override {
    if (range_.length == 0) co_return Chunk{};
    const std::uint64_t border = (range_.offset / kPieceSize + 1) * kPieceSize;
    const ByteRange piece{range_.offset, std::min(range_.length, border - range_.offset)};
    const RunPlace place = place_of(extent_.id);
    const Run run{place.page, static_cast<std::uint32_t>(extent_.length), extent_.crc32c};
    const auto work = [place, run, piece](Cluster& cluster) { return cluster.read(place, run, piece); };
    CO_TRY(auto bytes, co_await thread_.on_thread<Chunk>(work));
    range_ = {range_.offset + piece.length, range_.length - piece.length};
    co_return bytes;
  }

  std::optional<std::uint64_t> remaining() const override { return range_.length; }

 private:
  FabricThread& thread_;
  const Extent extent_;
  ByteRange range_;
};

ClusterExtents::ClusterExtents(Control& control, ClusterExtentsOptions options,
                               const std::atomic<bool>& index_uncertain, Log& log)
    : index_uncertain_(index_uncertain),
      end_writer_(options.end_writer),
      thread_(std::make_unique<FabricThread>(control, std::move(options), log)) {}

ClusterExtents::~ClusterExtents() = default;

Uuid ClusterExtents::writer() const { return thread_->cluster().writer(); }
const ClusterCounts& ClusterExtents::counts() const { return thread_->cluster().counts(); }

Task<bool> ClusterExtents::keep_manager() {
  const auto work = [](Cluster& cluster) { return cluster.keep_manager(); };
  co_return co_await thread_->on_thread<bool>(work);
}

Task<Repaired> ClusterExtents::repair() {
  const auto work = [thread = thread_.get()](Cluster&) { return thread->repair(); };
  co_return co_await thread_->on_thread<Repaired>(work);
}

Task<Striped> ClusterExtents::stripe() {
  const auto work = [thread = thread_.get()](Cluster&) { return thread->stripe(); };
  co_return co_await thread_->on_thread<Striped>(work);
}

void ClusterExtents::end_repair() { thread_->end_repair(); }

std::uint64_t ClusterExtents::extent_length_max() const { return kRunLengthMax; }

Task<std::unique_ptr<ExtentWriter>> ClusterExtents::create(std::optional<std::uint64_t> length_expected) {
  const std::uint64_t length_max = length_expected.value_or(kRunLengthMax);
  if (length_max > kRunLengthMax) co_return fail(ErrorCode::entity_too_large, "extent");
  // Never waits: the caller may hold what those wait for who hold the slots.
  auto slot = thread_->staging().take();
  if (!slot) co_return fail(ErrorCode::busy, "too many extents are being written");
  co_return std::make_unique<Writer>(*thread_, *std::move(slot), length_max);
}

Task<std::unique_ptr<BodySource>> ClusterExtents::open(const Extent& extent, ByteRange range) {
  if (extent.length > kRunLengthMax) co_return fail(ErrorCode::corrupt, "longer than any run");
  co_return std::make_unique<Source>(*thread_, extent, range);
}

Task<> ClusterExtents::release(const Extent& extent) {
  // A later reconcile() finds it.
  if (index_uncertain_) co_return done;
  const auto work = [place = place_of(extent.id)](Cluster& cluster) { return cluster.release(place); };
  co_return co_await thread_->on_thread<void>(work);
}

Task<Reconciled> ClusterExtents::reconcile(LiveExtents& live, bool give_back) {
  Reconciled found;
  // Before the index is read: nobody who is gone can name anything afterwards.
  const auto find = [](Cluster& cluster) { return cluster.abandoned(); };
  CO_TRY(auto left, co_await thread_->on_thread<Cluster::Left>(find));
  for (const Uuid& writer : left.writers) {
    if (!end_writer_) break;
    CO_TRY(co_await end_writer_(writer));
  }
  const auto abandoned = std::make_shared<const std::vector<ExtentNumber>>(std::move(left.extents));
  const auto ids = std::make_shared<std::vector<ExtentId>>();
  const auto in_stripes = std::make_shared<std::map<ExtentNumber, Cluster::LiveRuns>>();
  while (true) {
    CO_TRY(const auto extent, co_await live.next());
    if (!extent) break;
    ++found.live_count;
    found.live_bytes += extent->length;
    ids->push_back(extent->id);
    const RunPlace place = place_of(extent->id);
    if (!left.coded.contains(place.extent)) continue;
    Cluster::LiveRuns& runs = (*in_stripes)[place.extent];
    runs.pages += 1 + pages_for(extent->length);
    runs.runs.push_back(place.page);
  }
  give_back = give_back && !index_uncertain_;
  const auto work = [abandoned, ids, in_stripes, give_back](Cluster& cluster) {
    if (give_back) cluster.note_live(std::move(*in_stripes));
    return cluster.collect(abandoned, ids, give_back);
  };
  CO_TRY(found.orphan_bytes, co_await thread_->on_thread<std::uint64_t>(work));
  co_return found;
}

}  // namespace sluice::rdma

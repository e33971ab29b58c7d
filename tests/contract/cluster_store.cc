#include "tests/contract/cluster_store.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <fstream>
#include <future>
#include <optional>
#include <stdexcept>

#include "backends/rdma/compaction.h"
#include "backends/rdma/fabric_for_test.h"
#include "backends/rdma/orphans.h"
#include "backends/rdma/scrub.h"
#include "tests/support/run_task.h"

namespace sluice::test {

namespace {

constexpr std::uint64_t kSlabSize = 16 << 20;
// As on a partition: what is released comes back with its slab alone.
const rdma::DiskOptions kDisk{.punches = false};
constexpr char kSecret[] = "a secret for tests";

}  // namespace

NodeThread::NodeThread(const std::filesystem::path& path, const std::string& secret, std::uint16_t version_max,
                       Log& log)
    : disk_(path, io_.get_executor(), kDisk),
      fabric_(rdma::fabric_for_test(), io_.get_executor()),
      node_(disk_, fabric_, {.secret = secret, .staging_slots = 16, .version_max = version_max, .damaged = {}}, log),
      port_(node_.listen("0")),
      thread_([this] { io_.run(); }) {}

void NodeThread::silence() {
  silent_ = true;
  boost::asio::post(io_, [this] { silent_.wait(true); });
}

void NodeThread::wake() {
  silent_ = false;
  silent_.notify_all();
}

bool NodeThread::is_sealed(rdma::ExtentNumber extent) {
  std::promise<bool> answer;
  boost::asio::post(io_, [this, extent, &answer] {
    const auto* entry = disk_.table().find(extent);
    answer.set_value(entry != nullptr && entry->sealed);
  });
  return answer.get_future().get();
}

NodeThread::~NodeThread() {
  wake();
  io_.stop();
  thread_.join();
}

rdma::ClusterTimeouts ClusterStore::patient() {
  using std::chrono::seconds;
  return {.connect = seconds(60),
          .append = seconds(60),
          .fence = seconds(60),
          .read = seconds(60),
          .suspicion = seconds(0)};
}

rdma::ClusterTimeouts ClusterStore::hasty() {
  using std::chrono::milliseconds;
  return {.connect = milliseconds(500),
          .append = milliseconds(500),
          .fence = milliseconds(500),
          .read = milliseconds(500),
          .suspicion = milliseconds(500)};
}

ClusterStore::ClusterStore(rdma::ClusterTimeouts timeouts, ClusterShape shape) : timeouts_(timeouts), shape_(shape) {
  for (std::size_t n = 0; n < shape.nodes; ++n) {
    paths_.push_back(directory_.path() / ("disk" + std::to_string(n)));
    format(n);
    nodes_.push_back(std::make_unique<NodeThread>(paths_[n], kSecret, shape_.version_max, log_));
    announce(n);
  }
  store_ = std::make_unique<rdma::ClusterExtents>(control_, options(), uncertain_, log_);
}

ClusterStore::~ClusterStore() { store_.reset(); }

rdma::ClusterExtentsOptions ClusterStore::options() const {
  rdma::ClusterExtentsOptions options;
  options.fabric = rdma::fabric_for_test();
  options.cluster.identity = {cluster_, kSecret};
  options.cluster.timeouts = timeouts_;
  options.lost_after = std::chrono::seconds(0);
  options.repair.look_apart_period = std::chrono::seconds(0);
  options.repair.look_for_lost_period = std::chrono::seconds(0);
  options.repair.move_rate = 1ULL << 40;
  options.cluster.extent_pages = kSlabSize / rdma::kPageSize;
  options.cluster.leave_room = shape_.code.has_value();
  options.striper = {.scheme = shape_.code, .after = std::chrono::seconds(0), .code_rate = 1ULL << 40};
  return options;
}

void ClusterStore::restart() {
  store_.reset();
  store_ = std::make_unique<rdma::ClusterExtents>(control_, options(), uncertain_, log_);
}

void ClusterStore::put_in_zone(std::size_t node, const std::string& zone) {
  zones_[node] = zone;
  announce(node);
}

void ClusterStore::announce(std::size_t node) {
  const std::string name = std::to_string(node);
  const auto zone = zones_.find(node);
  const rdma::NodeAddress address{.incarnation = incarnation(node),
                                  .host = rdma::fabric_for_test().host,
                                  .port = nodes_[node]->port(),
                                  .zone = zone == zones_.end() ? name : zone->second,
                                  .machine = name};
  if (!run(control_.keep_node(address))) throw std::logic_error("memory refuses a node");
}

// The node itself stands still meanwhile.
void ClusterStore::alone_with(std::size_t node, const std::function<Task<>(rdma::Disk&)>& work) {
  const rdma::Uuid disk = incarnation(node);
  nodes_[node].reset();
  boost::asio::io_context io(1);
  {
    rdma::Disk opened(paths_[node], io.get_executor(), kDisk);
    boost::asio::co_spawn(io, work(opened), [&](std::exception_ptr, Result<> outcome) {
      if (!outcome) throw std::runtime_error(outcome.error().detail);
      io.stop();
    });
    io.run();
  }
  start(node);
  if (incarnation(node) != disk) throw std::logic_error("another disk");
}

namespace {

Task<> count_dropped(rdma::Orphans& orphans, std::uint64_t& dropped) {
  CO_TRY(dropped, co_await orphans.round());
  co_return done;
}

}  // namespace

std::uint64_t ClusterStore::drop_orphans(std::size_t node) {
  std::uint64_t dropped = 0;
  std::optional<rdma::Orphans> orphans;
  alone_with(node, [&](rdma::Disk& disk) {
    return count_dropped(orphans.emplace(disk, control_, std::chrono::seconds(0)), dropped);
  });
  return dropped;
}

std::uint64_t ClusterStore::scrub(std::size_t node) {
  std::optional<rdma::Scrub> scrub;
  alone_with(node, [&](rdma::Disk& disk) {
    return scrub.emplace(disk, control_, rdma::ScrubOptions{.bytes_per_second = 1ULL << 40}, log_).round();
  });
  return scrub->counts().damaged;
}

void ClusterStore::amend(std::size_t node) {
  std::optional<rdma::Scrub> scrub;
  alone_with(node, [&](rdma::Disk& disk) {
    return scrub.emplace(disk, control_, rdma::ScrubOptions{.bytes_per_second = 1ULL << 40}, log_).amend();
  });
}

std::uint64_t ClusterStore::compact(std::size_t node) {
  std::optional<rdma::Compaction> compaction;
  alone_with(node, [&](rdma::Disk& disk) {
    const rdma::CompactionOptions options{.bytes_per_second = 1ULL << 40, .free_min = 1};
    return compaction.emplace(disk, options, log_).round();
  });
  return compaction->counts().slabs;
}

void ClusterStore::stop(std::size_t node) { nodes_[node].reset(); }

void ClusterStore::start(std::size_t node) {
  nodes_[node] = std::make_unique<NodeThread>(paths_[node], kSecret, shape_.version_max, log_);
  announce(node);
}

void ClusterStore::format(std::size_t node) {
  const rdma::DiskLayout layout{.cluster = cluster_, .size = 1 << 30, .slab_size = kSlabSize, .log_size = 1 << 20};
  rdma::Disk::format(paths_[node], layout, true);
}

void ClusterStore::replace(std::size_t node) {
  format(node);
  nodes_[node] = std::make_unique<NodeThread>(paths_[node], kSecret, shape_.version_max, log_);
  announce(node);
}

bool ClusterStore::has(std::size_t node, const Extent& extent) { return has(node, rdma::place_of(extent.id).extent); }

bool ClusterStore::has(std::size_t node, rdma::ExtentNumber extent) {
  const auto* entry = nodes_[node]->disk().table().find(extent);
  return entry != nullptr && entry->holds();
}

void ClusterStore::await_seal(std::size_t node, const Extent& extent) {
  while (!nodes_[node]->is_sealed(rdma::place_of(extent.id).extent)) {
  }
}

void ClusterStore::damage(const Extent& extent) {
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    if (has(n, extent)) damage_at(n, extent);
  }
}

void ClusterStore::damage_at(std::size_t node, const Extent& extent) {
  const auto place = rdma::place_of(extent.id);
  flip_at(node, place.extent, place.page, rdma::kPageSize + extent.length / 2);
}

void ClusterStore::damage_header_at(std::size_t node, const Extent& extent) {
  const auto place = rdma::place_of(extent.id);
  flip_at(node, place.extent, place.page, 20);
}

void ClusterStore::damage_byte_at(std::size_t node, rdma::ExtentNumber extent, std::uint64_t offset) {
  flip_at(node, extent, 0, offset);
}

// The node has no request under way: its table stands still.
void ClusterStore::flip_at(std::size_t node, rdma::ExtentNumber extent, rdma::Pages page, std::uint64_t offset) {
  const auto& disk = nodes_[node]->disk();
  const auto where = disk.where(extent, page).value() + offset;
  std::fstream file(paths_[node], std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(where));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(where));
  file.put(static_cast<char>(byte ^ 16));
  if (!file.flush()) throw std::runtime_error("cannot damage " + paths_[node].string());
}

}  // namespace sluice::test

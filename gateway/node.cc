#include "gateway/node.h"

#include <fmt/format.h>
#include <prometheus/registry.h>
#include <pthread.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <thread>

#include "backends/rdma/compaction.h"
#include "backends/rdma/etcd_control.h"
#include "backends/rdma/extent_node.h"
#include "backends/rdma/orphans.h"
#include "backends/rdma/scrub.h"
#include "gateway/cluster_control.h"
#include "gateway/gauges.h"
#include "gateway/http/admin.h"
#include "gateway/http/server.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kTick(1);
constexpr int kTicksToKeep = 3;
constexpr std::chrono::seconds kAmendPeriod(5), kCompactPeriod(5);
constexpr std::chrono::seconds kFirstScrub(60);  // After the start, when clients have what they wait for.
constexpr std::size_t kAdminMemory = 4 << 20;
constexpr std::size_t kStagingSlot = rdma::kPageSize + rdma::kRunLengthMax;

LogLevel level_of(const std::string& name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "warning") return LogLevel::warning;
  return name == "error" ? LogLevel::error : LogLevel::info;
}

/// The outcome of a task, run to its end here.
template <class T>
Result<T> wait_for(Task<T> task) {
  asio::io_context io(1);
  Result<T> outcome = fail(ErrorCode::internal, "it never ended");
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr, Result<T> result) { outcome = std::move(result); });
  io.run();
  return outcome;
}

rdma::Uuid cluster_of(rdma::EtcdControl& control) {
  const auto id = wait_for(control.cluster());
  if (!id) throw std::runtime_error("the cluster: " + id.error().detail);
  return *id;
}

std::pair<std::string, std::string> host_and_port(const std::string& address) {
  const auto colon = address.rfind(':');
  return {address.substr(0, colon), address.substr(colon + 1)};
}

/// The node's counts, as Prometheus reads them.
class NodeMetrics {
 public:
  explicit NodeMetrics(prometheus::Registry& registry) : gauges_(registry) {}

  void set(const rdma::ScrubCounts& counts) {
    gauges_.set("sluice_node_scrub_bytes_total", "checked by scrubbing", counts.bytes);
    gauges_.set("sluice_node_scrub_rounds_total", "times that everything was checked", counts.rounds);
    gauges_.set("sluice_node_scrub_damaged_total", "extents reported to be damaged", counts.damaged);
  }

  void set(const rdma::CompactionCounts& counts) {
    gauges_.set("sluice_node_compacted_slabs_total", "freed by moving what was needed of them", counts.slabs);
    gauges_.set("sluice_node_compacted_bytes_total", "moved for it", counts.pages * rdma::kPageSize);
  }

  void set(const rdma::ExtentNodeCounts& counts, const rdma::Disk& disk, std::uint64_t orphans) {
    gauges_.set("sluice_node_orphans_dropped_total", "extents the cluster did not know", orphans);
    const auto bytes_of_slabs = [&](std::uint64_t slabs) {
      return slabs * rdma::bytes_of(disk.superblock().slab_pages);
    };
    gauges_.set("sluice_node_connections_total", "gateways that connected", counts.connections);
    gauges_.set("sluice_node_refused_connections_total", "connections without the secret", counts.refused_connections);
    gauges_.set("sluice_node_appends_total", "runs made durable", counts.appends);
    gauges_.set("sluice_node_append_bytes_total", "their bytes", counts.append_bytes);
    gauges_.set("sluice_node_reads_total", "pieces read", counts.reads);
    gauges_.set("sluice_node_read_bytes_total", "their bytes", counts.read_bytes);
    gauges_.set("sluice_node_fences_total", "fences asked for", counts.fences);
    gauges_.set("sluice_node_releases_total", "runs given back", counts.releases);
    gauges_.set("sluice_node_corrupt_total", "requests that met damaged bytes", counts.corrupt);
    gauges_.set("sluice_node_failures_total", "requests that the device failed", counts.failures);
    gauges_.set("sluice_node_disk_bytes", "room for extents", bytes_of_slabs(disk.superblock().slabs));
    gauges_.set("sluice_node_disk_free_bytes", "of that, for new extents", bytes_of_slabs(disk.table().free_slabs()));
    gauges_.set("sluice_node_disk_failed", "1 once a write failed", disk.failed() ? 1 : 0);
  }

 private:
  Gauges gauges_;
};

/// Everything, in the order it is built; taken apart the other way round.
class Node {
 public:
  explicit Node(const NodeConfig& config)
      : config_(config),
        log_(open_log(config.log, level_of(config.log_level))),
        control_(control_options(config.cluster, config)),
        cluster_(cluster_of(control_)),
        disk_(config.disk, io_.get_executor()),
        scrub_(disk_, control_, {.bytes_per_second = config.scrub_rate}, *log_),
        compaction_(disk_,
                    {.bytes_per_second = config.compact_rate,
                     .damaged = [this](rdma::ExtentNumber extent) { scrub_.suspect(extent); }},
                    *log_),
        fabric_({.provider = config.provider, .host = host_and_port(config.listen).first}, io_.get_executor()),
        node_(disk_, fabric_,
              {.secret = config.cluster_secret,
               .staging_slots = config.staging_size / kStagingSlot,
               .connections_max = config.connections_max,
               .damaged = [this](rdma::ExtentNumber extent) { scrub_.suspect(extent); }},
              *log_),
        pool_(kAdminMemory),
        metrics_(pool_),
        node_metrics_(metrics_.registry()),
        admin_(metrics_, [this] { return ready_.load(); }),
        server_({.thread_count = 1}, pool_, *log_, metrics_) {
    if (disk_.superblock().cluster != cluster_) throw std::runtime_error(config.disk + ": a disk of another cluster");
  }

  ~Node() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    const std::string port = node_.listen(host_and_port(config_.listen).second);
    const auto [host, advertised] = host_and_port(config_.advertise);
    address_ = {.incarnation = disk_.superblock().incarnation,
                .host = host,
                .port = advertised == "0" ? port : advertised,
                .zone = config_.zone,
                .machine = config_.machine};
    const auto endpoint = http::parse_endpoint(config_.admin);
    if (!endpoint) throw std::invalid_argument(endpoint.error().detail);
    const auto bound = server_.listen({.endpoint = *endpoint,
                                       .handler = &admin_,
                                       .protocol = "admin",
                                       .logs_access = false,
                                       .serves_while_draining = true});
    if (!bound) throw std::runtime_error(fmt::format("cannot listen on {}: {}", config_.admin, bound.error().detail));
    admin_address_ = fmt::format("{}:{}", bound->address().to_string(), bound->port());
    asio::co_spawn(io_, tick(), asio::detached);
    asio::co_spawn(io_, drop_orphans(), asio::detached);
    asio::co_spawn(io_, scrub(), asio::detached);
    asio::co_spawn(io_, amend(), asio::detached);
    asio::co_spawn(io_, compact(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
    server_.start();
    log_->info("serving", {{"disk", config_.disk}, {"incarnation", rdma::to_text(address_.incarnation)}});
  }

  /// Says that it goes, so that nobody waits for it.
  void leave() {
    ready_ = false;
    const auto left = wait_for(control_.leave_node(address_.incarnation));
    log_->info("stopped", {{"left", left.has_value()}});
  }

  void announce() const {
    std::printf("node %s:%s\ndisk %s\nadmin http://%s\nready\n", address_.host.c_str(), address_.port.c_str(),
                rdma::to_text(address_.incarnation).c_str(), admin_address_.c_str());
    std::fflush(stdout);
  }

 private:
  using Timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

  // Of the node's own thread, on which the disk may be looked at.
  Awaitable<> tick() {
    Timer timer(io_.get_executor());
    for (int n = 0;; ++n) {
      node_metrics_.set(node_.counts(), disk_, orphans_dropped_);
      node_metrics_.set(scrub_.counts());
      node_metrics_.set(compaction_.counts());
      if (n % kTicksToKeep == 0) {
        const auto kept = co_await control_.keep_node(address_);
        if (!kept) log_->warning("keep_failed", {{"detail", kept.error().detail}});
        ready_ = kept.has_value() && !disk_.failed();
        scrub_asked_ = (co_await control_.scrub_asked()).value_or(scrub_asked_);
      }
      timer.expires_after(kTick);
      co_await timer.async_wait(asio::as_tuple(use_task));
    }
  }

  Awaitable<> drop_orphans() {
    rdma::Orphans orphans(disk_, control_, std::chrono::seconds(config_.orphan_after_s));
    Timer timer(io_.get_executor());
    while (true) {
      timer.expires_after(std::chrono::seconds(std::max<std::uint64_t>(config_.orphan_after_s / 2, 1)));
      co_await timer.async_wait(asio::as_tuple(use_task));
      const auto dropped = co_await orphans.round();
      orphans_dropped_ += dropped.value_or(0);
      if (!dropped) log_->warning("orphans_not_looked_for", {{"detail", dropped.error().detail}});
    }
  }

  Awaitable<> scrub() {
    using Clock = std::chrono::steady_clock;
    const auto period = std::chrono::seconds(config_.scrub_period_s);
    std::uint64_t answered = co_await scrub_answered();
    auto next = Clock::now() + std::min<Clock::duration>(period, kFirstScrub);
    Timer timer(io_.get_executor());
    while (true) {
      timer.expires_after(kTick);
      co_await timer.async_wait(asio::as_tuple(use_task));
      const std::uint64_t asked = scrub_asked_;
      const auto begun = Clock::now();
      const bool is_due = asked > answered || (period.count() > 0 && begun >= next);
      auto outcome = co_await (is_due ? scrub_.round() : scrub_.check_suspects());
      if (outcome && is_due) {
        next = begun + period;
        outcome = co_await control_.scrubbed(address_.incarnation, asked);
        if (outcome) answered = asked;
      }
      if (!outcome) log_->warning("not_scrubbed", {{"detail", outcome.error().detail}});
    }
  }

  Awaitable<> amend() {
    Timer timer(io_.get_executor());
    while (true) {
      timer.expires_after(kAmendPeriod);
      co_await timer.async_wait(asio::as_tuple(use_task));
      const auto outcome = co_await scrub_.amend();
      if (!outcome) log_->warning("not_amended", {{"detail", outcome.error().detail}});
    }
  }

  Awaitable<> compact() {
    Timer timer(io_.get_executor());
    while (true) {
      timer.expires_after(kCompactPeriod);
      co_await timer.async_wait(asio::as_tuple(use_task));
      const auto outcome = co_await compaction_.round();
      if (!outcome) log_->warning("not_compacted", {{"detail", outcome.error().detail}});
    }
  }

  // What was asked of the run before, and done.
  Awaitable<std::uint64_t> scrub_answered() {
    const auto nodes = co_await control_.nodes();
    if (!nodes) co_return 0;
    for (const rdma::Node& node : *nodes) {
      if (node.address.incarnation == address_.incarnation) co_return node.scrubbed;
    }
    co_return 0;
  }

  const NodeConfig& config_;
  std::unique_ptr<Log> log_;
  rdma::EtcdControl control_;
  rdma::Uuid cluster_;
  asio::io_context io_{1};
  rdma::Disk disk_;
  rdma::Scrub scrub_;
  rdma::Compaction compaction_;
  rdma::Fabric fabric_;
  rdma::ExtentNode node_;
  BufferPool pool_;
  http::Metrics metrics_;
  NodeMetrics node_metrics_;
  http::AdminHandler admin_;
  std::atomic<bool> ready_ = false;
  std::uint64_t orphans_dropped_ = 0;
  std::uint64_t scrub_asked_ = 0;
  rdma::NodeAddress address_;
  std::string admin_address_;
  std::thread thread_;
  http::Server server_;
};

}  // namespace

int serve_node(const NodeConfig& config) {
  // Blocked in every thread, so that only sigwait below sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Node node(config);
  node.start();
  node.announce();
  int signal = 0;
  sigwait(&signals, &signal);
  node.leave();
  return 0;
}

void format_node(const NodeConfig& config) {
  if (config.size == 0) throw std::invalid_argument("format needs --size");
  rdma::EtcdControl control(control_options(config.cluster, config));
  const rdma::DiskLayout layout{
      .cluster = cluster_of(control), .size = config.size, .slab_size = config.slab_size, .log_size = config.log_size};
  rdma::Disk::format(config.disk, layout, config.overwrite);
}

}  // namespace sluice

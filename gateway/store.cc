#include "gateway/store.h"

#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <csignal>
#include <stdexcept>

#include "backends/local/local_backend.h"
#include "backends/local/local_extents.h"
#include "backends/postgres/postgres_index.h"
#include "backends/rdma/cluster_extents.h"
#include "backends/rdma/etcd_control.h"
#include "gateway/cluster_control.h"
#include "gateway/object/catalog.h"
#include "gateway/usable_memory.h"

namespace sluice {
namespace {

local::LocalOptions local_options(const Config& config, LendableMemory* lendable) {
  return {.directory = config.data,
          .block_cache_size = config.index_cache_size,
          .segment_size = config.segment_size,
          .inline_size_max = config.inline_size_max,
          .kept_apart = object::rows::kInline.front(),
          .lendable = lendable};
}

/// The directory owns its index: whoever opens it next ends the commits of this run.
postgres::PostgresOptions postgres_options(const Config& config, const local::LocalExtents& extents) {
  const std::string directory = "local-" + extents.id();
  return {.conninfo = config.index,
          .extents = directory,
          .owner = directory,
          .create = extents.is_new(),
          .connections_max = config.index_connections_max};
}

/// The value of a task, run to its end here. Throws std::runtime_error with its failure.
template <class T>
T value_of(Task<T> task) {
  boost::asio::io_context io(1);
  Result<T> outcome = fail(ErrorCode::internal, "it never ended");
  boost::asio::co_spawn(io, std::move(task),
                        [&](std::exception_ptr, Result<T> result) { outcome = std::move(result); });
  io.run();
  if (!outcome) throw std::runtime_error("the cluster: " + outcome.error().detail);
  return *std::move(outcome);
}

/// Whose commits an index takes from one run of a gateway.
std::string owner_of(const rdma::Uuid& writer) { return "gateway-" + rdma::to_text(writer); }

}  // namespace

class Store::Kind {
 public:
  virtual ~Kind() = default;
  virtual Backend backend() = 0;
  virtual bool was_unclean() const = 0;
  virtual bool was_given_up() const { return false; }
  virtual rdma::ClusterExtents* cluster() { return nullptr; }
};

class Store::Local final : public Kind {
 public:
  Local(const Config& config, LendableMemory* lendable, BufferPool& pool, Log& log)
      : local_(local_options(config, lendable), pool, log) {}

  Backend backend() override { return local_.backend(); }
  bool was_unclean() const override { return local_.was_unclean(); }

 private:
  local::LocalBackend local_;
};

class Store::LocalWithPostgres final : public Kind {
 public:
  LocalWithPostgres(const Config& config, LendableMemory* lendable, BufferPool& pool, Log& log)
      : inline_size_max_(config.inline_size_max),
        extents_(local_options(config, lendable), pool, uncertain_, log),
        index_(postgres_options(config, extents_), uncertain_, log) {
    extents_.finish();
  }

  Backend backend() override { return {index_, extents_.extents(), inline_size_max_}; }
  bool was_unclean() const override { return extents_.was_unclean(); }

 private:
  const std::size_t inline_size_max_;
  std::atomic<bool> uncertain_ = false;
  local::LocalExtents extents_;  // Closed after the index: only then is it known whether a commit stays in doubt.
  postgres::PostgresIndex index_;
};

class Store::ClusterWithPostgres final : public Kind {
 public:
  ClusterWithPostgres(const Config& config, Log& log)
      : inline_size_max_(config.inline_size_max),
        control_(control_options(config.extents, config)),
        cluster_(value_of(control_.cluster())),
        extents_(control_, cluster_options(config), uncertain_, log),
        index_(index_options(config), uncertain_, log) {}

  Backend backend() override { return {index_, extents_, inline_size_max_}; }
  // What gateways that died left is looked for by the manager.
  bool was_unclean() const override { return false; }
  rdma::ClusterExtents* cluster() override { return &extents_; }
  bool was_given_up() const override { return given_up_; }

 private:
  rdma::ClusterExtentsOptions cluster_options(const Config& config) {
    rdma::ClusterExtentsOptions options;
    options.fabric = {.provider = config.cluster_provider, .host = config.cluster_host};
    options.cluster.identity = {cluster_, config.cluster_secret};
    options.cluster.replicas = config.cluster_copies;
    options.cluster.extent_pages = static_cast<rdma::Pages>(config.cluster_extent_size / rdma::kPageSize);
    options.cluster.release_delay = std::chrono::seconds(config.cluster_release_delay_s);
    options.lost_after = std::chrono::seconds(config.cluster_lost_after_s);
    options.repair.move_rate = config.cluster_move_rate;
    options.striper.scheme = rdma::scheme_of(config.cluster_code);
    options.striper.after = std::chrono::seconds(config.cluster_code_after_s);
    options.striper.code_rate = config.cluster_code_rate;
    options.cluster.leave_room = options.striper.scheme.has_value();
    options.cluster.given_up = [this] {
      given_up_ = true;
      ::kill(::getpid(), SIGTERM);
    };
    options.end_writer = [this](rdma::Uuid writer) { return index_.end_owner(owner_of(writer)); };
    return options;
  }

  // A cluster that has extents has an index somewhere: another would turn all of them into garbage.
  postgres::PostgresOptions index_options(const Config& config) {
    return {.conninfo = config.index,
            .extents = "cluster-" + rdma::to_text(cluster_),
            .owner = owner_of(extents_.writer()),
            .create = value_of(control_.list(rdma::ExtentNumber{}, 1)).empty(),
            .connections_max = config.index_connections_max};
  }

  const std::size_t inline_size_max_;
  std::atomic<bool> uncertain_ = false;
  std::atomic<bool> given_up_ = false;
  rdma::EtcdControl control_;
  const rdma::Uuid cluster_;
  rdma::ClusterExtents extents_;
  postgres::PostgresIndex index_;
};

Store::Store(const Config& config, BufferPool& pool, Log& log) {
  if (!config.extents.empty()) {
    kind_ = std::make_unique<ClusterWithPostgres>(config, log);
    return;
  }
  const auto size = config.read_cache_size != 0 ? config.read_cache_size : default_read_cache_size(usable_memory());
  lendable_ = std::make_unique<LendableMemory>(size);
  if (config.index.empty()) {
    kind_ = std::make_unique<Local>(config, lendable_.get(), pool, log);
  } else {
    kind_ = std::make_unique<LocalWithPostgres>(config, lendable_.get(), pool, log);
  }
}

Store::~Store() = default;

Backend Store::backend() { return kind_->backend(); }
rdma::ClusterExtents* Store::cluster() { return kind_->cluster(); }
bool Store::was_given_up() const { return kind_->was_given_up(); }
bool Store::was_unclean() const { return kind_->was_unclean(); }

}  // namespace sluice

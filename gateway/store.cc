#include "gateway/store.h"

#include "backends/local/local_backend.h"
#include "backends/local/local_extents.h"
#include "backends/postgres/postgres_index.h"

namespace sluice {
namespace {

local::LocalOptions local_options(const Config& config) {
  return {.directory = config.data,
          .block_cache_size = config.index_cache_size,
          .segment_size = config.segment_size,
          .inline_size_max = config.inline_size_max};
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

}  // namespace

class Store::Kind {
 public:
  virtual ~Kind() = default;
  virtual Backend backend() = 0;
  virtual bool was_unclean() const = 0;
};

class Store::Local final : public Kind {
 public:
  Local(const Config& config, BufferPool& pool, Log& log) : local_(local_options(config), pool, log) {}

  Backend backend() override { return local_.backend(); }
  bool was_unclean() const override { return local_.was_unclean(); }

 private:
  local::LocalBackend local_;
};

class Store::LocalWithPostgres final : public Kind {
 public:
  LocalWithPostgres(const Config& config, BufferPool& pool, Log& log)
      : inline_size_max_(config.inline_size_max),
        extents_(local_options(config), pool, uncertain_, log),
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

Store::Store(const Config& config, BufferPool& pool, Log& log) {
  if (config.index.empty()) {
    kind_ = std::make_unique<Local>(config, pool, log);
  } else {
    kind_ = std::make_unique<LocalWithPostgres>(config, pool, log);
  }
}

Store::~Store() = default;

Backend Store::backend() { return kind_->backend(); }
bool Store::was_unclean() const { return kind_->was_unclean(); }

}  // namespace sluice

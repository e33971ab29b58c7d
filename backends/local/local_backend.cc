#include "backends/local/local_backend.h"

#include "backends/local/data_directory.h"
#include "backends/local/extent_files.h"
#include "backends/local/rocks_index.h"

namespace sluice::local {

class LocalBackend::State {
 public:
  State(const LocalOptions& options, BufferPool& pool, Log& log)
      : directory(options.directory),
        index(
            std::make_unique<RocksIndex>(directory.index(), options, directory.is_unfinished(), index_uncertain, log)),
        extents(std::make_unique<ExtentFiles>(directory.segments(), options, pool, index_uncertain, log)),
        inline_size_max(options.inline_size_max) {
    directory.finish();
  }

  ~State() {
    const bool nothing_left = extents->close();
    extents.reset();
    index.reset();
    if (nothing_left && !index_uncertain) directory.close_cleanly();
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  DataDirectory directory;
  std::atomic<bool> index_uncertain = false;
  std::unique_ptr<RocksIndex> index;
  std::unique_ptr<ExtentFiles> extents;
  const std::size_t inline_size_max;
};

LocalBackend::LocalBackend(const LocalOptions& options, BufferPool& pool, Log& log) {
  IoRing::require();
  state_ = std::make_unique<State>(options, pool, log);
}

LocalBackend::~LocalBackend() = default;

Backend LocalBackend::backend() { return {*state_->index, *state_->extents, state_->inline_size_max}; }

bool LocalBackend::was_unclean() const { return state_->directory.was_unclean(); }

}  // namespace sluice::local

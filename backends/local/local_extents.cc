#include "backends/local/local_extents.h"

#include "backends/local/data_directory.h"
#include "backends/local/extent_files.h"

namespace sluice::local {

class LocalExtents::State {
 public:
  State(const LocalOptions& options, BufferPool& pool, const std::atomic<bool>& index_uncertain, Log& log)
      : directory(options.directory, IndexPlace::elsewhere),
        uncertain(index_uncertain),
        extents(std::make_unique<ExtentFiles>(directory.segments(), options, pool, index_uncertain, log)) {}

  ~State() {
    const bool nothing_left = extents->close();
    extents.reset();
    if (nothing_left && !uncertain && !directory.is_unfinished()) directory.close_cleanly();
  }

  State(const State&) = delete;
  State& operator=(const State&) = delete;

  DataDirectory directory;
  const std::atomic<bool>& uncertain;
  std::unique_ptr<ExtentFiles> extents;
};

LocalExtents::LocalExtents(const LocalOptions& options, BufferPool& pool, const std::atomic<bool>& index_uncertain,
                           Log& log) {
  IoRing::require();
  state_ = std::make_unique<State>(options, pool, index_uncertain, log);
}

LocalExtents::~LocalExtents() = default;

ExtentStore& LocalExtents::extents() { return *state_->extents; }
const std::string& LocalExtents::id() const { return state_->directory.id(); }
bool LocalExtents::is_new() const { return state_->directory.is_unfinished(); }
void LocalExtents::finish() { state_->directory.finish(); }
bool LocalExtents::was_unclean() const { return state_->directory.was_unclean(); }

}  // namespace sluice::local

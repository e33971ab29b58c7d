#pragma once

#include <atomic>
#include <filesystem>
#include <memory>

#include "backends/local/local_backend.h"
#include "gateway/core/index.h"

namespace sluice::local {

/// The Index over RocksDB. Reads that memory can answer are answered on the
/// calling thread; others go to `index_threads` threads of its own. Writes go
/// through one Committer.
class RocksIndex final : public Index {
 public:
  /// Opens the database in `directory`, or with `create` makes it if it is not there.
  /// Throws std::runtime_error if it cannot. `uncertain` is set before a commit fails
  /// whose writes may yet be found after a restart.
  RocksIndex(const std::filesystem::path& directory, const LocalOptions& options, bool create,
             std::atomic<bool>& uncertain, Log& log);
  ~RocksIndex() override;

  std::unique_ptr<Transaction> begin() override;
  Task<std::optional<std::string>> get(std::string_view key) override;
  std::shared_ptr<const Row> at_hand(std::string_view key) override;

 private:
  class State;
  class RocksTransaction;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::local

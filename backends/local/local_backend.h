#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "gateway/core/backend.h"
#include "gateway/core/chunk.h"
#include "gateway/core/log.h"
#include "gateway/core/lendable_memory.h"

namespace sluice::local {

struct LocalOptions {
  std::filesystem::path directory;              ///< Made if absent.
  std::uint64_t block_cache_size = 64 << 20;    ///< Index blocks kept in memory.
  std::uint64_t write_buffer_size = 32 << 20;   ///< Index rows gathered before they are sorted to disk.
  std::uint64_t segment_size = 1ULL << 30;      ///< A segment takes no new extent beyond this.
  std::uint64_t reserve_size = 256 << 20;       ///< Kept free of extents, so that the index can go on.
  std::size_t inline_size_max = 16 << 10;
  /// First byte of the keys whose values are many and large, so that their rows lie apart from
  /// the others. The same at every opening.
  char kept_apart = '\0';
  /// Where small extents are kept once they are checked. Must outlive the backend; with none, nowhere.
  LendableMemory* lendable = nullptr;
  unsigned index_threads = 4;  ///< Threads for index reads that need the disk.
};

/// One data directory: an index on RocksDB and an extent store in segment files
/// over io_uring. The format is docs/local-format.md. One process at a time.
///
/// Calls are made from coroutines on io_context threads, any number of them; each
/// such thread gets a ring of its own at its first use, and the io_contexts must
/// have stopped running before the backend is destroyed.
class LocalBackend {
 public:
  /// Opens or makes the directory. `pool` is where chunks come from. Throws
  /// std::runtime_error with a message for the operator: not a Sluice directory,
  /// a format version it does not know, in use by another process, not writable.
  LocalBackend(const LocalOptions& options, BufferPool& pool, Log& log);
  ~LocalBackend();

  Backend backend();

  /// True if the last run did not close this directory: orphans may be there, and
  /// a reconcile() is due.
  bool was_unclean() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::local

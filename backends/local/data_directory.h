#pragma once

#include <filesystem>
#include <memory>

#include "gateway/core/io_ring.h"

namespace sluice::local {

/// A data directory, locked for this process: what is in it and how its last run
/// ended. docs/local-format.md has the files.
class DataDirectory {
 public:
  /// Locks the directory, or an empty one to be. Throws std::runtime_error with a
  /// message for the operator.
  explicit DataDirectory(std::filesystem::path path);

  std::filesystem::path index() const { return path_ / "index"; }
  std::filesystem::path segments() const { return path_ / "segments"; }

  /// Its making was never finished: the index in it may be missing.
  bool is_unfinished() const { return unfinished_; }
  /// The index is there: from here on its absence is an error. Throws std::runtime_error.
  void finish();

  /// The last run did not close it.
  bool was_unclean() const { return unclean_; }
  /// Notes that nothing is left to be cleaned up. Last of all; a failure leaves it unclean.
  void close_cleanly();

 private:
  void lock();
  void read_format();
  void begin();

  const std::filesystem::path path_;
  IoFilePtr lock_;
  bool unfinished_ = false;
  bool unclean_ = false;
};

}  // namespace sluice::local

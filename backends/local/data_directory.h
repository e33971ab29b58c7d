#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "gateway/core/io_ring.h"

namespace sluice::local {

/// Where the index of a data directory's extents is.
enum class IndexPlace : std::uint8_t {
  inside,
  elsewhere,  ///< In a database, which knows the directory by its id.
};

/// A data directory, locked for this process: what is in it and how its last run
/// ended. docs/local-format.md has the files.
class DataDirectory {
 public:
  /// Locks the directory, or an empty one to be. Throws std::runtime_error with a
  /// message for the operator, also if its index is in another place.
  explicit DataDirectory(std::filesystem::path path, IndexPlace place = IndexPlace::inside);

  std::filesystem::path index() const { return path_ / "index"; }
  std::filesystem::path segments() const { return path_ / "segments"; }

  /// What an index elsewhere knows it by; empty if its index is inside.
  const std::string& id() const { return id_; }

  /// Its making was never finished: the index in it may be missing.
  bool is_unfinished() const { return unfinished_; }
  /// The index is there, as this version keeps it: from here on its absence is an error, and
  /// older versions refuse the directory. Throws std::runtime_error.
  void finish();

  /// The last run did not close it.
  bool was_unclean() const { return unclean_; }
  /// Notes that nothing is left to be cleaned up. Last of all; a failure leaves it unclean.
  void close_cleanly();

 private:
  void lock();
  void read_format();
  void begin();
  void read_id();

  const std::filesystem::path path_;
  const IndexPlace place_;
  std::string id_;
  IoFilePtr lock_;
  bool unfinished_ = false;
  bool outdated_ = false;
  bool unclean_ = false;
};

}  // namespace sluice::local

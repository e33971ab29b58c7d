#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "backends/local/local_backend.h"

namespace sluice::local {

/// The extent store of a data directory whose index is in a database: as LocalBackend,
/// without its index. The two must stay together: the index is to remember id(), and to
/// refuse another.
class LocalExtents {
 public:
  /// Opens or makes the directory. While `index_uncertain` is set, which the index does as long
  /// as a commit's outcome is unknown, nothing is given back. Throws std::runtime_error with a
  /// message for the operator.
  LocalExtents(const LocalOptions& options, BufferPool& pool, const std::atomic<bool>& index_uncertain, Log& log);
  ~LocalExtents();

  ExtentStore& extents();

  /// 32 hex digits, for the directory's whole life.
  const std::string& id() const;
  /// Nothing has been stored yet: only then may its index be made.
  bool is_new() const;
  /// The index is there, and knows id(). Before anything is stored. Throws std::runtime_error.
  void finish();

  /// As LocalBackend.
  bool was_unclean() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::local

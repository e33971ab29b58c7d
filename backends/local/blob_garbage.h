#pragma once

#include <rocksdb/db.h>

#include <chrono>
#include <vector>

#include "gateway/core/log.h"

namespace sluice::local {

/// Has compactions rewrite the oldest blob files for as long as enough in the blob files is
/// garbage, and not otherwise: they do so whether or not there is garbage in these, which would
/// cost every compaction a quarter of the store. Of one thread.
class BlobGarbage {
 public:
  BlobGarbage(rocksdb::DB& database, std::vector<rocksdb::ColumnFamilyHandle*> families, Log& log);

  /// Looks whether it is time to begin or to end, every few seconds. Called between writes, by
  /// the thread that writes: changing an option waits for a write that is under way.
  void look();
  /// Looks now.
  void look_at_once();

 private:
  struct Watched {
    rocksdb::ColumnFamilyHandle* family;
    bool is_collected = false;
  };
  void look_at(Watched& watched);

  rocksdb::DB& database_;
  std::vector<Watched> families_;
  Log& log_;
  std::chrono::steady_clock::time_point looked_{};
};

}  // namespace sluice::local

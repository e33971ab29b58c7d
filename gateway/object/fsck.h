#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "gateway/core/backend.h"
#include "gateway/core/result.h"

namespace sluice::object {

struct FsckOptions {
  bool read_bytes = true;  ///< Read every byte and check its checksum, not only the rows.
  bool repair = false;     ///< Give orphans back. Never touches an object.
};

struct FsckReport {
  std::uint64_t buckets = 0, objects = 0, versions = 0, uploads = 0, parts = 0, extents = 0;
  std::uint64_t bytes_checked = 0;
  std::uint64_t orphan_bytes = 0;  ///< In the store, in no row.
  std::uint64_t orphan_rows = 0;   ///< In the index, reached from no object or upload.
  std::uint64_t garbage_rows = 0;  ///< Waiting for the reclaimer: not a fault.
  std::uint64_t faults = 0;        ///< Unreadable rows, missing or corrupt bytes, wrong reference counts.
};

/// Verifies everything: each row against the others, each extent against its
/// checksum, what the store holds against what the index names. `found` is told
/// each fault in a sentence (naming bucket and key), `progress` a report about
/// once a second. The store must be otherwise idle.
Task<FsckReport> fsck(Backend backend, const FsckOptions& options, const std::function<void(const std::string&)>& found,
                      const std::function<void(const FsckReport&)>& progress);

}  // namespace sluice::object

#pragma once

#include <rocksdb/options.h>

#include "backends/local/local_backend.h"

namespace sluice::local {

/// How the index lies on disk and what memory it takes; docs/local-format.md says why.
rocksdb::Options rocks_options(const LocalOptions& options);

/// What RocksDB refused, in our words.
Error error_of(const rocksdb::Status& status);

}  // namespace sluice::local

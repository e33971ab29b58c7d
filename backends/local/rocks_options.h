#pragma once

#include <rocksdb/options.h>

#include <string>
#include <unordered_map>

#include "backends/local/local_backend.h"

namespace sluice::local {

/// How the index lies on disk and what memory it takes; docs/local-format.md says why.
rocksdb::Options rocks_options(const LocalOptions& options);

/// The same, of the family of rows that are kept apart.
rocksdb::ColumnFamilyOptions apart_options(const rocksdb::Options& rocks);

/// What of these changes while blob files are rewritten for the garbage in them.
std::unordered_map<std::string, std::string> garbage_collection(bool is_on);

/// What RocksDB refused, in our words.
Error error_of(const rocksdb::Status& status);

}  // namespace sluice::local

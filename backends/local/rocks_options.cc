#include "backends/local/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

namespace sluice::local {

namespace {

constexpr std::uint64_t kBlobSizeMin = 1024;
constexpr int kOpenFilesMax = 256;
constexpr double kFilterRatio = 0.01;         ///< Of a write buffer: some ten bits a row of 130 bytes.
constexpr unsigned kApartAmplification = 50;  ///< Rows in later tables, in per cent of the oldest.
constexpr unsigned kCollectingAmplification = 5;
constexpr std::uint64_t kLogSizeMax = 256 << 20;  ///< What a start may have to read again.

rocksdb::BlockBasedTableOptions table_options(const LocalOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  rocksdb::LRUCacheOptions cache;
  cache.capacity = options.block_cache_size;
  cache.high_pri_pool_ratio = 0.5;
  table.block_cache = rocksdb::NewLRUCache(cache);
  // Indexes and filters are counted within the cache, or memory would grow with the number of files.
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // In parts, or a key of a table that is not in the cache would cost all of its index and filter.
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.metadata_block_size = 4 * 1024;
  table.pin_top_level_index_and_filter = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_size = 8 * 1024;
  table.format_version = 5;
  return table;
}

// Bodies that live in the index are written once to blob files, and compactions move only their keys.
void keep_blobs_apart(rocksdb::Options& rocks, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocks.enable_blob_files = true;
  rocks.min_blob_size = kBlobSizeMin;
  rocks.blob_compression_type = rocksdb::kNoCompression;
  rocks.blob_cache = cache;
  rocks.enable_blob_garbage_collection = false;  // BlobGarbage says when.
  rocks.blob_garbage_collection_age_cutoff = 0.25;
  rocks.blob_garbage_collection_force_threshold = 0.5;
}

}  // namespace

rocksdb::Options rocks_options(const LocalOptions& options) {
  rocksdb::Options rocks;
  // A torn tail is what a crash leaves; damage anywhere else must be told, not skipped over.
  rocks.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocks.paranoid_checks = true;
  rocks.write_buffer_size = options.write_buffer_size;
  rocks.max_write_buffer_number = 2;
  rocks.max_background_jobs = 3;
  rocks.max_total_wal_size = kLogSizeMax;
  // Tables hold little beside the keys: small levels, or every compaction would rewrite them all.
  rocks.max_bytes_for_level_base = 64 << 20;
  rocks.target_file_size_base = 32 << 20;
  rocks.level_compaction_dynamic_level_bytes = true;
  rocks.compression = rocksdb::kLZ4Compression;
  rocks.bytes_per_sync = 1 << 20;
  rocks.max_open_files = kOpenFilesMax;
  rocks.allow_concurrent_memtable_write = false;
  // Most objects that are written are new: without a filter each would be searched for among all that came lately.
  rocks.memtable_whole_key_filtering = true;
  rocks.memtable_prefix_bloom_size_ratio = kFilterRatio;
  // Keys begin with the letter of their kind, and many kinds are written in ascending order.
  rocks.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(1));
  rocks.avoid_unnecessary_blocking_io = true;
  rocks.skip_stats_update_on_db_open = true;
  rocks.stats_dump_period_sec = 0;
  rocks.stats_persist_period_sec = 0;
  rocks.info_log_level = rocksdb::WARN_LEVEL;
  rocks.max_log_file_size = 4 << 20;
  rocks.keep_log_file_num = 4;

  const auto table = table_options(options);
  rocks.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  keep_blobs_apart(rocks, table.block_cache);
  return rocks;
}

rocksdb::ColumnFamilyOptions apart_options(const rocksdb::Options& rocks) {
  rocksdb::ColumnFamilyOptions apart(rocks);
  apart.memtable_prefix_bloom_size_ratio = 0;  // What is looked for there is there.
  // Small tables that hardly overlap: by levels they would be moved down one by one and never merged.
  apart.compaction_style = rocksdb::kCompactionStyleUniversal;
  apart.compaction_options_universal.max_size_amplification_percent = kApartAmplification;
  apart.level0_file_num_compaction_trigger = 8;
  apart.level0_slowdown_writes_trigger = 40;
  apart.level0_stop_writes_trigger = 60;
  return apart;
}

std::unordered_map<std::string, std::string> garbage_collection(bool is_on) {
  // Only a compaction that comes by their keys rewrites old blob files.
  const auto amplification = std::to_string(is_on ? kCollectingAmplification : kApartAmplification);
  return {{"enable_blob_garbage_collection", is_on ? "true" : "false"},
          {"compaction_options_universal", "{max_size_amplification_percent=" + amplification + ";}"}};
}

Error error_of(const rocksdb::Status& status) {
  auto code = ErrorCode::unavailable;
  if (status.IsNoSpace()) code = ErrorCode::out_of_space;
  if (status.IsCorruption()) code = ErrorCode::corrupt;
  return {code, "index: " + status.ToString()};
}

}  // namespace sluice::local

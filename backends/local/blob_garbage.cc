#include "backends/local/blob_garbage.h"

#include "backends/local/rocks_options.h"

namespace sluice::local {

namespace {

constexpr auto kPeriod = std::chrono::seconds(5);
constexpr std::uint64_t kSizeMin = 64 << 20;  ///< Less is not worth it.
// Of the blob files, in parts of 16.
constexpr std::uint64_t kBeginAt = 4;
constexpr std::uint64_t kEndAt = 2;

}  // namespace

BlobGarbage::BlobGarbage(rocksdb::DB& database, std::vector<rocksdb::ColumnFamilyHandle*> families, Log& log)
    : database_(database), log_(log) {
  for (auto* family : families) families_.push_back({.family = family});
}

void BlobGarbage::look() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kPeriod) return;
  looked_ = now;
  look_at_once();
}

void BlobGarbage::look_at_once() {
  for (Watched& watched : families_) look_at(watched);
}

void BlobGarbage::look_at(Watched& watched) {
  std::uint64_t size = 0;
  std::uint64_t garbage = 0;
  if (!database_.GetIntProperty(watched.family, rocksdb::DB::Properties::kLiveBlobFileSize, &size)) return;
  if (!database_.GetIntProperty(watched.family, rocksdb::DB::Properties::kLiveBlobFileGarbageSize, &garbage)) return;
  const std::uint64_t bound = size / 16 * (watched.is_collected ? kEndAt : kBeginAt);
  const bool is_due = size >= kSizeMin && garbage >= bound;
  if (is_due == watched.is_collected) return;
  const auto set = database_.SetOptions(watched.family, garbage_collection(is_due));
  if (!set.ok()) {
    log_.error("index_garbage_collection", {{"detail", std::string_view(set.ToString())}});
    return;
  }
  watched.is_collected = is_due;
  log_.info("index_garbage_collection", {{"on", is_due}, {"garbage", garbage}, {"size", size}});
}

}  // namespace sluice::local

#include "backends/local/row_families.h"

#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <vector>

#include "backends/local/rocks_options.h"

namespace sluice::local {

namespace {

constexpr const char* kApartName = "apart";
constexpr std::size_t kMoveSize = 4 << 20;  ///< Bytes of rows that one write moves.

std::string byte_after(char kind) {
  const auto next = static_cast<unsigned char>(kind) + 1U;
  return next > 0xFF ? std::string() : std::string(1, static_cast<char>(next));
}

void require(const rocksdb::Status& status, const std::string& what) {
  if (!status.ok()) throw std::runtime_error(what + ": " + status.ToString());
}

}  // namespace

RowFamilies::RowFamilies(const std::filesystem::path& directory, const LocalOptions& options, bool create,
                         std::shared_ptr<rocksdb::EventListener> listener, Log& log)
    : kind_(options.kept_apart), kind_begin_(1, kind_), kind_end_(byte_after(kind_)) {
  auto rocks = rocks_options(options);
  rocks.create_if_missing = create;
  rocks.create_missing_column_families = true;
  if (listener != nullptr) rocks.listeners.push_back(std::move(listener));
  const std::vector<rocksdb::ColumnFamilyDescriptor> names = {{rocksdb::kDefaultColumnFamilyName, rocks},
                                                              {kApartName, apart_options(rocks)}};
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* database = nullptr;
  require(rocksdb::DB::Open(rocks, directory.string(), names, &families, &database),
          "cannot open the index in " + directory.string());
  database_.reset(database);
  others_ = Family(families[0], {database});
  apart_ = Family(families[1], {database});
  move_rows(log);
}

RowFamilies::~RowFamilies() {
  others_.reset();
  apart_.reset();
  const auto closed = database_->Close();
  assert(!closed.IsAborted());
}

RowFamilies::Part RowFamilies::first_part(std::string_view begin, std::string_view end) const {
  const bool is_apart = begin.starts_with(kind_);
  std::string_view bound;
  if (is_apart) {
    bound = kind_end_;
  } else if (begin < kind_begin_) {
    bound = kind_begin_;
  }
  const bool is_last = bound.empty() || (!end.empty() && end <= bound);
  return {of(begin), std::string(is_last ? end : bound), is_last};
}

void RowFamilies::move_rows(Log& log) {
  rocksdb::ReadOptions reading;
  reading.fill_cache = false;
  const rocksdb::Slice end(kind_end_);
  if (!kind_end_.empty()) reading.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> row(database_->NewIterator(reading, others()));
  row->Seek(kind_begin_);
  if (row->Valid()) log.info("index_rows_move", {{"detail", "an earlier version kept the rows in one table"}});
  rocksdb::WriteOptions durably;
  durably.sync = true;
  while (row->Valid()) {
    // What is moved is, at every moment, in one of the two.
    rocksdb::WriteBatch batch;
    for (; row->Valid() && batch.GetDataSize() < kMoveSize; row->Next()) {
      batch.Put(apart(), row->key(), row->value());
      batch.Delete(others(), row->key());
    }
    require(row->status(), "cannot read the index");
    require(database_->Write(durably, &batch), "cannot write the index");
  }
  require(row->status(), "cannot read the index");
}

}  // namespace sluice::local

#pragma once

#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "backends/local/local_backend.h"

namespace sluice::local {

/// The database of the index, with its rows in two column families: those whose key begins
/// with LocalOptions::kept_apart, and all others. One log and one sequence of commits hold both.
/// docs/local-format.md says what it is good for. Safe for concurrent use.
class RowFamilies {
 public:
  /// Opens the database in `directory`, or with `create` makes it if it is not there. Rows that
  /// lie in the wrong family, as earlier versions left them, are moved first. Throws
  /// std::runtime_error with a message for the operator. `listener`: null for none.
  RowFamilies(const std::filesystem::path& directory, const LocalOptions& options, bool create,
              std::shared_ptr<rocksdb::EventListener> listener, Log& log);
  /// Closes the database.
  ~RowFamilies();
  RowFamilies(const RowFamilies&) = delete;
  RowFamilies& operator=(const RowFamilies&) = delete;

  rocksdb::DB& database() { return *database_; }
  rocksdb::ColumnFamilyHandle* others() const { return others_.get(); }
  rocksdb::ColumnFamilyHandle* apart() const { return apart_.get(); }

  /// Where the row of `key` lies.
  rocksdb::ColumnFamilyHandle* of(std::string_view key) const {
    return key.starts_with(kind_) ? apart_.get() : others_.get();
  }

  /// The beginning of a range of keys, as far as it lies in one family.
  struct Part {
    rocksdb::ColumnFamilyHandle* family;
    std::string end;  ///< Exclusive; empty means no bound.
    bool is_last;     ///< The range ends here.
  };
  Part first_part(std::string_view begin, std::string_view end) const;

 private:
  void move_rows(Log& log);

  struct Closer {
    rocksdb::DB* database;
    void operator()(rocksdb::ColumnFamilyHandle* family) const { database->DestroyColumnFamilyHandle(family); }
  };
  using Family = std::unique_ptr<rocksdb::ColumnFamilyHandle, Closer>;

  const char kind_;
  const std::string kind_begin_;
  const std::string kind_end_;  ///< Exclusive; empty means no bound.
  std::unique_ptr<rocksdb::DB> database_;
  Family others_;
  Family apart_;
};

}  // namespace sluice::local

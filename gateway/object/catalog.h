#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/core/index.h"
#include "gateway/object/name.h"
#include "gateway/object/record.h"

// The key layout, all of it: docs/decisions/0002-key-layout.md says why.

namespace sluice::object {

std::string bucket_key(std::string_view bucket);
std::string bucket_of_key(std::string_view row_key);

std::string object_key(const ObjectName& name);
std::string objects_prefix(std::string_view bucket);
ObjectName object_of_key(std::string_view row_key);

/// Noncurrent versions and snapshots sort by key, byte by byte, the newest first within one.
std::string version_key(const ObjectName& name, std::uint64_t revision);
std::string versions_prefix(std::string_view bucket);
/// What the keys of version rows begin with, for object keys that begin with `key_prefix`.
std::string versions_prefix(std::string_view bucket, std::string_view key_prefix);
/// All rows of this very key.
KeyRange versions_of(const ObjectName& name);
struct VersionName {
  ObjectName object;
  std::uint64_t revision = 0;
};
std::optional<VersionName> version_of_key(std::string_view row_key);

std::string inline_key(std::string_view id);
std::string extent_key(ExtentId id);
std::optional<ExtentId> extent_of_key(std::string_view row_key);  ///< Also of a garbage row's key.

/// Uploads sort by key, byte by byte, then by id.
std::string upload_key(const ObjectName& name, std::string_view upload_id);
std::string uploads_prefix(std::string_view bucket);
/// What the keys of upload rows begin with, for object keys that begin with `key_prefix`.
std::string uploads_prefix(std::string_view bucket, std::string_view key_prefix);
/// Behind every upload of this very key, before those of the next.
std::string uploads_end(const ObjectName& name);
struct UploadName {
  ObjectName object;
  std::string upload_id;
};
std::optional<UploadName> upload_of_key(std::string_view row_key);

std::string part_key(std::string_view upload_id, std::uint32_t number);
std::string parts_prefix(std::string_view upload_id);
/// A staged block, among the parts under UploadRecord::blocks.
std::string block_key(std::string_view blocks, std::string_view block_id);

std::string manifest_key(std::string_view manifest_id, std::size_t row);
std::string manifest_prefix(std::string_view manifest_id);

std::string extent_garbage_key(ExtentId id);
std::string manifest_garbage_key(std::string_view manifest_id);
std::string upload_garbage_key(std::string_view upload_id);
std::string bucket_garbage_key(std::string_view bucket_id);

/// A state of a key that is kept after its removal, sorted by when it may go.
std::string retained_key(UtcTime until, const ObjectName& name, std::uint64_t revision);
struct RetainedName {
  UtcTime until;
  VersionName state;
};
std::optional<RetainedName> retained_of_key(std::string_view row_key);

std::string account_key(std::string_view account);

/// The first letters of the rows' keys, for whoever walks whole kinds.
namespace rows {
inline constexpr std::string_view kBuckets = "b";
inline constexpr std::string_view kObjects = "o";
inline constexpr std::string_view kVersions = "v";
inline constexpr std::string_view kInline = "d";
inline constexpr std::string_view kExtents = "x";
inline constexpr std::string_view kUploads = "u";
inline constexpr std::string_view kParts = "p";
inline constexpr std::string_view kManifests = "m";
inline constexpr std::string_view kGarbage = "g";
inline constexpr std::string_view kExtentGarbage = "ge";
inline constexpr std::string_view kManifestGarbage = "gm";
inline constexpr std::string_view kRetained = "gs";
inline constexpr std::string_view kUploadGarbage = "gu";
inline constexpr std::string_view kBucketGarbage = "gb";
inline constexpr std::string_view kAccounts = "s";
}  // namespace rows

/// The first key behind all that begin with `prefix`. Not for bytes 0xFF alone.
std::string successor(std::string_view prefix);
KeyRange keys_with(std::string_view prefix);

/// Decodes a row; a failure says which.
template <class Record>
Result<Record> decode_row(std::string_view key, std::string_view value) {
  auto record = Record::decode(value);
  if (!record) record.error().detail += " " + std::string(key);
  return record;
}

/// Typed rows over a transaction, which is the caller's and may be used beside it.
class Catalog {
 public:
  explicit Catalog(Transaction& transaction) : transaction_(transaction) {}

  template <class Record>
  Task<std::optional<Record>> get(std::string key) {
    CO_TRY(const auto value, co_await transaction_.get(key));
    if (!value) co_return std::optional<Record>{};
    CO_TRY(auto record, decode_row<Record>(key, *value));
    co_return std::optional<Record>(std::move(record));
  }

  template <class Record>
  void put(std::string key, const Record& record) {
    transaction_.put(std::move(key), record.encode());
  }

  void erase(std::string key) { transaction_.erase(std::move(key)); }
  Transaction& transaction() { return transaction_; }

 private:
  Transaction& transaction_;
};

}  // namespace sluice::object

#include "gateway/object/known_bucket.h"

#include <utility>

#include "gateway/object/catalog.h"

namespace sluice::object {
namespace {

/// Left on the row of a bucket: what it says.
struct DecodedBucket : RowNote {
  DecodedBucket(const std::string& name, BucketRecord decoded)
      : record(std::move(decoded)), info(info_of(name, record)) {}
  const BucketRecord record;
  const BucketInfo info;
};

/// Null if there is no row or it cannot be decoded.
const DecodedBucket* decoded(const Row* row, const std::string& name) {
  if (row == nullptr) return nullptr;
  const RowNote* note = row->note();
  if (note == nullptr) {
    auto record = BucketRecord::decode(row->bytes());
    if (!record) return nullptr;
    note = row->leave(std::make_unique<DecodedBucket>(name, *std::move(record)));
  }
  return static_cast<const DecodedBucket*>(note);
}

/// `rows`: an index or a transaction.
template <class Rows>
Task<KnownBucket> find(Rows& rows, const std::string& bucket) {
  if (!may_be_bucket(bucket)) co_return fail(ErrorCode::no_such_bucket);
  const auto key = bucket_key(bucket);
  auto row = rows.at_hand(key);
  if (const auto* known = decoded(row.get(), bucket)) co_return KnownBucket(std::move(row), &known->record);

  CO_TRY(const auto value, co_await rows.get(key));
  if (!value) co_return fail(ErrorCode::no_such_bucket, bucket);
  CO_TRY(auto record, decode_row<BucketRecord>(key, *value));
  co_return std::make_shared<const BucketRecord>(std::move(record));
}

}  // namespace

Task<KnownBucket> find_bucket(Index& index, const std::string& bucket) { return find(index, bucket); }

Task<KnownBucket> find_bucket(Transaction& transaction, const std::string& bucket) { return find(transaction, bucket); }

std::shared_ptr<const BucketInfo> bucket_at_hand(Index& index, const std::string& bucket) {
  auto row = may_be_bucket(bucket) ? index.at_hand(bucket_key(bucket)) : nullptr;
  const auto* known = decoded(row.get(), bucket);
  if (known == nullptr) return nullptr;
  return {std::move(row), &known->info};
}

BucketInfo info_of(const std::string& name, const BucketRecord& record) {
  return {name, record.owner, record.created, record.modified, record.revision, record.settings, record.lease};
}

Awaitable<Error> why_missing(Index& index, const ObjectName& name) {
  const auto bucket = co_await find_bucket(index, name.bucket);
  if (!bucket) co_return bucket.error();
  co_return Error{ErrorCode::no_such_object, name.key};
}

}  // namespace sluice::object

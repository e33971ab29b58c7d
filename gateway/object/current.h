#pragma once

#include "gateway/object/known_bucket.h"
#include "gateway/object/versions.h"

namespace sluice::object {

/// An object's row as it was read, where it stands, and what it says.
struct CurrentRow {
  std::string key;
  std::shared_ptr<const Row> row;
  ObjectRecord record;
};

/// Reads into `current` the version or snapshot that is meant. Fails as why_not().
inline Task<> read_named(Index& index, const ObjectName& name, const Which& which, CurrentRow& current) {
  const auto transaction = index.begin();
  Catalog rows(*transaction);
  CO_TRY(auto found, co_await find_state(rows, name, which));
  if (!found || found->record.info.delete_marker) {
    co_return std::unexpected(co_await why_not(index, name, which, found.has_value()));
  }
  current.key = std::move(found->key);
  current.row = std::make_shared<const Row>(std::move(found->row));
  current.record = std::move(found->record);
  co_return done;
}

/// Reads the row of the object that is meant and gives it to `use`, a callable that takes a
/// CurrentRow& (whose record it may use up) and gives a Task of an optional; again with the
/// next row if that is nothing: bytes were gone because the object was replaced. The current
/// object costs one read of the index, others two. Fails as why_not().
template <class Use>
auto with_current(Index& index, const ObjectName& name, const Which& which, Use& use)
    -> Task<typename decltype(use(std::declval<CurrentRow&>()))::value_type::value_type::value_type> {
  constexpr int kReplacedMax = 20;
  CurrentRow current;
  current.key = object_key(name);
  for (int tries = 0; tries < kReplacedMax; ++tries) {
    const auto row_before = std::move(current.row);
    const auto key_before = current.key;
    if (which.current()) {
      current.row = index.at_hand(current.key);
      if (!current.row) {
        CO_TRY(auto read, co_await index.get(current.key));
        if (!read) co_return std::unexpected(co_await why_missing(index, name));
        current.row = std::make_shared<const Row>(*std::move(read));
      }
      CO_TRY(current.record, decode_row<ObjectRecord>(current.key, current.row->bytes()));
      const auto& info = current.record.info;
      if (info.delete_marker || info.soft_deleted) co_return std::unexpected(co_await why_missing(index, name));
    } else {
      CO_TRY(co_await read_named(index, name, which, current));
    }
    // No revision comes twice: the object was this one all the while.
    if (row_before && current.row->bytes() == row_before->bytes() && current.key == key_before) {
      co_return fail(ErrorCode::corrupt, "bytes of an object are gone: " + name.key);
    }
    CO_TRY(auto result, co_await use(current));
    if (result) co_return std::move(*result);
  }
  co_return fail(ErrorCode::conflict, "an object was replaced faster than it was read: " + name.key);
}

}  // namespace sluice::object

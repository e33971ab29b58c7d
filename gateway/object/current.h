#pragma once

#include "gateway/object/catalog.h"

namespace sluice::object {

/// An object's row as it was read, and what it says.
struct CurrentRow {
  std::shared_ptr<const std::string> row;
  ObjectRecord record;
};

/// Reads the object's row and gives it to `use`, a callable that takes a CurrentRow&
/// (whose record it may use up) and gives a Task of an optional; again with the next
/// row if that is nothing: bytes were gone because the object was replaced.
template <class Use>
auto with_current(Index& index, const ObjectName& name, Use& use)
    -> Task<typename decltype(use(std::declval<CurrentRow&>()))::value_type::value_type::value_type> {
  constexpr int kReplacedMax = 20;
  CurrentRow current;
  const auto key = object_key(name);
  for (int tries = 0; tries < kReplacedMax; ++tries) {
    auto row = index.at_hand(key);
    if (!row) {
      CO_TRY(auto read, co_await index.get(key));
      if (!read) co_return std::unexpected(co_await why_missing(index, name));
      row = std::make_shared<const std::string>(*std::move(read));
    }
    // No revision comes twice: the object was this one all the while.
    if (current.row && *row == *current.row) {
      co_return fail(ErrorCode::corrupt, "bytes of an object are gone: " + name.key);
    }
    current.row = std::move(row);
    CO_TRY(current.record, decode_row<ObjectRecord>(key, *current.row));
    CO_TRY(auto result, co_await use(current));
    if (result) co_return std::move(*result);
  }
  co_return fail(ErrorCode::conflict, "an object was replaced faster than it was read: " + name.key);
}

}  // namespace sluice::object

#include "gateway/object/map_copy.h"

#include "gateway/object/catalog.h"
#include "gateway/object/references.h"
#include "gateway/object/retry.h"

namespace sluice::object {
namespace {

// What one commit copies.
constexpr std::size_t kRows = 32;
constexpr std::size_t kRuns = 2000;

Task<> begin(Backend backend, const Building& building) {
  const auto transaction = backend.index.begin();
  Catalog(*transaction).put(manifest_garbage_key(building.id()), building.row(/*owned=*/true));
  co_return co_await transaction->commit();
}

// The row of one region; how many runs of pages it has.
Task<std::size_t> copy_region(Catalog& rows, References& references, const Building& building, const std::string& key) {
  // Got as well as scanned: the commit then guards it.
  CO_TRY(const auto row, co_await rows.get<ManifestRecord>(key));
  if (!row) co_return fail(ErrorCode::conflict, "pages were cleared");
  for (const auto& part : row->parts) {
    for (const auto& slice : part.slices) references.add(slice);
  }
  const auto prefix = manifest_prefix(building.id());
  rows.put(prefix + key.substr(prefix.size()), *row);
  co_return row->parts.size();
}

// The first rows of what is left, which takes them off. False: the source is not what it was.
Task<bool> copy_some(Backend backend, const Building& building, const StillCurrent& is_current, KeyRange& left,
                     bool& more) {
  const auto transaction = backend.index.begin();
  Catalog rows(*transaction);
  References references;
  const auto mark_key = manifest_garbage_key(building.id());
  CO_TRY(const auto marked, co_await rows.get<ManifestGarbage>(mark_key));
  CO_TRY(const bool current, co_await is_current(*transaction));
  if (!marked) co_return fail(ErrorCode::conflict, "another process cleared the copy away");
  if (!current) co_return false;
  CO_TRY(const auto found, co_await transaction->scan(left, kRows));
  std::size_t copied = 0;
  for (std::size_t run_count = 0; copied != found.size() && run_count < kRuns; ++copied) {
    CO_TRY(const auto count, co_await copy_region(rows, references, building, found[copied].key));
    run_count += count;
  }
  more = copied == kRows || copied < found.size();
  rows.put(mark_key, building.row(/*owned=*/true));
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (copied != 0) left.begin = found[copied - 1].key + '\0';
  co_return true;
}

}  // namespace

Task<bool> copy_map(Backend backend, const Building& building, const PageMap& from, const StillCurrent& is_current) {
  auto mark = [&] { return begin(backend, building); };
  CO_TRY(co_await retry_conflicts(mark));
  KeyRange left = keys_with(manifest_prefix(from.id));
  for (bool more = true; more;) {
    auto attempt = [&] { return copy_some(backend, building, is_current, left, more); };
    CO_TRY(const bool copied, co_await retry_conflicts(attempt));
    if (!copied) co_return false;
  }
  co_return true;
}

}  // namespace sluice::object

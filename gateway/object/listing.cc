#include "gateway/object/listing.h"

#include <algorithm>

#include "gateway/object/catalog.h"
#include "gateway/object/cursor.h"

namespace sluice::object {
namespace {

// No key is longer than the limit, so one byte more tells as much as all of `after` does.
std::string_view clamped(std::string_view after) { return after.substr(0, kKeySizeMax + 1); }

std::string start(const std::string& rows, const ListOptions& options) {
  const auto after = clamped(options.after);
  if (folded(after, options.prefix, options.delimiter) == after) return successor(rows + std::string(after));
  return rows + std::string(after) + '\0';
}

Result<ListEntry> entry_of(std::string_view key, const Entry& row) {
  TRY(auto record, decode_row<ObjectRecord>(row.key, row.value));
  return ListEntry{std::string(key), false, std::move(record.info)};
}

}  // namespace

Task<ListPage> list_objects(Backend backend, const RequestContext&, const std::string& bucket,
                            const ListOptions& options) {
  CO_TRY(co_await find_bucket(backend.index, bucket));
  ListPage page;
  if (options.limit == 0 || options.prefix.size() > kKeySizeMax) co_return page;

  const auto rows = objects_prefix(bucket);
  auto range = keys_with(rows + options.prefix);
  if (!options.after.empty()) range.begin = std::max(range.begin, start(rows, options));
  const auto transaction = backend.index.begin();
  Cursor cursor(*transaction, std::move(range), std::min(options.limit, Cursor::kScanMax - 1) + 1);
  for (;;) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) co_return page;
    if (page.entries.size() == options.limit) break;
    const auto key = std::string_view(row->key).substr(rows.size());
    if (const auto prefix = folded(key, options.prefix, options.delimiter)) {
      page.entries.push_back({std::string(*prefix), true, {}});
      cursor.skip_to(successor(rows + page.entries.back().name));
    } else {
      CO_TRY(auto entry, entry_of(key, *row));
      page.entries.push_back(std::move(entry));
      cursor.pop();
    }
  }
  page.truncated = true;
  co_return page;
}

}  // namespace sluice::object

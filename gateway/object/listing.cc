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
    const Entry* row = cursor.at_hand();
    if (row == nullptr) {
      CO_TRY(row, co_await cursor.peek());
      if (row == nullptr) co_return page;
      page.entries.reserve(std::min(options.limit, page.entries.size() + cursor.count_at_hand()));
    }
    const auto key = std::string_view(row->key).substr(rows.size());
    CO_TRY(auto record, decode_row<ObjectRecord>(row->key, row->value));
    if (record.info.delete_marker || record.info.soft_deleted) {
      cursor.pop();
      continue;
    }
    if (page.entries.size() == options.limit) break;
    if (const auto prefix = folded(key, options.prefix, options.delimiter)) {
      page.entries.push_back({std::string(*prefix), true, {}});
      cursor.skip_to(successor(rows + page.entries.back().name));
    } else {
      auto& entry = page.entries.emplace_back();
      entry.name = key;
      entry.info = std::move(record.info);
      cursor.pop();
    }
  }
  page.truncated = true;
  co_return page;
}

}  // namespace sluice::object

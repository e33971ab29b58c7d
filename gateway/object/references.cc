#include "gateway/object/references.h"

namespace sluice::object {

References::Change& References::change(const Extent& extent) {
  auto& change = changes_[extent.id];
  change.extent = extent;
  return change;
}

void References::adopt(const Extent& extent) {
  auto& adopted = change(extent);
  adopted.fresh = true;
  ++adopted.gained;
}

void References::add(const Slice& slice) { ++change(slice.extent).gained; }

void References::drop(const Slice& slice) { --change(slice.extent).gained; }

void References::drop(const std::vector<Slice>& slices) {
  for (const auto& slice : slices) drop(slice);
}

Task<> References::apply(Catalog& rows) const {
  for (const auto& [id, change] : changes_) {
    CO_TRY(co_await apply(rows, change));
  }
  co_return done;
}

Task<> References::apply(Catalog& rows, const Change& change) {
  const auto& [extent, fresh, gained] = change;
  if (gained == 0) co_return done;
  std::optional<ExtentRecord> row;
  if (!fresh) {
    CO_TRY(row, co_await rows.get<ExtentRecord>(extent_key(extent.id)));
    // Nothing is lost with a reference to what is not there; fsck tells of it.
    if (!row && gained < 0) co_return done;
    if (!row) co_return fail(ErrorCode::corrupt, "a slice of an extent that is not live");
  }
  const auto before = row ? row->references : 0;
  const auto after = before + static_cast<std::uint64_t>(gained);
  if (gained < 0 && before < static_cast<std::uint64_t>(-gained)) {
    co_return fail(ErrorCode::corrupt, "an extent loses more references than it has");
  }
  const ExtentRecord changed{extent.length, extent.crc32c, after};
  if (after != 0) {
    rows.put(extent_key(extent.id), changed);
  } else {
    rows.erase(extent_key(extent.id));
    rows.put(extent_garbage_key(extent.id), changed);
  }
  co_return done;
}

void let_go(Catalog& rows, References& references, const Content& content) {
  if (const auto* data = std::get_if<InlineContent>(&content)) rows.erase(inline_key(data->id));
  if (const auto* slices = std::get_if<std::vector<Slice>>(&content)) references.drop(*slices);
  if (const auto* appended = std::get_if<Appended>(&content)) {
    references.drop(appended->slices);
    for (const auto& small : appended->tail) rows.erase(inline_key(small.body.id));
  }
  if (const auto* map = std::get_if<PageMap>(&content)) rows.put(manifest_garbage_key(map->id), ManifestGarbage{});
  if (const auto* manifest = manifest_in(content)) {
    rows.put(manifest_garbage_key(manifest->id), ManifestGarbage{});
  }
}

bool leaves_garbage(const Content& content) {
  return !std::holds_alternative<std::monostate>(content) && !std::holds_alternative<InlineContent>(content);
}

}  // namespace sluice::object

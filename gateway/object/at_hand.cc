#include "gateway/core/digest.h"
#include "gateway/object/catalog.h"
#include "gateway/object/objects.h"
#include "gateway/object/selection.h"

namespace sluice::object {
namespace {

/// Left on the row of an object: what it says.
struct DecodedObject : RowNote {
  explicit DecodedObject(ObjectRecord decoded) : record(std::move(decoded)) {}
  const ObjectRecord record;
  const Descriptions descriptions;
};

/// Left on the row of an inline body: its bytes are those that were put.
struct CheckedBody : RowNote {};

const DecodedObject* decoded(const Row& row) {
  if (const RowNote* known = row.note()) return static_cast<const DecodedObject*>(known);
  auto record = ObjectRecord::decode(row.bytes());
  if (!record) return nullptr;
  return static_cast<const DecodedObject*>(row.leave(std::make_unique<DecodedObject>(*std::move(record))));
}

std::optional<Chunk> inline_at_hand(Index& index, const InlineContent& content) {
  auto row = index.at_hand(inline_key(content.id));
  if (!row) return std::nullopt;
  if (row->note() == nullptr) {
    if (crc32c(row->bytes()) != content.crc32c) return std::nullopt;
    row->leave(std::make_unique<CheckedBody>());
  }
  return Chunk::of(std::move(row));
}

/// What lies in one of the slices.
std::optional<Chunk> slice_at_hand(ExtentStore& extents, const std::vector<Slice>& slices, ByteRange range) {
  for (const Slice& slice : slices) {
    if (range.offset < slice.range.length) {
      if (range.length > slice.range.length - range.offset) return std::nullopt;
      Chunk bytes = extents.at_hand(slice.extent, {slice.range.offset + range.offset, range.length});
      return bytes.size() == range.length ? std::optional(std::move(bytes)) : std::nullopt;
    }
    range.offset -= slice.range.length;
  }
  return std::nullopt;
}

/// `size`: of the object.
std::optional<Chunk> content_at_hand(Backend backend, const Content& content, std::uint64_t size, ByteRange range) {
  if (range.length == 0) return Chunk{};
  if (const auto* body = std::get_if<InlineContent>(&content)) {
    const auto all = inline_at_hand(backend.index, *body);
    if (!all || all->size() != size) return std::nullopt;
    return all->slice(range.offset, range.length);
  }
  const auto* slices = std::get_if<std::vector<Slice>>(&content);
  return slices == nullptr ? std::nullopt : slice_at_hand(backend.extents, *slices, range);
}

}  // namespace

std::optional<HeldObject> Objects::at_hand(const ObjectName& name, bool with_content,
                                           const std::optional<RangeRequest>& range) {
  if (!check_name(name)) return std::nullopt;
  HeldObject held;
  held.row = backend_.index.at_hand(object_key(name));
  const DecodedObject* const object = held.row ? decoded(*held.row) : nullptr;
  if (object == nullptr) return std::nullopt;
  held.record = &object->record;
  held.descriptions = &object->descriptions;
  const ObjectInfo& info = held.record->info;
  const bool is_archived = info.tiering.tier == Tier::archive;
  if (info.delete_marker || info.soft_deleted || info.encryption || is_archived) return std::nullopt;
  if (!with_content) return held;
  const auto resolved = range ? resolve(*range, info.size) : ByteRange{0, info.size};
  if (!resolved) return std::nullopt;
  held.range = *resolved;
  held.content = content_at_hand(backend_, held.record->content, info.size, held.range);
  if (!held.content) return std::nullopt;
  return held;
}

Result<ByteRange> Objects::range_of(const HeldObject& object, const OpenOptions& options) {
  const ObjectInfo& info = object.record->info;
  if (options.admit) {
    TRY(options.admit(info));
  }
  TRY(check_customer_key(info.encryption, options.customer_key));
  TRY(check_read(options.conditions, info));
  if (options.range) return resolve(*options.range, info.size);
  return ByteRange{0, info.size};
}

}  // namespace sluice::object

#include "gateway/object/content_fields.h"

#include <limits>

#include "gateway/core/index.h"
#include "gateway/object/codec.h"

namespace sluice::object {
namespace {

bool take_slice(std::string_view& in, Slice& slice) {
  std::uint64_t id = 0;
  std::uint64_t crc = 0;
  if (!take_varint(in, id) || !take_varint(in, slice.extent.length) || !take_varint(in, crc) ||
      !take_varint(in, slice.range.offset) || !take_varint(in, slice.range.length)) {
    return false;
  }
  slice.extent.id = ExtentId{id};
  slice.extent.crc32c = static_cast<std::uint32_t>(crc);
  const auto [offset, length] = slice.range;
  return crc <= std::numeric_limits<std::uint32_t>::max() && length != 0 && offset <= slice.extent.length &&
         length <= slice.extent.length - offset;
}

bool decode_manifest_rows(std::string_view in, std::vector<Manifest::Row>& rows) {
  if (!rows.empty()) return false;
  Manifest::Row before;
  while (!in.empty()) {
    Manifest::Row row;
    std::uint64_t number = 0;
    if (!take_varint(in, row.end) || !take_varint(in, number)) return false;
    if (number > std::numeric_limits<std::uint32_t>::max()) return false;
    row.last_number = static_cast<std::uint32_t>(number);
    if (row.end < before.end || row.last_number <= before.last_number) return false;
    rows.push_back(before = row);
  }
  return !rows.empty();
}

bool decode_tail(std::string_view bytes, Appended::Tail& tail) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) tail.body.id = in.bytes();
    if (in.tag() == 2) tail.body.crc32c = in.number32();
    if (in.tag() == 3) tail.size = in.number();
  }
  return in.ok() && tail.body.id.size() == kIdSize && tail.size != 0 && tail.size <= Index::kValueSizeMax;
}

struct Covers {
  std::uint64_t size;
  bool operator()(std::monostate) const { return size == 0; }
  bool operator()(const InlineContent& content) const { return size != 0 && content.id.size() == kIdSize; }
  bool operator()(const std::vector<Slice>& slices) const { return size_of(slices) == size; }
  bool operator()(const Manifest& manifest) const { return manifest.rows.back().end == size; }
  bool operator()(const Appended& content) const { return content.size() == size; }
  bool operator()(const PageMap& map) const { return map.id.size() == kIdSize; }
};

}  // namespace

std::string encode_slices(const std::vector<Slice>& slices) {
  std::string out;
  out.reserve(slices.size() * 24);
  for (const auto& [extent, range] : slices) {
    append_varint(out, static_cast<std::uint64_t>(extent.id));
    append_varint(out, extent.length);
    append_varint(out, extent.crc32c);
    append_varint(out, range.offset);
    append_varint(out, range.length);
  }
  return out;
}

bool decode_slices(std::string_view in, std::vector<Slice>& slices) {
  if (!slices.empty()) return false;
  std::uint64_t size = 0;
  while (!in.empty()) {
    Slice slice;
    if (!take_slice(in, slice) || slice.range.length > std::numeric_limits<std::uint64_t>::max() - size) return false;
    size += slice.range.length;
    slices.push_back(slice);
  }
  return !slices.empty();
}

std::string encode_manifest(const Manifest& manifest) {
  std::string rows;
  for (const auto& [end, last_number] : manifest.rows) {
    append_varint(rows, end);
    append_varint(rows, last_number);
  }
  return Encoder().bytes(1, manifest.id).bytes(2, rows).take();
}

bool decode_manifest(std::string_view bytes, Manifest& manifest) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) manifest.id = in.bytes();
    if (in.tag() == 2 && !decode_manifest_rows(in.bytes(), manifest.rows)) in.refuse();
  }
  return in.ok() && manifest.id.size() == kIdSize && !manifest.rows.empty();
}

std::string encode_appended(const Appended& content) {
  Encoder out;
  if (!content.packed.rows.empty()) out.bytes(1, encode_manifest(content.packed));
  out.bytes(2, encode_slices(content.slices));
  for (const auto& [body, size] : content.tail) {
    out.element(3, Encoder().bytes(1, body.id).number(2, body.crc32c).number(3, size).take());
  }
  return out.take();
}

bool decode_appended(std::string_view bytes, Appended& content) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1 && !decode_manifest(in.bytes(), content.packed)) in.refuse();
    if (in.tag() == 2 && !decode_slices(in.bytes(), content.slices)) in.refuse();
    if (in.tag() == 3 && !decode_tail(in.bytes(), content.tail.emplace_back())) in.refuse();
  }
  return in.ok();
}

bool covers(const Content& content, std::uint64_t size) { return std::visit(Covers{size}, content); }

}  // namespace sluice::object

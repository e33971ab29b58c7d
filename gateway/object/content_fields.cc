#include "gateway/object/content_fields.h"

#include <algorithm>
#include <limits>

#include "gateway/core/cipher.h"
#include "gateway/core/index.h"
#include "gateway/object/codec.h"
#include "gateway/object/row_fields.h"

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
    if (in.tag() == 4 && !decode_seal(in.bytes(), tail.seal)) in.refuse();
  }
  return in.ok() && tail.body.id.size() == kIdSize && tail.size != 0 && tail.size <= Index::kValueSizeMax;
}

bool decode_piece(std::string_view bytes, std::vector<Appended::Piece>& pieces) {
  Appended::Piece piece;
  std::optional<Seal> seal;
  if (!take_varint(bytes, piece.size) || piece.size == 0 || !decode_seal(bytes, seal)) return false;
  piece.seal = *std::move(seal);
  pieces.push_back(std::move(piece));
  return true;
}

std::uint64_t size_of(const std::vector<Appended::Piece>& pieces) {
  std::uint64_t size = 0;
  for (const auto& piece : pieces) size += piece.size;
  return size;
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

struct IsSealed {
  bool encrypted;
  bool has_seal;  ///< The record has one.
  bool operator()(std::monostate) const { return !has_seal; }
  bool operator()(const InlineContent&) const { return has_seal == encrypted; }
  bool operator()(const std::vector<Slice>&) const { return has_seal == encrypted; }
  bool operator()(const Manifest&) const { return !has_seal; }
  bool operator()(const Appended& content) const {
    const auto sealed = encrypted ? size_of(content.slices) : 0;
    const bool tail =
        std::ranges::all_of(content.tail, [&](const auto& small) { return small.seal.has_value() == encrypted; });
    return !has_seal && size_of(content.pieces) == sealed && tail;
  }
  bool operator()(const PageMap&) const { return !has_seal; }
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
  for (const auto& [body, size, seal] : content.tail) {
    Encoder small;
    small.bytes(1, body.id).number(2, body.crc32c).number(3, size);
    if (seal) small.bytes(4, encode_seal(*seal));
    out.element(3, small.take());
  }
  for (const auto& [size, seal] : content.pieces) {
    std::string piece;
    append_varint(piece, size);
    out.element(4, piece + encode_seal(seal));
  }
  return out.take();
}

bool decode_appended(std::string_view bytes, Appended& content) {
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1 && !decode_manifest(in.bytes(), content.packed)) in.refuse();
    if (in.tag() == 2 && !decode_slices(in.bytes(), content.slices)) in.refuse();
    if (in.tag() == 3 && !decode_tail(in.bytes(), content.tail.emplace_back())) in.refuse();
    if (in.tag() == 4 && !decode_piece(in.bytes(), content.pieces)) in.refuse();
  }
  return in.ok();
}

std::string encode_sealed(const SealedExtent& sealed) {
  Encoder out;
  out.number(1, static_cast<std::uint64_t>(sealed.id)).bytes(2, sealed.seed);
  std::string pieces;
  for (const auto& [range, tag] : sealed.pieces) {
    append_varint(pieces, range.offset);
    append_varint(pieces, range.length);
    pieces += tag;
  }
  return out.bytes(3, pieces).take();
}

bool decode_sealed(std::string_view bytes, SealedExtent& sealed) {
  std::string_view pieces;
  Decoder in(bytes);
  while (in.next()) {
    if (in.tag() == 1) sealed.id = ExtentId{in.number()};
    if (in.tag() == 2) sealed.seed = in.bytes();
    if (in.tag() == 3) pieces = in.bytes();
  }
  std::uint64_t end = 0;
  while (!pieces.empty()) {
    auto& [range, tag] = sealed.pieces.emplace_back();
    if (!take_varint(pieces, range.offset) || !take_varint(pieces, range.length)) return false;
    const bool sound = range.offset >= end && range.length != 0 &&
                       range.length <= std::numeric_limits<std::uint64_t>::max() - range.offset &&
                       pieces.size() >= kCipherTagSize;
    if (!sound) return false;
    end = range.offset + range.length;
    tag = pieces.substr(0, kCipherTagSize);
    pieces.remove_prefix(kCipherTagSize);
  }
  return in.ok() && sealed.seed.size() == kSeedSize && !sealed.pieces.empty();
}

bool covers(const Content& content, std::uint64_t size) { return std::visit(Covers{size}, content); }

bool is_sealed_right(const Content& content, bool encrypted, bool has_seal) {
  return std::visit(IsSealed{encrypted, has_seal}, content);
}

}  // namespace sluice::object

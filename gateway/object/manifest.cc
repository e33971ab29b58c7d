#include "gateway/object/manifest.h"

#include <algorithm>

#include "gateway/object/catalog.h"

namespace sluice::object {
namespace {

// Small enough that reading one part costs little, large enough that the list
// of rows stays short in the object's record.
constexpr std::size_t kRowSize = 16 * 1024;

class Packer {
 public:
  explicit Packer(const std::string& id) { packed_.manifest.id = id; }

  void add(const PartRecord& part) {
    const auto size = part.encode().size();
    if (!row_.parts.empty() && row_size_ + size > kRowSize) close();
    offset_ += part.info.size;
    row_size_ += size;
    row_.parts.push_back(part);
  }

  PackedManifest finish() {
    if (!row_.parts.empty()) close();
    return std::move(packed_);
  }

 private:
  void close() {
    auto& manifest = packed_.manifest;
    Entry row{manifest_key(manifest.id, manifest.rows.size()), row_.encode()};
    packed_.size += row.key.size() + row.value.size();
    packed_.rows.push_back(std::move(row));
    manifest.rows.push_back({offset_, row_.parts.back().info.number});
    row_.parts.clear();
    row_size_ = 0;
  }

  PackedManifest packed_;
  ManifestRecord row_;
  std::size_t row_size_ = 0;
  std::uint64_t offset_ = 0;
};

}  // namespace

PackedManifest pack(const std::string& id, const std::vector<PartRecord>& parts) {
  Packer packer(id);
  for (const auto& part : parts) packer.add(part);
  return packer.finish();
}

std::uint64_t begin_of(const Manifest& manifest, std::size_t i) { return i == 0 ? 0 : manifest.rows[i - 1].end; }

std::size_t row_of_offset(const Manifest& manifest, std::uint64_t offset) {
  const auto row = std::ranges::upper_bound(manifest.rows, offset, {}, &Manifest::Row::end);
  return static_cast<std::size_t>(row - manifest.rows.begin());
}

std::size_t row_of_number(const Manifest& manifest, std::uint32_t number) {
  const auto row = std::ranges::lower_bound(manifest.rows, number, {}, &Manifest::Row::last_number);
  return static_cast<std::size_t>(row - manifest.rows.begin());
}

Task<std::optional<std::vector<PartRecord>>> read_row(Index& index, const Manifest& manifest, std::size_t i) {
  const auto key = manifest_key(manifest.id, i);
  CO_TRY(const auto value, co_await index.get(key));
  if (!value) co_return std::optional<std::vector<PartRecord>>{};
  CO_TRY(auto record, decode_row<ManifestRecord>(key, *value));
  std::uint64_t size = 0;
  for (const auto& part : record.parts) size += part.info.size;
  const bool fits = size == manifest.rows[i].end - begin_of(manifest, i);
  if (!fits || record.parts.back().info.number != manifest.rows[i].last_number) {
    co_return fail(ErrorCode::corrupt, "a manifest row does not hold the parts it should: " + key);
  }
  co_return std::optional(std::move(record.parts));
}

}  // namespace sluice::object

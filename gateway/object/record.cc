#include "gateway/object/record.h"

namespace sluice::object {

std::uint64_t size_of(const std::vector<Slice>& slices) {
  std::uint64_t size = 0;
  for (const auto& slice : slices) size += slice.range.length;
  return size;
}

std::uint64_t Appended::tail_size() const {
  std::uint64_t size = 0;
  for (const auto& small : tail) size += small.size;
  return size;
}

std::uint64_t Appended::size() const { return packed_size() + size_of(slices) + tail_size(); }

const Manifest* manifest_in(const Content& content) {
  if (const auto* manifest = std::get_if<Manifest>(&content)) return manifest;
  const auto* appended = std::get_if<Appended>(&content);
  return appended != nullptr && !appended->packed.rows.empty() ? &appended->packed : nullptr;
}

void ObjectRecord::leave_head() {
  null_revision = 0;
  snapshot_count = 0;
  newest_snapshot = 0;
  deleted_count = 0;
  deleted_current = 0;
  info.lease.reset();
}

void UploadGarbage::claim(std::uint32_t number) {
  if (claimed.size() <= number / 8) claimed.resize(number / 8 + 1);
  claimed[number / 8] = static_cast<char>(static_cast<unsigned char>(claimed[number / 8]) | (1U << (number % 8)));
}

bool UploadGarbage::is_claimed(std::uint32_t number) const {
  return number / 8 < claimed.size() && ((static_cast<unsigned char>(claimed[number / 8]) >> (number % 8)) & 1U) != 0;
}

}  // namespace sluice::object

#include "backends/local/extent_layout.h"

#include <algorithm>
#include <cassert>

#include "gateway/core/digest.h"

namespace sluice::local {

namespace {

constexpr std::string_view kTrailerMagic = "SLUICEXT";
constexpr std::string_view kSegmentMagic = "SLUICESG";

template <class T>
void append(std::string& to, T value) {
  for (std::size_t n = 0; n < sizeof(T); ++n)
    to.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * n))));
}

std::uint32_t read_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t n = 0; n < 4; ++n) value |= std::uint32_t{static_cast<unsigned char>(bytes[at + n])} << (8 * n);
  return value;
}

/// The trailer but for its last word, the checksum of all before it.
std::string encode_trailer(const Extent& extent) {
  std::string trailer(kTrailerMagic);
  append(trailer, kFormatVersion);
  append(trailer, static_cast<std::uint32_t>(kBlockSize));
  append(trailer, static_cast<std::uint64_t>(extent.id));
  append(trailer, extent.length);
  append(trailer, extent.crc32c);
  trailer.resize(kTrailerSize - 4);
  return trailer;
}

std::unexpected<Error> corrupt(const Extent& extent, const std::string& what) {
  return fail(ErrorCode::corrupt, "extent in " + describe(place_of(extent.id)) + " of " +
                                      std::to_string(extent.length) + " bytes: " + what);
}

}  // namespace

ExtentId id_of(const Place& place) {
  assert(place.offset % kPageSize == 0 && place.offset / kPageSize <= UINT32_MAX);
  return ExtentId{std::uint64_t{place.segment} << 32 | place.offset / kPageSize};
}

Place place_of(ExtentId id) {
  const auto number = static_cast<std::uint64_t>(id);
  return {static_cast<SegmentNumber>(number >> 32), (number & UINT32_MAX) * kPageSize};
}

void BlockChecksums::update(std::string_view bytes) {
  whole_ = crc32c(bytes, whole_);
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, kBlockSize - block_size_);
    block_ = crc32c(part, block_);
    block_size_ += part.size();
    bytes.remove_prefix(part.size());
    if (block_size_ < kBlockSize) return;
    full_.push_back(std::exchange(block_, 0));
    block_size_ = 0;
  }
}

std::vector<std::uint32_t> BlockChecksums::blocks() const {
  auto all = full_;
  if (block_size_ > 0) all.push_back(block_);
  return all;
}

std::string encode_footer(const Extent& extent, const Footer& blocks) {
  assert(blocks.size() == block_count(extent.length));
  std::string footer;
  footer.reserve(footer_size(extent.length));
  for (const std::uint32_t block : blocks) append(footer, block);
  footer += encode_trailer(extent);
  append(footer, crc32c(footer));
  return footer;
}

Result<Footer> decode_footer(const Extent& extent, std::string_view bytes) {
  if (bytes.size() != footer_size(extent.length)) return corrupt(extent, "the footer is cut short");
  const auto covered = bytes.substr(0, bytes.size() - 4);
  const auto trailer = covered.substr(covered.size() - (kTrailerSize - 4));
  if (read_u32(bytes, covered.size()) != crc32c(covered))
    return corrupt(extent, "the footer does not match its checksum");
  if (trailer != encode_trailer(extent)) return corrupt(extent, "the footer is another extent's");
  Footer blocks(block_count(extent.length));
  for (std::size_t n = 0; n < blocks.size(); ++n) blocks[n] = read_u32(bytes, 4 * n);
  return blocks;
}

Result<> check_blocks(const Extent& extent, const Footer& footer, std::uint64_t first, std::string_view bytes) {
  assert(bytes.size() % kBlockSize == 0 || first * kBlockSize + bytes.size() == extent.length);
  for (std::uint64_t block = first; !bytes.empty(); ++block) {
    const auto part = bytes.substr(0, kBlockSize);
    if (crc32c(part) != footer.at(block)) {
      return corrupt(extent, "the bytes at " + std::to_string(block * kBlockSize) + " do not match their checksum");
    }
    bytes.remove_prefix(part.size());
  }
  return done;
}

std::string encode_segment_header(SegmentNumber number) {
  std::string page(kSegmentMagic);
  append(page, kFormatVersion);
  append(page, number);
  append(page, crc32c(page));
  page.resize(kPageSize);
  return page;
}

bool is_segment_header(SegmentNumber number, std::string_view page) { return page == encode_segment_header(number); }

std::string describe(const Place& place) {
  return "segment " + std::to_string(place.segment) + " at " + std::to_string(place.offset);
}

}  // namespace sluice::local

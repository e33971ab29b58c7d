#include "backends/local/extent_layout.h"

#include <catch2/catch.hpp>

#include "gateway/core/digest.h"

namespace sluice::local {
namespace {

struct Written {
  Extent extent;
  std::string footer;
  Footer blocks;
};

Written written(const std::string& bytes, ExtentId id = id_of({.segment = 3, .offset = 8192})) {
  BlockChecksums checksums;
  checksums.update(bytes);
  const Extent extent{id, bytes.size(), checksums.whole()};
  return {extent, encode_footer(extent, checksums.blocks()), checksums.blocks()};
}

TEST_CASE("an extent's id is its place") {
  const Place place{.segment = 7, .offset = 5 * kPageSize};

  CHECK(static_cast<std::uint64_t>(id_of(place)) == (7ULL << 32 | 5));
  CHECK(place_of(id_of(place)) == place);
}

TEST_CASE("an extent takes whole pages, with its footer at their end") {
  CHECK(stored_size(0) == 4096);
  CHECK(stored_size(4096 - 4 - 64) == 4096);
  CHECK(stored_size(4096 - 4 - 64 + 1) == 8192);
  CHECK(footer_offset(0) == 4096 - 64);
  CHECK(footer_offset(16384) == 20480 - 68);
  CHECK(footer_size(16385) == 72);
}

TEST_CASE("checksums do not depend on how the bytes are cut") {
  const std::string bytes(3 * kBlockSize + 100, 'b');
  BlockChecksums whole, cut;

  whole.update(bytes);
  for (std::size_t at = 0; at < bytes.size(); at += 1001) cut.update(std::string_view(bytes).substr(at, 1001));

  CHECK(whole.whole() == crc32c(bytes));
  CHECK(cut.whole() == whole.whole());
  CHECK(cut.blocks() == whole.blocks());
  CHECK(whole.blocks().size() == 4);
  CHECK(whole.blocks()[0] == crc32c(std::string(kBlockSize, 'b')));
}

TEST_CASE("a footer comes back as it was written") {
  const auto [extent, footer, blocks] = written(std::string(2 * kBlockSize + 1, 'x'));

  const auto read = decode_footer(extent, footer);

  REQUIRE(read);
  CHECK(*read == blocks);
}

TEST_CASE("a footer with any bit changed is corrupt") {
  const auto [extent, footer, blocks] = written(std::string(kBlockSize + 1, 'x'));
  std::size_t accepted = 0;

  for (std::size_t bit = 0; bit < footer.size() * 8; ++bit) {
    std::string changed = footer;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    if (decode_footer(extent, changed)) ++accepted;
  }

  CHECK(accepted == 0);
}

TEST_CASE("a footer of another place, length or checksum is corrupt") {
  const auto [extent, footer, blocks] = written("bytes");

  Extent elsewhere = extent, other = extent;
  elsewhere.id = id_of({.segment = 3, .offset = 4096});
  other.crc32c ^= 1;

  CHECK(decode_footer(elsewhere, footer).error().code == ErrorCode::corrupt);
  CHECK(decode_footer(other, footer).error().code == ErrorCode::corrupt);
  CHECK(decode_footer(extent, std::string(footer.size(), '\0')).error().code == ErrorCode::corrupt);
}

TEST_CASE("blocks are checked where they lie") {
  std::string bytes(2 * kBlockSize + 10, 'x');
  bytes[kBlockSize] = 'y';
  const auto [extent, footer, blocks] = written(bytes);
  const std::string_view tail = std::string_view(bytes).substr(kBlockSize);

  CHECK(check_blocks(extent, blocks, 0, bytes));
  CHECK(check_blocks(extent, blocks, 1, tail));
  const auto wrong = check_blocks(extent, blocks, 0, tail.substr(0, kBlockSize));
  CHECK(wrong.error().code == ErrorCode::corrupt);
  CHECK(wrong.error().detail.find("segment 3 at 8192") != std::string::npos);
}

TEST_CASE("a segment's header names its segment") {
  const auto page = encode_segment_header(9);

  CHECK(page.size() == kPageSize);
  CHECK(is_segment_header(9, page));
  CHECK_FALSE(is_segment_header(8, page));
}

}  // namespace
}  // namespace sluice::local

#include "backends/local/extent_reader.h"

#include <fcntl.h>

#include <algorithm>

#include "backends/local/file_read.h"

namespace sluice::local {

namespace {

constexpr std::uint64_t kReadAhead = 1 << 20;

void expect_read(const IoFile& file, std::uint64_t offset, std::uint64_t size) {
  // Advice only: if the kernel does not take it, the read itself fetches the bytes.
  ::posix_fadvise(file.fd(), static_cast<off_t>(offset), static_cast<off_t>(size), POSIX_FADV_WILLNEED);
}

/// Adds where it happened to what a read says.
template <class T>
Result<T> in_extent(Result<T> result, const Extent& extent) {
  if (!result) result.error().detail = describe(place_of(extent.id)) + ": " + result.error().detail;
  return result;
}

}  // namespace

Task<FooterCache::Held> read_footer(ExtentServices& services, const IoFilePtr& file, const Extent& extent) {
  if (auto known = services.footers.find(extent)) co_return known;
  const std::uint64_t offset = place_of(extent.id).offset;
  const Chunk chunk = Chunk::of(std::string(footer_size(extent.length), '\0'));
  // The bytes of a small extent will be wanted next: they come in one go with the footer.
  if (stored_size(extent.length) <= BufferPool::kChunkSize) expect_read(*file, offset, stored_size(extent.length));
  CO_TRY(in_extent(co_await read_fully(file, chunk, offset + footer_offset(extent.length)), extent));
  CO_TRY(auto footer, decode_footer(extent, chunk.text()));
  auto held = std::make_shared<const Footer>(std::move(footer));
  services.footers.add(extent, held);
  co_return held;
}

Task<Chunk> ExtentSource::read() {
  if (at_ == end_) co_return Chunk{};
  const std::uint64_t piece = at_ / kPieceSize;
  const std::uint64_t begin = piece * kPieceSize;
  if (Chunk checked = services_.checked.find(extent_, piece); !checked.empty()) {
    co_return take(std::move(checked), begin);
  }
  const bool keeps = keeps_ && services_.checked.worth_keeping(extent_, piece);
  const std::uint64_t from = keeps ? begin : round_down(at_, kBlockSize);
  const std::uint64_t end = begin + piece_length(extent_, piece);
  const std::uint64_t to = keeps ? end : std::min(round_up(end_, kBlockSize), end);
  CO_TRY(const Chunk chunk, co_await services_.pool.acquire());
  Chunk blocks = chunk.slice(0, to - from);
  CO_TRY(const auto source, in_extent(co_await read_fully(file_, blocks, place_of(extent_.id).offset + from), extent_));
  cold_ = cold_ || source == ReadFrom::device;
  if (cold_) read_ahead(to);
  CO_TRY(check_blocks(extent_, *footer_, from / kBlockSize, blocks.text()));
  if (keeps) {
    if (Chunk kept = services_.checked.keep(extent_, piece, blocks.text()); !kept.empty()) blocks = std::move(kept);
  }
  co_return take(std::move(blocks), from);
}

/// What is asked for of bytes that begin at `from`.
Chunk ExtentSource::take(Chunk bytes, std::uint64_t from) {
  const std::uint64_t size = std::min(from + bytes.size(), end_) - at_;
  Chunk asked = bytes.slice(at_ - from, size);
  at_ += size;
  return asked;
}

void ExtentSource::read_ahead(std::uint64_t from) {
  ahead_ = std::max(ahead_, from);
  const std::uint64_t to = std::min({from + kReadAhead, round_up(end_, kBlockSize), extent_.length});
  if (to <= ahead_) return;
  expect_read(*file_, place_of(extent_.id).offset + ahead_, to - ahead_);
  ahead_ = to;
}

}  // namespace sluice::local

#include "backends/local/extent_writer.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "backends/local/page_memory.h"

namespace sluice::local {

namespace {

constexpr std::size_t kStraightMin = 64 * 1024;  ///< Shorter runs are worth the copy into a chunk.

}  // namespace

Result<> SegmentExtentWriter::reserve() {
  if (!length_expected_) return done;
  return reserve_up_to(*length_expected_);
}

Result<> SegmentExtentWriter::reserve_up_to(std::uint64_t length) {
  TRY(reservation_, services_.segments->reserve(stored_size(length)));
  return done;
}

bool SegmentExtentWriter::memory_is_short() const {
  return services_.pool.used_chunks() * 2 >= services_.pool.capacity_chunks();
}

// A small extent is better copied: with its footer it is one write.
bool SegmentExtentWriter::wants_straight(const Chunk& chunk) const {
  const bool small = length_expected_ && stored_size(*length_expected_) <= BufferPool::kChunkSize;
  return !small && reservation_ && chunk.size() >= kStraightMin && is_aligned(chunk);
}

Task<> SegmentExtentWriter::write(Chunk chunk) {
  if (failed_) co_return fail(ErrorCode::unavailable, "an earlier write of the extent failed");
  // Until all of it is placed, the writer is not fit for another call.
  failed_ = true;
  if (chunk.size() > length_max_ - length_) co_return fail(ErrorCode::entity_too_large, "extent");
  checksums_.update(chunk.text());
  length_ += chunk.size();
  CO_TRY(co_await place(std::move(chunk)));
  failed_ = false;
  co_return done;
}

Task<> SegmentExtentWriter::place(Chunk chunk) {
  while (!chunk.empty()) {
    const auto to_page = static_cast<std::size_t>(round_up(written_, kPageSize) - written_);
    if (!gathered_.empty()) {
      CO_TRY(co_await gather(chunk));
    } else if (memory_is_short()) {
      CO_TRY(co_await write_buffered(chunk, chunk.size()));
    } else if (to_page > 0) {
      CO_TRY(co_await write_buffered(chunk, std::min(to_page, chunk.size())));
    } else if (wants_straight(chunk)) {
      CO_TRY(co_await write_straight(chunk));
    } else {
      CO_TRY(gathered_, co_await services_.pool.acquire());
      CO_TRY(co_await gather(chunk));
    }
  }
  if (memory_is_short()) {
    CO_TRY(co_await spill());
    CO_TRY(co_await land());
  }
  co_return done;
}

Task<> SegmentExtentWriter::gather(Chunk& chunk) {
  const std::size_t size = std::min(chunk.size(), gathered_.size() - gathered_size_);
  std::memcpy(gathered_.writable().data() + gathered_size_, chunk.bytes().data(), size);
  gathered_size_ += size;
  chunk = chunk.slice(size, chunk.size() - size);
  if (gathered_size_ < gathered_.size()) co_return done;
  if (!reservation_) {
    CO_TRY(reserve_up_to(kExtentLengthMax));
  }
  gathered_size_ = 0;
  co_return co_await start(reservation_->segment().direct, std::exchange(gathered_, {}));
}

Task<> SegmentExtentWriter::write_straight(Chunk& chunk) {
  const auto size = static_cast<std::size_t>(round_down(chunk.size(), kPageSize));
  const Chunk whole_pages = chunk.slice(0, size);
  chunk = chunk.slice(size, chunk.size() - size);
  co_return co_await start(reservation_->segment().direct, whole_pages);
}

Task<> SegmentExtentWriter::write_buffered(Chunk& chunk, std::uint64_t size) {
  if (!reservation_) {
    CO_TRY(reserve_up_to(kExtentLengthMax));
  }
  const Chunk part = chunk.slice(0, size);
  chunk = chunk.slice(size, chunk.size() - size);
  co_return co_await start(reservation_->segment().buffered, part);
}

// Gives the gathering chunk back by writing what is in it.
Task<> SegmentExtentWriter::spill() {
  if (gathered_.empty()) co_return done;
  Chunk part = gathered_.slice(0, std::exchange(gathered_size_, 0));
  gathered_ = {};
  co_return co_await write_buffered(part, part.size());
}

/// Begins to write `memory` behind what was written so far.
Task<> SegmentExtentWriter::start(const IoFilePtr& file, Chunk memory) {
  CO_TRY(co_await land());
  IoRing& ring = IoRing::of(co_await boost::asio::this_coro::executor);
  reservation_->touch();
  const std::uint64_t offset = reservation_->place().offset + written_;
  written_ += memory.size();
  flying_ = {.file = file, .memory = memory, .offset = offset, .operation = {}};
  flying_.operation = ring.write(file, std::move(memory), offset, reservation_);
  co_return done;
}

/// Waits for the write in flight, if there is one.
Task<> SegmentExtentWriter::land() {
  while (flying_.operation) {
    const int count = co_await IoOperation::wait(flying_.operation);
    if (count == 0 || (count < 0 && count != -EINTR && count != -EAGAIN)) {
      co_return std::unexpected(error_of(count == 0 ? EIO : -count, "write to " + describe(reservation_->place())));
    }
    const auto moved = static_cast<std::size_t>(std::max(count, 0));
    if (moved == flying_.memory.size()) break;
    flying_.memory = flying_.memory.slice(moved, flying_.memory.size() - moved);
    flying_.offset += moved;
    // A short direct write may have ended between two pages; the page cache takes any rest.
    if (flying_.offset % kPageSize != 0) flying_.file = reservation_->segment().buffered;
    IoRing& ring = IoRing::of(co_await boost::asio::this_coro::executor);
    flying_.operation = ring.write(flying_.file, flying_.memory, flying_.offset, reservation_);
  }
  flying_ = {};
  co_return done;
}

Task<Extent> SegmentExtentWriter::seal() {
  if (failed_) co_return fail(ErrorCode::unavailable, "an earlier write of the extent failed");
  failed_ = true;
  if (!reservation_) {
    CO_TRY(reserve_up_to(length_));
  }
  const Extent extent{id_of(reservation_->place()), length_, checksums_.whole()};
  CO_TRY(co_await write_end(extent));
  CO_TRY(co_await land());
  CO_TRY(co_await services_.flusher.flush(reservation_->shared_segment()));
  reservation_->keep(stored_size(length_));
  co_return extent;
}

/// Writes what is still gathered, and the footer: in one run of whole pages if the
/// chunk has room for both.
Task<> SegmentExtentWriter::write_end(const Extent& extent) {
  const std::string footer = encode_footer(extent, checksums_.blocks());
  if (written_ % kPageSize != 0) {
    assert(gathered_size_ == 0);
    CO_TRY(co_await land());
    written_ = footer_offset(length_);
    co_return co_await start(reservation_->segment().buffered, Chunk::of(footer));
  }
  if (stored_size(length_) - written_ > gathered_.size()) {
    CO_TRY(co_await write_whole_pages());
  }
  const auto end_size = static_cast<std::size_t>(stored_size(length_) - written_);
  Chunk end = gathered_.slice(0, end_size);
  const auto gap = end.writable().subspan(gathered_size_);
  std::memset(gap.data(), 0, gap.size());
  std::memcpy(gap.data() + (gap.size() - footer.size()), footer.data(), footer.size());
  gathered_ = {};
  gathered_size_ = 0;
  co_return co_await start(reservation_->segment().direct, std::move(end));
}

/// Writes the whole pages that are gathered; what is left over moves to memory
/// that has room for the footer.
Task<> SegmentExtentWriter::write_whole_pages() {
  const auto whole = static_cast<std::size_t>(round_down(gathered_size_, kPageSize));
  Chunk end = page_memory(static_cast<std::size_t>(stored_size(length_) - written_) - whole);
  gathered_size_ -= whole;
  if (gathered_size_ > 0) {
    std::memcpy(end.writable().data(), gathered_.bytes().data() + whole, gathered_size_);
  }
  const Chunk pages = std::exchange(gathered_, std::move(end));
  if (whole == 0) co_return done;
  co_return co_await start(reservation_->segment().direct, pages.slice(0, whole));
}

}  // namespace sluice::local

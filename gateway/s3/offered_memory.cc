#include "gateway/s3/offered_memory.h"

#include <algorithm>

namespace sluice::s3 {

Task<Chunk> OfferedMemory::read() {
  if (staged_.length == 0 && moved_ < size_) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(transfer_->staging().size(), size_ - moved_));
    const auto fetched = co_await transfer_->read(moved_, length);
    failed_ = !fetched;
    if (!fetched) co_return std::unexpected(fetched.error());
    moved_ += length;
    staged_ = {.offset = 0, .length = length};
  }
  if (staged_.length == 0) co_return Chunk{};
  CO_TRY(Chunk chunk, co_await pool_.acquire());
  const std::size_t length = std::min(chunk.size(), staged_.length);
  std::ranges::copy(transfer_->staging().subspan(staged_.offset, length), chunk.writable().begin());
  staged_ = {.offset = staged_.offset + length, .length = staged_.length - length};
  co_return chunk.slice(0, length);
}

Task<> OfferedMemory::store(Chunk content, BodySource* body, std::uint64_t length) {
  CO_TRY(co_await stage(content, length));
  while (body != nullptr) {
    CO_TRY(content, co_await body->read());
    if (content.empty()) break;
    CO_TRY(co_await stage(content, length));
  }
  content = {};
  CO_TRY(co_await flush());
  if (moved_ != length) co_return fail(ErrorCode::internal, "an object is shorter than it is said to be");
  co_return done;
}

Task<> OfferedMemory::stage(const Chunk& piece, std::uint64_t length) {
  if (piece.size() > length - moved_ - staged_.length) {
    co_return fail(ErrorCode::internal, "an object is longer than it is said to be");
  }
  for (std::size_t at = 0; at < piece.size();) {
    const std::span<std::byte> room = transfer_->staging().subspan(staged_.length);
    const std::size_t count = std::min(room.size(), piece.size() - at);
    std::ranges::copy(piece.bytes().subspan(at, count), room.begin());
    at += count;
    staged_.length += count;
    if (count == room.size()) {
      CO_TRY(co_await flush());
    }
  }
  co_return done;
}

Task<> OfferedMemory::flush() {
  if (staged_.length == 0) co_return done;
  const auto stored = co_await transfer_->write(moved_, staged_.length);
  failed_ = !stored;
  if (!stored) co_return stored;
  moved_ += staged_.length;
  staged_.length = 0;
  co_return done;
}

}  // namespace sluice::s3

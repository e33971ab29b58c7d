#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/core/result.h"
#include "gateway/core/row.h"

namespace sluice {

/// A run of bytes in shared memory, given back when the last holder lets go.
/// Copying shares the memory. The bytes are written by whoever made the chunk,
/// before anybody else holds it, and never after.
class Chunk {
 public:
  Chunk() = default;
  Chunk(std::shared_ptr<const void> owner, std::span<std::byte> bytes) : owner_(std::move(owner)), bytes_(bytes) {}

  /// A chunk that owns `text`, outside any pool. For small, already counted bytes.
  static Chunk of(std::string text);
  /// A chunk that shares the bytes of `row`.
  static Chunk of(std::shared_ptr<const Row> row);

  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  /// The memory to fill, for the maker of the chunk alone.
  std::span<std::byte> writable() { return bytes_; }

  /// Does nobody else hold this memory? Then its holder may write into it, as its maker could.
  bool unshared() const { return owner_.use_count() == 1; }

  /// The part of this chunk that starts at `offset`; shares the memory.
  Chunk slice(std::size_t offset, std::size_t length) const { return {owner_, bytes_.subspan(offset, length)}; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<std::byte> bytes_;
};

/// The body memory of the process: equal chunks, each aligned to a page, and no
/// more of them than `capacity` allows. Memory is taken from the system when it
/// is first needed. Safe for concurrent use; must outlive its chunks.
class BufferPool {
 public:
  static constexpr std::size_t kChunkSize = 256 * 1024;
  static constexpr std::size_t kAlignment = 4096;

  /// `capacity` in bytes, rounded down to whole chunks, at least one.
  explicit BufferPool(std::size_t capacity);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A chunk of kChunkSize bytes; waits, in order of arrival, while none is
  /// free. Hold as few as possible while waiting for a peer.
  Task<Chunk> acquire();

  std::size_t capacity_chunks() const { return capacity_; }
  std::size_t used_chunks() const;
  /// How many acquire() calls wait now.
  std::size_t waiting() const;

 private:
  struct Waiter;
  class PlaceInLine;
  Chunk wrap(std::byte* memory);
  void give_back(std::byte* memory);

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::vector<std::byte*> free_;
  std::size_t allocated_ = 0;
  std::deque<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace sluice

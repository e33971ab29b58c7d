#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "gateway/core/chunk.h"

namespace sluice {

/// Memory for bodies that are sent many times: its pages can be lent to a socket
/// (vmsplice), which spares the copy, and they are huge ones where the system has them.
/// Safe for concurrent use; may end before its chunks.
///
/// A page that was lent is the socket's, too, until the peer has its bytes. So memory is
/// never written over: its pages are given back to the system, and others take their
/// place. That goes by blocks: each is filled from its beginning, and given back
/// when the last of its chunks is gone. What is dropped in the order in which it came leaves no gaps.
class LendableMemory {
 public:
  static constexpr std::size_t kBlockSize = 2 * 1024 * 1024;
  static constexpr std::size_t kPageSize = 4096;
  /// The longest chunk.
  static constexpr std::size_t kLengthMax = 256 * 1024;

  /// `size` is in bytes, rounded down to whole blocks. Where the system denies so much address
  /// space there is room for nothing.
  explicit LendableMemory(std::size_t size);
  ~LendableMemory();

  /// A chunk with a copy of `bytes`, outside any pool; empty if there is no room.
  Chunk copy(std::string_view bytes);

  /// Blocks in which there is nothing.
  std::size_t blocks_free() const;
  std::size_t blocks() const;

  /// Is it memory of one of its chunks?
  bool holds(const void* memory) const;

  /// Bytes up to the beginning of a page.
  static std::size_t to_next_page(const void* memory) {
    return (kPageSize - reinterpret_cast<std::uintptr_t>(memory) % kPageSize) % kPageSize;
  }

 private:
  class Blocks;
  const std::shared_ptr<Blocks> blocks_;
};

}  // namespace sluice

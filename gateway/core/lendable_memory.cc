#include "gateway/core/lendable_memory.h"

#include <sys/mman.h>

#include <cstring>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace sluice {
class LendableMemory::Blocks {
 public:
  explicit Blocks(std::size_t count);
  ~Blocks();
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;

  /// Memory nobody has, at the beginning of a page; null if there is none. `size` is in whole pages.
  std::byte* take(std::size_t size);
  /// A chunk in the block that `memory` is in is gone.
  void give_back(const std::byte* memory);

  std::size_t free() const {
    const std::scoped_lock lock(mutex_);
    return free_.size();
  }
  std::size_t count() const { return count_; }
  bool holds(const void* memory) const {
    const auto* const byte = static_cast<const std::byte*>(memory);
    return count_ != 0 && !std::less<>()(byte, begin_) && std::less<>()(byte, begin_ + count_ * kBlockSize);
  }

 private:
  bool open_next();
  void leave(std::uint32_t block);

  void* mapped_ = nullptr;
  std::size_t mapped_size_ = 0;
  std::byte* begin_ = nullptr;  ///< Of the first block.
  std::size_t count_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::uint32_t> free_;     ///< Without a page behind them.
  std::vector<std::uint32_t> holders_;  ///< Of each block: its chunks, and that it is being filled.
  std::uint32_t open_ = 0;              ///< The block that is being filled, up to `filled_`.
  std::size_t filled_ = kBlockSize;
  bool is_open_ = false;
};

LendableMemory::Blocks::Blocks(std::size_t count) {
  if (count == 0) return;
  mapped_size_ = (count + 1) * kBlockSize;  // Somewhere in it whole blocks begin.
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const mapped = ::mmap(nullptr, mapped_size_, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (mapped == MAP_FAILED) return;
  mapped_ = mapped;
  const auto address = reinterpret_cast<std::uintptr_t>(mapped);
  begin_ = static_cast<std::byte*>(mapped) + (kBlockSize - address % kBlockSize) % kBlockSize;
  // It goes without either.
  ::madvise(begin_, count * kBlockSize, MADV_HUGEPAGE);
  ::madvise(begin_, count * kBlockSize, MADV_DONTDUMP);
  count_ = count;
  holders_.resize(count);
  free_.reserve(count);
  for (std::size_t block = count; block-- != 0;) free_.push_back(static_cast<std::uint32_t>(block));
}

LendableMemory::Blocks::~Blocks() {
  if (mapped_ != nullptr) ::munmap(mapped_, mapped_size_);
}

std::byte* LendableMemory::Blocks::take(std::size_t size) {
  const std::scoped_lock lock(mutex_);
  if (kBlockSize - filled_ < size && !open_next()) return nullptr;
  ++holders_[open_];
  std::byte* const memory = begin_ + open_ * kBlockSize + filled_;
  filled_ += size;
  return memory;
}

/// Ends the block that is being filled, and begins another, if there is one.
bool LendableMemory::Blocks::open_next() {
  filled_ = kBlockSize;
  if (std::exchange(is_open_, false)) leave(open_);
  if (free_.empty()) return false;
  is_open_ = true;
  open_ = free_.back();
  free_.pop_back();
  ++holders_[open_];
  filled_ = 0;
  return true;
}

void LendableMemory::Blocks::leave(std::uint32_t block) {
  if (--holders_[block] != 0) return;
  // Pages that stay would be written over: such a block is not used again.
  if (::madvise(begin_ + block * kBlockSize, kBlockSize, MADV_DONTNEED) == 0) free_.push_back(block);
}

void LendableMemory::Blocks::give_back(const std::byte* memory) {
  const std::scoped_lock lock(mutex_);
  leave(static_cast<std::uint32_t>(static_cast<std::size_t>(memory - begin_) / kBlockSize));
}

LendableMemory::LendableMemory(std::size_t size) : blocks_(std::make_shared<Blocks>(size / kBlockSize)) {}
LendableMemory::~LendableMemory() = default;

Chunk LendableMemory::copy(std::string_view bytes) {
  if (bytes.empty() || bytes.size() > kLengthMax) return {};
  std::byte* const memory = blocks_->take((bytes.size() + kPageSize - 1) / kPageSize * kPageSize);
  if (memory == nullptr) return {};
  std::shared_ptr<const void> owner(memory, [blocks = blocks_](const std::byte* held) { blocks->give_back(held); });
  std::memcpy(memory, bytes.data(), bytes.size());
  return {std::move(owner), {memory, bytes.size()}};
}

std::size_t LendableMemory::blocks_free() const { return blocks_->free(); }
std::size_t LendableMemory::blocks() const { return blocks_->count(); }
bool LendableMemory::holds(const void* memory) const { return blocks_->holds(memory); }

}  // namespace sluice

#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gateway/core/body.h"
#include "gateway/core/client_memory.h"

namespace sluice::s3 {

/// The memory that a client offers with one request, as the body of a write, which is read from
/// it, or the place of what is read, which is stored in it. Owned by the request; one of both, once.
class OfferedMemory final : public BodySource {
 public:
  OfferedMemory(std::unique_ptr<MemoryTransfer> transfer, std::uint64_t size, BufferPool& pool)
      : transfer_(std::move(transfer)), pool_(pool), size_(size) {}

  std::uint64_t size() const { return size_; }

  /// Bytes that were moved until now.
  std::uint64_t moved() const { return moved_; }
  /// Did moving fail? Then any part of the client's memory may be filled.
  bool failed() const { return failed_; }

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return size_ - moved_ + staged_.length; }

  /// Stores `content`, then what `body` yields (null: nothing more); `length` bytes, at most size(),
  /// are to come. Fails as `body` and as MemoryTransfer, and with internal if there are more or fewer.
  Task<> store(Chunk content, BodySource* body, std::uint64_t length);

 private:
  Task<> stage(const Chunk& piece, std::uint64_t length);
  Task<> flush();

  const std::unique_ptr<MemoryTransfer> transfer_;
  BufferPool& pool_;
  const std::uint64_t size_;
  std::uint64_t moved_ = 0;
  bool failed_ = false;
  /// What of the staging memory waits to go on.
  struct {
    std::size_t offset = 0, length = 0;
  } staged_;
};

}  // namespace sluice::s3

#pragma once

#include <memory>
#include <optional>

#include "backends/local/checked_pieces.h"
#include "backends/local/flusher.h"
#include "backends/local/footer_cache.h"
#include "backends/local/segments.h"

namespace sluice::local {

/// What all writers and readers of a store share.
struct ExtentServices {
  BufferPool& pool;
  Log& log;
  std::shared_ptr<Segments> segments;
  Flusher flusher;
  FooterCache footers;
  CheckedPieces checked;
};

/// Writes one extent. Bytes are gathered into whole chunks and written with
/// O_DIRECT, one write in flight while the next chunk is filled. A writer never
/// waits for pool memory, since its caller holds some: while more than half of the
/// pool is in use, it writes what it is given through the page cache instead.
class SegmentExtentWriter final : public ExtentWriter {
 public:
  SegmentExtentWriter(ExtentServices& services, std::optional<std::uint64_t> length_expected)
      : services_(services),
        length_expected_(length_expected),
        length_max_(length_expected.value_or(kExtentLengthMax)) {}

  /// Takes the place for the expected length, if there is one; call first.
  Result<> reserve();

  Task<> write(Chunk chunk) override;
  Task<Extent> seal() override;

 private:
  struct Flying {
    IoFilePtr file;
    Chunk memory;
    std::uint64_t offset = 0;
    IoRing::Operation operation;
  };

  Task<> place(Chunk chunk);
  Task<> gather(Chunk& chunk);
  Task<> write_straight(Chunk& chunk);
  Task<> write_buffered(Chunk& chunk, std::uint64_t size);
  Task<> spill();
  Task<> start(const IoFilePtr& file, Chunk memory);
  Task<> land();
  Task<> write_end(const Extent& extent);
  Task<> write_whole_pages();
  Result<> reserve_up_to(std::uint64_t length);

  bool memory_is_short() const;
  bool wants_straight(const Chunk& chunk) const;

  ExtentServices& services_;
  const std::optional<std::uint64_t> length_expected_;
  const std::uint64_t length_max_;
  std::shared_ptr<Reservation> reservation_;
  BlockChecksums checksums_;
  std::uint64_t length_ = 0;   ///< Of what was given.
  std::uint64_t written_ = 0;  ///< Of what was written, or is being.
  Chunk gathered_;             ///< What comes after, as far as `gathered_size_`.
  std::size_t gathered_size_ = 0;
  Flying flying_;
  bool failed_ = false;
};

}  // namespace sluice::local

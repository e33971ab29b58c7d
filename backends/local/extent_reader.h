#pragma once

#include <memory>

#include "backends/local/extent_writer.h"

namespace sluice::local {

/// The footer of `extent` in `file`, from memory or the device. Fails with corrupt
/// if it is not there or not right.
Task<FooterCache::Held> read_footer(ExtentServices& services, const IoFilePtr& file, const Extent& extent);

/// A range of an extent, a chunk of whole blocks at a time, each block checked
/// before a byte of it is handed out. Once the device was needed, the kernel is
/// told to read ahead into the page cache, while a chunk is on its way to the client.
/// A piece that is wanted again is read whole, and kept.
class ExtentSource final : public BodySource {
 public:
  /// `range` lies within the extent.
  ExtentSource(ExtentServices& services, IoFilePtr file, const Extent& extent, FooterCache::Held footer,
               ByteRange range)
      : services_(services),
        file_(std::move(file)),
        extent_(extent),
        footer_(std::move(footer)),
        at_(range.offset),
        end_(range.offset + range.length),
        keeps_(range.length <= kKeptMax) {}

  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return end_ - at_; }

 private:
  /// Of a longer read nothing is kept: it would take the place of too much else.
  static constexpr std::uint64_t kKeptMax = 1 << 20;

  Chunk take(Chunk bytes, std::uint64_t from);
  void read_ahead(std::uint64_t from);

  ExtentServices& services_;
  const IoFilePtr file_;
  const Extent extent_;
  const FooterCache::Held footer_;
  std::uint64_t at_;
  const std::uint64_t end_;
  const bool keeps_;
  bool cold_ = false;
  std::uint64_t ahead_ = 0;  ///< The kernel was told of all before.
};

}  // namespace sluice::local

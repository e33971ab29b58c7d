#pragma once

#include <atomic>
#include <memory>

#include "backends/local/extent_writer.h"
#include "backends/local/local_backend.h"

namespace sluice::local {

/// The ExtentStore in segment files: docs/local-format.md.
class ExtentFiles final : public ExtentStore {
 public:
  /// Over the segments in `directory`. While `index_uncertain` is set nothing is
  /// given back: an index whose last write has no known outcome may yet name it.
  /// Throws std::runtime_error if it cannot.
  ExtentFiles(const std::filesystem::path& directory, const LocalOptions& options, BufferPool& pool,
              const std::atomic<bool>& index_uncertain, Log& log);
  ~ExtentFiles() override;

  /// Ends what goes on in the background; true if no bytes are left that nobody owns, as far
  /// as is known. Call last.
  bool close();

  std::uint64_t extent_length_max() const override { return kExtentLengthMax; }
  Task<std::unique_ptr<ExtentWriter>> create(std::optional<std::uint64_t> length_expected) override;
  Task<std::unique_ptr<BodySource>> open(const Extent& extent, ByteRange range) override;
  Chunk at_hand(const Extent& extent, ByteRange range) override;
  Task<> release(const Extent& extent) override;
  Task<Reconciled> reconcile(LiveExtents& live, bool give_back) override;

 private:
  ExtentServices services_;
  const std::atomic<bool>& index_uncertain_;
  std::atomic<bool> kept_ = false;  ///< Something was to be released while the index was uncertain.
};

}  // namespace sluice::local

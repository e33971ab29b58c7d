#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "gateway/core/backend.h"

namespace sluice::test {

/// Text as a body, in chunks of `step` bytes.
class StringSource : public BodySource {
 public:
  explicit StringSource(std::string text, std::size_t step = 7) : text_(std::move(text)), step_(step) {}
  Task<Chunk> read() override;
  std::optional<std::uint64_t> remaining() const override { return text_.size() - at_; }

 private:
  std::string text_;
  std::size_t step_;
  std::size_t at_ = 0;
};

/// The index contract over a std::map. Rows are kept for each commit number, so
/// snapshots are what the contract says.
class MemoryIndex : public Index {
 public:
  std::unique_ptr<Transaction> begin() override;
  Task<std::optional<std::string>> get(std::string_view key) override;

  std::shared_ptr<const Row> at_hand(std::string_view key) override;

  /// The present rows; for tests that look behind the contract.
  std::map<std::string, std::string> rows() const;

 private:
  class MemoryTransaction;
  struct Version {
    std::uint64_t number;
    std::optional<std::string> value;
  };
  std::optional<std::string> get_at(std::string_view key, std::uint64_t number) const;

  mutable std::mutex mutex_;
  std::uint64_t number_ = 0;
  std::map<std::string, std::vector<Version>, std::less<>> rows_;
  std::map<std::string, std::shared_ptr<const Row>, std::less<>> at_hand_;  ///< As they were last asked for.
};

/// The extent store contract over a std::map.
class MemoryExtents : public ExtentStore {
 public:
  explicit MemoryExtents(std::uint64_t extent_length_max = 1 << 20) : extent_length_max_(extent_length_max) {}

  std::uint64_t extent_length_max() const override { return extent_length_max_; }
  Task<std::unique_ptr<ExtentWriter>> create(std::optional<std::uint64_t> length_expected) override;
  Task<std::unique_ptr<BodySource>> open(const Extent& extent, ByteRange range) override;
  Task<> release(const Extent& extent) override;
  Task<Reconciled> reconcile(LiveExtents& live, bool give_back) override;

  std::size_t extent_count() const;
  /// Does any extent hold these bytes?
  bool holds(std::string_view bytes) const;
  /// Flips a bit of every extent: reads fail with corrupt from then on.
  void corrupt_all();
  /// Flips a bit of this one.
  void corrupt(ExtentId id);
  /// Everything so far counts as an earlier run's, for reconcile().
  void restart();

 private:
  class Writer;
  std::uint64_t extent_length_max_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::string> extents_;
  std::uint64_t last_ = 0;
  std::uint64_t earlier_ = 0;
};

struct MemoryBackend {
  MemoryIndex index;
  MemoryExtents extents;
  std::size_t inline_size_max = 64;
  Backend backend() { return {index, extents, inline_size_max}; }
};

}  // namespace sluice::test

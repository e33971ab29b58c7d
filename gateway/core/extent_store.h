#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>

#include "gateway/core/body.h"

namespace sluice {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// Names an extent for ever: an id is never given twice. Opaque outside the store.
enum class ExtentId : std::uint64_t {};

/// An immutable run of stored bytes, and the checksum of all of them.
struct Extent {
  ExtentId id{};
  std::uint64_t length = 0;
  std::uint32_t crc32c = 0;
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// Fills one new extent. Destroying an unsealed writer discards its bytes.
class ExtentWriter : public BodySink {
 public:
  /// Makes the bytes durable and immutable. Called once, last. Fails with
  /// out_of_space or unavailable, and then nothing is kept.
  virtual Task<Extent> seal() = 0;
};

/// The live extents of a deployment in ascending order of their ids' numbers, as
/// the index has them.
class LiveExtents {
 public:
  virtual ~LiveExtents() = default;
  /// The next live extent, or nothing at the end.
  virtual Task<std::optional<Extent>> next() = 0;
};

/// What a reconcile() found.
struct Reconciled {
  std::uint64_t live_count = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t orphan_bytes = 0;  ///< On the device and in no live extent.
};

/// Where object bytes live. Knows nothing of names, buckets or protocols.
/// Safe for concurrent use.
class ExtentStore {
 public:
  virtual ~ExtentStore() = default;

  /// The longest extent a writer accepts; more fails with entity_too_large.
  virtual std::uint64_t extent_length_max() const = 0;

  /// `length_expected` is a promise that no more will be written; it lets the
  /// store lay the extent out in one run. Without it the extent may be as long
  /// as extent_length_max().
  virtual Task<std::unique_ptr<ExtentWriter>> create(std::optional<std::uint64_t> length_expected) = 0;

  /// `range` must lie within `extent` and not be empty. The source fails with
  /// corrupt, never with wrong bytes: every chunk it hands out has been checked.
  virtual Task<std::unique_ptr<BodySource>> open(const Extent& extent, ByteRange range) = 0;

  /// What open() would give, if that is in memory, in one piece, and checked; empty says nothing.
  virtual Chunk at_hand(const Extent& /*extent*/, ByteRange /*range*/) { return {}; }

  /// Gives the extent's space back. Nobody may be reading it. Idempotent:
  /// releasing an unknown or released extent succeeds.
  virtual Task<> release(const Extent& extent) = 0;

  /// Compares what earlier runs of this store wrote with what is live; extents
  /// of this run are left alone, so it may run beside all other calls. With
  /// `give_back`, orphans are released.
  virtual Task<Reconciled> reconcile(LiveExtents& live, bool give_back) = 0;
};

}  // namespace sluice

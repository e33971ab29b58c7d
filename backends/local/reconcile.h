#pragma once

#include <vector>

#include "backends/local/extent_writer.h"

namespace sluice::local {

/// A run of bytes in a segment file.
struct Span {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

/// What of `allocated` is not in `live`; both ascending. Pure.
std::vector<Span> subtract(const std::vector<Span>& allocated, const std::vector<Span>& live);

/// One comparison of the segments that earlier runs wrote with what is live: a
/// merge of both in order, a segment at a time.
class Reconciliation {
 public:
  Reconciliation(ExtentServices& services, bool give_back) : services_(services), give_back_(give_back) {}

  /// Fails with internal if `live` is not in ascending order; what was not reached is left alone.
  Task<Reconciled> run(LiveExtents& live);

 private:
  Task<std::vector<Span>> live_in(SegmentNumber number, LiveExtents& live);
  Task<> next(LiveExtents& live);
  Task<> compare(SegmentNumber number, std::vector<Span> live);

  ExtentServices& services_;
  const bool give_back_;
  std::optional<Extent> next_;  ///< Read from `live`, and not yet dealt with.
  Reconciled found_;
};

}  // namespace sluice::local

#pragma once

#include <map>

#include "gateway/object/catalog.h"

namespace sluice::object {

/// What one transaction does to the reference counts of extents. It is gathered,
/// because a transaction does not see its own writes, and then applied at once.
/// An extent whose count comes to nothing becomes garbage.
class References {
 public:
  void adopt(const Extent& extent);  ///< The first reference: the extent was just sealed.
  void add(const Slice& slice);
  void drop(const Slice& slice);
  void drop(const std::vector<Slice>& slices);

  /// Gets and puts the extents' rows. Fails with corrupt where an extent that
  /// gains a reference is not live, or one loses more than it has.
  Task<> apply(Catalog& rows) const;

  bool empty() const { return changes_.empty(); }

 private:
  struct Change {
    Extent extent;
    bool fresh = false;
    std::int64_t gained = 0;
  };
  Change& change(const Extent& extent);
  static Task<> apply(Catalog& rows, const Change& change);

  std::map<ExtentId, Change> changes_;
};

/// Writes down that `content` is named no more: erases an inline body, drops the
/// references of slices, and leaves a manifest to the reclaimer.
void let_go(Catalog& rows, References& references, const Content& content);

/// Does content of this kind leave work to the reclaimer?
bool leaves_garbage(const Content& content);

}  // namespace sluice::object

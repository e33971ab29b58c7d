#pragma once

#include <functional>
#include <memory>

#include "gateway/core/extent_store.h"

namespace sluice::test {

/// An extent store that a test can also restart and damage.
class ExtentStoreFixture {
 public:
  virtual ~ExtentStoreFixture() = default;
  virtual ExtentStore& store() = 0;

  /// A new run: extents so far are an earlier one's.
  virtual void restart() = 0;
  /// Flips a bit among the stored bytes of `extent`.
  virtual void damage(const Extent& extent) = 0;
};

/// Makes an empty store.
using MakeExtentStore = std::function<std::unique_ptr<ExtentStoreFixture>()>;

/// The cases every ExtentStore must pass, as sections of the calling TEST_CASE.
void check_extent_store_contract(const MakeExtentStore& make);

}  // namespace sluice::test

#include <catch2/catch.hpp>

#include "tests/contract/extent_store_contract.h"
#include "tests/contract/index_contract.h"
#include "tests/contract/local_store.h"
#include "tests/support/memory_backend.h"

namespace sluice::test {
namespace {

class MemoryStore : public ExtentStoreFixture {
 public:
  ExtentStore& store() override { return extents_; }
  void restart() override { extents_.restart(); }
  void damage(const Extent& extent) override { extents_.corrupt(extent.id); }

 private:
  MemoryExtents extents_{2 << 20};
};

TEST_CASE("the memory index keeps the contract") {
  check_index_contract([] { return std::make_shared<MemoryIndex>(); });
}

TEST_CASE("the local index keeps the contract") {
  check_index_contract([] {
    auto store = std::make_shared<LocalStore>();
    return std::shared_ptr<Index>(store, &store->backend().index);
  });
}

TEST_CASE("the memory extent store keeps the contract") {
  check_extent_store_contract([] { return std::make_unique<MemoryStore>(); });
}

TEST_CASE("the local extent store keeps the contract") {
  check_extent_store_contract([] { return std::make_unique<LocalStore>(); });
}

}  // namespace
}  // namespace sluice::test

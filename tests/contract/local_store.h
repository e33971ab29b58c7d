#pragma once

#include <filesystem>
#include <memory>

#include "backends/local/local_backend.h"
#include "tests/contract/extent_store_contract.h"
#include "tests/support/temporary_directory.h"

namespace sluice::test {

/// A local backend in a temporary directory, which can be closed and opened again.
class LocalStore : public ExtentStoreFixture {
 public:
  /// Small segments, so that tests pass through many of them.
  explicit LocalStore(std::uint64_t segment_size = 2 << 20);

  Backend backend() { return backend_->backend(); }
  local::LocalBackend& local() { return *backend_; }
  const std::filesystem::path& directory() const { return directory_.path(); }
  std::filesystem::path segment_path(ExtentId id) const;
  void close() { backend_.reset(); }
  void open();

  ExtentStore& store() override { return backend().extents; }
  void restart() override;
  void damage(const Extent& extent) override { flip_bit(extent.id, extent.length / 2); }

  /// Flips a bit `offset` bytes behind the extent's beginning, on disk and in the page cache.
  void flip_bit(ExtentId id, std::uint64_t offset) const;

 private:
  TemporaryDirectory directory_;
  local::LocalOptions options_;
  NullLog log_;
  BufferPool pool_{64 * BufferPool::kChunkSize};
  std::unique_ptr<local::LocalBackend> backend_;
};

/// Options for tests: nothing large.
local::LocalOptions small_options(const std::filesystem::path& directory, std::uint64_t segment_size);

}  // namespace sluice::test

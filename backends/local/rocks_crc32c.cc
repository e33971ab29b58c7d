#include "backends/local/rocks_crc32c.h"

#include <dlfcn.h>

#include "gateway/core/digest.h"

namespace rocksdb::crc32c {

// As declared in RocksDB's util/crc32c.h, which is not among its public headers.
// NOLINTNEXTLINE(misc-use-internal-linkage)
std::uint32_t Extend(std::uint32_t before, const char* bytes, std::size_t size) {
  return sluice::crc32c({bytes, size}, before);
}

}  // namespace rocksdb::crc32c

namespace sluice::local {

namespace {

constexpr const char* kSymbol = "_ZN7rocksdb6crc32c6ExtendEjPKcm";

}  // namespace

RocksCrc32c crc32c_that_rocks_calls() { return reinterpret_cast<RocksCrc32c>(::dlsym(RTLD_DEFAULT, kSymbol)); }

RocksCrc32c crc32c_of_rocks() { return reinterpret_cast<RocksCrc32c>(::dlsym(RTLD_NEXT, kSymbol)); }

}  // namespace sluice::local

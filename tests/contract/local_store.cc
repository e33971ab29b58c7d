#include "tests/contract/local_store.h"

#include <fstream>
#include <stdexcept>
#include <string>

#include "backends/local/extent_layout.h"

namespace sluice::test {

local::LocalOptions small_options(const std::filesystem::path& directory, std::uint64_t segment_size) {
  local::LocalOptions options;
  options.directory = directory / "data";
  options.block_cache_size = 4 << 20;
  options.write_buffer_size = 1 << 20;
  options.segment_size = segment_size;
  options.reserve_size = 0;
  options.index_threads = 2;
  options.kept_apart = 'd';
  return options;
}

LocalStore::LocalStore(std::uint64_t segment_size) : options_(small_options(directory_.path(), segment_size)) {
  open();
}

void LocalStore::open() { backend_ = std::make_unique<local::LocalBackend>(options_, pool_, log_); }

void LocalStore::restart() {
  close();
  open();
}

std::filesystem::path LocalStore::segment_path(ExtentId id) const {
  std::string number = std::to_string(local::place_of(id).segment);
  number.insert(0, 8 - number.size(), '0');
  return options_.directory / "segments" / (number + ".seg");
}

void LocalStore::flip_bit(ExtentId id, std::uint64_t offset) const {
  std::fstream file(segment_path(id), std::ios::in | std::ios::out | std::ios::binary);
  const auto at = static_cast<std::streamoff>(local::place_of(id).offset + offset);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 1));
  if (!file) throw std::runtime_error("flip_bit");
}

}  // namespace sluice::test

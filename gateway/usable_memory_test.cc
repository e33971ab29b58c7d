#include "gateway/usable_memory.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "tests/support/temporary_directory.h"

using sluice::default_read_cache_size;
using sluice::usable_memory;

namespace {

constexpr std::uint64_t kMiB = 1 << 20, kGiB = 1 << 30;

/// The system's files, as far as they tell of memory.
struct System {
  sluice::test::TemporaryDirectory root;

  void write(const std::string& path, const std::string& text) const {
    const auto file = root.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::uint64_t usable() const { return usable_memory(root.path()); }
};

}  // namespace

TEST_CASE("without a control group the machine's memory is there to be used") {
  const System system;
  CHECK(system.usable() == 0);
  system.write("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:  1 kB\n");
  CHECK(system.usable() == 16 * kGiB);
}

TEST_CASE("a control group and those above it lower what may be used") {
  const System system;
  system.write("proc/meminfo", "MemTotal:       16777216 kB\n");
  system.write("proc/self/cgroup", "0::/system.slice/sluice.service\n");
  system.write("sys/fs/cgroup/system.slice/sluice.service/memory.max", "max\n");
  CHECK(system.usable() == 16 * kGiB);
  system.write("sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
  CHECK(system.usable() == 2 * kGiB);
  system.write("sys/fs/cgroup/system.slice/sluice.service/memory.max", "536870912\n");
  CHECK(system.usable() == 512 * kMiB);
}

TEST_CASE("a container sees its own group at the top") {
  const System system;
  system.write("proc/meminfo", "MemTotal:       16777216 kB\n");
  system.write("proc/self/cgroup", "0::/\n");
  system.write("sys/fs/cgroup/memory.max", "1073741824\n");
  CHECK(system.usable() == kGiB);
}

TEST_CASE("a group of the first version counts, and its way to say that there is no bound does not") {
  const System system;
  system.write("proc/meminfo", "MemTotal:       16777216 kB\n");
  system.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(system.usable() == 16 * kGiB);
  system.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
  CHECK(system.usable() == kGiB);
}

TEST_CASE("an eighth of it is for objects, and never more than 4 GiB") {
  CHECK(default_read_cache_size(2 * kGiB) == 256 * kMiB);
  CHECK(default_read_cache_size(1024 * kGiB) == 4 * kGiB);
  CHECK(default_read_cache_size(0) == 0);
}

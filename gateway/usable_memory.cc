#include "gateway/usable_memory.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace sluice {

namespace {

constexpr std::uint64_t kReadCacheMax = 4ULL << 30;

/// What a control group's file says; nothing where it says "max" or is not there.
std::optional<std::uint64_t> limit_in(const std::filesystem::path& file) {
  std::uint64_t limit = 0;
  if (std::ifstream(file) >> limit) return limit;
  return std::nullopt;
}

std::optional<std::uint64_t> memory_of_machine(const std::filesystem::path& root) {
  std::ifstream file(root / "proc/meminfo");
  std::string word;
  std::uint64_t kibibytes = 0;
  if (file >> word >> kibibytes && word == "MemTotal:") return kibibytes * 1024;
  return std::nullopt;
}

/// The path of this process's control group (v2), relative.
std::filesystem::path group_of_process(const std::filesystem::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return line.substr(4);
  }
  return {};
}

}  // namespace

std::uint64_t usable_memory(const std::filesystem::path& root) {
  auto usable = memory_of_machine(root);
  const auto lower = [&](std::optional<std::uint64_t> limit) {
    if (limit && (!usable || *limit < *usable)) usable = limit;
  };
  const auto groups = root / "sys/fs/cgroup";
  lower(limit_in(groups / "memory/memory.limit_in_bytes"));
  auto group = group_of_process(root);
  for (; !group.empty(); group = group.parent_path()) lower(limit_in(groups / group / "memory.max"));
  lower(limit_in(groups / "memory.max"));
  return usable.value_or(0);
}

std::uint64_t default_read_cache_size(std::uint64_t usable) { return std::min(usable / 8, kReadCacheMax); }

}  // namespace sluice

#include "backends/rdma/placement.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

namespace sluice::rdma {
namespace {

struct Drawn {
  const DiskChoice* disk;
  double weight;
};

// Weighted order without replacement (Efraimidis and Spirakis): the largest u^(1/w) first.
std::vector<Drawn> draw(std::span<const DiskChoice> disks, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Drawn> drawn;
  for (const DiskChoice& disk : disks) {
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53 + 0x1p-54;
    if (disk.free_slabs == 0) continue;
    drawn.push_back({&disk, std::log(uniform) / static_cast<double>(disk.free_slabs)});
  }
  std::ranges::sort(drawn, std::ranges::greater{}, &Drawn::weight);
  return drawn;
}

}  // namespace

Result<std::vector<Uuid>> place(std::span<const DiskChoice> disks, std::size_t count, std::uint64_t seed) {
  const auto drawn = draw(disks, seed);
  std::set<std::string> hosts;
  std::map<std::string, std::size_t> in_zone;
  std::vector<Uuid> members;
  // Each round allows one replica more in a zone than the one before.
  for (std::size_t in_zone_max = 1; in_zone_max <= count; ++in_zone_max) {
    for (const Drawn& one : drawn) {
      if (members.size() == count) return members;
      if (hosts.contains(one.disk->host) || in_zone[one.disk->zone] >= in_zone_max) continue;
      hosts.insert(one.disk->host);
      ++in_zone[one.disk->zone];
      members.push_back(one.disk->incarnation);
    }
  }
  if (members.size() == count) return members;
  return fail(ErrorCode::out_of_space,
              "only " + std::to_string(members.size()) + " of " + std::to_string(count) + " extent nodes have space");
}

}  // namespace sluice::rdma

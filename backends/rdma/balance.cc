#include "backends/rdma/balance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace sluice::rdma {
namespace {

// Two copies on one machine are worse than any number of them in one zone.
constexpr std::size_t kOneMachine = 1000, kOneZone = 1;

// Pairs of copies in one place, of so many that are spread evenly over so many places.
std::size_t pairs_min(std::size_t copies, std::size_t places) {
  if (places == 0) return 0;
  const std::size_t fewer = copies / places, with_one_more = copies % places;
  return places * (fewer * (fewer - (fewer > 0 ? 1 : 0)) / 2) + with_one_more * fewer;
}

}  // namespace

Balance::Balance(std::vector<DiskLoad> disks, std::vector<PlacedExtent> extents) : disks_(std::move(disks)) {
  std::erase_if(disks_, [](const DiskLoad& disk) { return disk.slabs == 0; });
  on_.resize(disks_.size());
  std::map<Uuid, std::size_t> index;
  std::uint64_t slabs = 0, used = 0;
  std::set<std::string> machines, zones;
  for (std::size_t n = 0; n < disks_.size(); ++n) {
    index[disks_[n].disk] = n;
    slabs += disks_[n].slabs;
    used += disks_[n].used;
    machines.insert(disks_[n].machine);
    zones.insert(disks_[n].zone);
  }
  machines_ = machines.size();
  zones_ = zones.size();
  if (slabs > 0) mean_ = static_cast<double>(used) / static_cast<double>(slabs);
  for (PlacedExtent& placed : extents) {
    std::vector<std::size_t> at;
    for (const Uuid& member : placed.members) {
      if (const auto found = index.find(member); found != index.end()) at.push_back(found->second);
    }
    if (at.size() != placed.members.size()) continue;
    for (const std::size_t disk : at) on_[disk].push_back(extents_.size());
    extents_.push_back({std::move(placed), std::move(at)});
  }
}

double Balance::fill(std::size_t disk) const {
  return static_cast<double>(disks_[disk].used) / static_cast<double>(disks_[disk].slabs);
}

std::size_t Balance::crowding(const std::vector<std::size_t>& at) const {
  std::size_t sum = 0;
  for (std::size_t n = 0; n < at.size(); ++n) {
    for (std::size_t other = n + 1; other < at.size(); ++other) {
      const DiskLoad &one = disks_[at[n]], &two = disks_[at[other]];
      sum += (one.machine == two.machine ? kOneMachine : 0) + (one.zone == two.zone ? kOneZone : 0);
    }
  }
  return sum;
}

// What no choice of disks can be below.
std::size_t Balance::crowding_min(std::size_t copies) const {
  return kOneMachine * pairs_min(copies, machines_) + kOneZone * pairs_min(copies, zones_);
}

// Its disks after the move; nothing if that is none.
std::optional<std::vector<std::size_t>> Balance::with(const Extent& extent, Pair pair) const {
  if (extent.moved || disks_[pair.to].free == 0 || std::ranges::count(extent.at, pair.to) > 0) return std::nullopt;
  std::vector<std::size_t> at = extent.at;
  const auto from = std::ranges::find(at, pair.from);
  if (from == at.end()) return std::nullopt;
  *from = pair.to;
  return at;
}

Move Balance::move(Extent& extent, Pair pair) {
  extent.at = *with(extent, pair);
  extent.moved = true;
  --disks_[pair.from].used;
  ++disks_[pair.to].used;
  --disks_[pair.to].free;
  return {extent.placed.extent, disks_[pair.from].disk, disks_[pair.to].disk};
}

// ---- farther apart

// The move that parts its copies best, to the emptiest of the disks that do.
std::optional<Balance::Pair> Balance::apart(const Extent& extent) const {
  std::size_t best = crowding(extent.at);
  if (best <= crowding_min(extent.at.size())) return std::nullopt;
  std::optional<Pair> chosen;
  for (const std::size_t from : extent.at) {
    for (std::size_t to = 0; to < disks_.size(); ++to) {
      const auto at = with(extent, {from, to});
      if (!at) continue;
      const std::size_t sum = crowding(*at);
      if (sum > best || (sum == best && (!chosen || fill(to) >= fill(chosen->to)))) continue;
      best = sum;
      chosen = {from, to};
    }
  }
  return chosen;
}

std::optional<Move> Balance::next_apart() {
  for (; apart_looked_at_ < extents_.size(); ++apart_looked_at_) {
    Extent& extent = extents_[apart_looked_at_];
    if (const auto pair = apart(extent)) return move(extent, *pair);
  }
  return std::nullopt;
}

std::uint64_t Balance::crowded() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(extents_, [this](const Extent& extent) { return apart(extent).has_value(); }));
}

// ---- level

// One of both is too far from the mean, and the move does not only change places.
bool Balance::levels(Pair pair) const {
  if (fill(pair.from) <= mean_ + kFillTolerance && fill(pair.to) >= mean_ - kFillTolerance) return false;
  const DiskLoad &from = disks_[pair.from], &to = disks_[pair.to];
  return from.used > 0 && (from.used - 1) * to.slabs >= (to.used + 1) * from.slabs;
}

std::vector<std::size_t> Balance::fullest_first() const {
  std::vector<std::size_t> order(disks_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order,
                    [this](std::size_t a, std::size_t b) { return std::pair(fill(b), a) < std::pair(fill(a), b); });
  return order;
}

std::optional<Move> Balance::next_level() {
  const auto order = fullest_first();
  for (const std::size_t from : order) {
    for (auto to = order.rbegin(); to != order.rend(); ++to) {
      if (!levels({from, *to})) continue;
      if (const auto moved = move_one({from, *to})) return moved;
    }
  }
  return std::nullopt;
}

std::optional<Move> Balance::move_one(Pair pair) {
  for (std::size_t& next = looked_at_[pair]; next < on_[pair.from].size(); ++next) {
    Extent& extent = extents_[on_[pair.from][next]];
    const auto at = with(extent, pair);
    if (at && crowding(*at) <= crowding(extent.at)) return move(extent, pair);
  }
  return std::nullopt;
}

std::uint64_t Balance::left() const {
  double over = 0, under = 0;
  for (std::size_t n = 0; n < disks_.size(); ++n) {
    const auto slabs = static_cast<double>(disks_[n].slabs);
    over += std::max(0.0, std::ceil((fill(n) - mean_ - kFillTolerance) * slabs));
    under += std::max(0.0, std::ceil((mean_ - kFillTolerance - fill(n)) * slabs));
  }
  return static_cast<std::uint64_t>(std::max(over, under));
}

}  // namespace sluice::rdma

#include "backends/rdma/mending.h"

#include <algorithm>
#include <map>

#include "backends/rdma/replica.h"

namespace sluice::rdma {

Mending::Mending(ExtentRecord record, std::vector<MemberState> members, const std::vector<Uuid>& damaged, Limits limits)
    : record_(std::move(record)), members_(std::move(members)), limits_(limits) {
  if (!is_safe()) return;
  std::erase_if(record_.partial, [&](const Uuid& disk) { return std::ranges::count(damaged, disk) > 0; });
}

bool Mending::is_safe() const {
  const auto safe = [](const MemberState& member) { return member.good && member.there; };
  return static_cast<std::size_t>(std::ranges::count_if(members_, safe)) >= limits_.copies_min;
}

std::size_t Mending::good() const {
  return static_cast<std::size_t>(std::ranges::count_if(members_, &MemberState::good));
}

std::size_t Mending::missing() const { return limits_.wanted - std::min(good(), limits_.wanted); }

ExtentRecord Mending::begun(const std::vector<Uuid>& targets) {
  record_.epoch = Epoch{static_cast<std::uint64_t>(record_.epoch) + 1};
  for (const Uuid& target : targets) {
    if (std::ranges::count(record_.partial, target) == 0) record_.partial.push_back(target);
  }
  return record_;
}

bool Mending::may_keep(const MemberState& bad) const { return !bad.damaged || room_ || !is_safe(); }

ExtentRecord Mending::mended() const {
  ExtentRecord mended = record_;
  mended.members.clear();
  for (const MemberState& member : members_) {
    if (member.good) mended.members.push_back(member.disk);
  }
  mended.members.insert(mended.members.end(), filled_.begin(), filled_.end());
  for (const MemberState& member : members_) {
    const bool needed = mended.members.size() < limits_.wanted;
    if (!member.good && needed && may_keep(member)) mended.members.push_back(member.disk);
  }
  std::erase_if(mended.partial, [&](const Uuid& disk) { return whole() || std::ranges::count(filled_, disk) > 0; });
  return mended;
}

std::vector<Run> runs_of_any(const std::vector<std::vector<Run>>& lists) {
  std::map<Pages, Run> runs;
  for (const auto& list : lists) {
    for (const Run& run : list) runs.try_emplace(run.page, run);
  }
  std::vector<Run> all;
  for (const auto& [page, run] : runs) {
    if (all.empty() || end_of(all.back()) <= page) all.push_back(run);
  }
  return all;
}

}  // namespace sluice::rdma

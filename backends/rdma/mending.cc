#include "backends/rdma/mending.h"

#include <algorithm>
#include <map>

#include "backends/rdma/replica.h"

namespace sluice::rdma {

// A disk that is filled has said so a moment ago.
bool Mending::has_all_elsewhere() const {
  return !filled_.empty() ||
         std::ranges::any_of(members_, [](const MemberState& member) { return member.good && member.there; });
}

std::size_t Mending::good() const {
  return static_cast<std::size_t>(std::ranges::count_if(members_, &MemberState::good));
}

std::size_t Mending::missing() const { return wanted_ - std::min(good(), wanted_); }

ExtentRecord Mending::begun(const std::vector<Uuid>& targets) {
  record_.epoch = Epoch{static_cast<std::uint64_t>(record_.epoch) + 1};
  for (const Uuid& target : targets) {
    if (std::ranges::count(record_.partial, target) == 0) record_.partial.push_back(target);
  }
  return record_;
}

ExtentRecord Mending::loses(const Run& run) {
  const auto at = std::ranges::lower_bound(record_.lost, run.page, {}, &Run::page);
  if (at == record_.lost.end() || at->page != run.page) record_.lost.insert(at, run);
  return record_;
}

ExtentRecord Mending::mended() const {
  ExtentRecord mended = record_;
  mended.members.clear();
  for (const MemberState& member : members_) {
    if (member.good) mended.members.push_back(member.disk);
  }
  mended.members.insert(mended.members.end(), filled_.begin(), filled_.end());
  std::erase_if(mended.partial, [&](const Uuid& disk) { return std::ranges::count(filled_, disk) > 0; });
  for (const MemberState& member : members_) {
    if (member.good) continue;
    if (member.damaged && has_all_elsewhere()) {
      mended.partial.push_back(member.disk);
    } else if (mended.members.size() < wanted_) {
      mended.members.push_back(member.disk);
    } else if (kept_.contains(member.disk)) {
      mended.partial.push_back(member.disk);
    }
  }
  if (whole()) std::erase_if(mended.partial, [&](const Uuid& disk) { return !kept_.contains(disk); });
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

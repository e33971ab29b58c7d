#include "backends/rdma/seal.h"

#include <algorithm>
#include <cassert>

namespace sluice::rdma {

namespace {

bool has_value(const std::optional<Pages>& pages) { return pages.has_value(); }

}  // namespace

ExtentRecord begin_seal(const ExtentRecord& record) {
  assert(record.state != ExtentState::sealed);
  ExtentRecord begun = record;
  begun.state = ExtentState::sealing;
  begun.epoch = Epoch{static_cast<std::uint64_t>(record.epoch) + 1};
  return begun;
}

bool Sealing::possible() const { return std::ranges::any_of(durable_, has_value); }

bool Sealing::complete() const { return std::ranges::all_of(durable_, has_value); }

ExtentRecord Sealing::sealed() const {
  assert(possible());
  ExtentRecord sealed = begun_;
  sealed.state = ExtentState::sealed;
  sealed.members.clear();
  std::optional<Pages> shortest;
  for (std::size_t member = 0; member < durable_.size(); ++member) {
    if (!durable_[member]) continue;
    sealed.members.push_back(begun_.members[member]);
    shortest = std::min(shortest.value_or(*durable_[member]), *durable_[member]);
  }
  sealed.pages = *shortest;
  return sealed;
}

}  // namespace sluice::rdma

#include "backends/rdma/replica.h"

#include <algorithm>
#include <cassert>

namespace sluice::rdma {

Replica::Replica(Epoch fence, const std::vector<Run>& runs) : fence_(fence), fence_persisted_(fence), is_new_(false) {
  for (const Run& run : runs) {
    assert(run.page == next_);
    runs_[run.page] = {run, State::Where::durable};
    next_ = durable_ = end_of(run);
  }
}

Replica::Verdict Replica::append(Epoch epoch, const Run& run) {
  if (epoch < fence_) return Verdict::fenced;
  const auto known = runs_.find(run.page);
  if (known == runs_.end()) {
    if (run.page != next_) return Verdict::out_of_order;
    if (run.page == 0) certain_ = is_new_;
    runs_[run.page] = {run, State::Where::under_way};
    next_ = end_of(run);
    ++under_way_;
    return Verdict::write;
  }
  State& state = known->second;
  if (state.run != run) return Verdict::out_of_order;
  if (state.where == State::Where::durable) return Verdict::durable;
  if (state.where == State::Where::under_way) return Verdict::under_way;
  state.where = State::Where::under_way;
  ++under_way_;
  return Verdict::write;
}

void Replica::written(Pages page) {
  State& state = runs_.at(page);
  assert(state.where == State::Where::under_way);
  state.where = State::Where::durable;
  --under_way_;
  advance();
}

void Replica::dropped(Pages page) {
  State& state = runs_.at(page);
  assert(state.where == State::Where::under_way);
  state.where = State::Where::dropped;
  --under_way_;
  if (end_of(state.run) != next_) return;
  runs_.erase(page);
  next_ = page;
}

bool Replica::fence(Epoch epoch) {
  if (epoch < fence_) return false;
  fence_ = epoch;
  return true;
}

void Replica::fence_persisted(Epoch epoch) {
  fence_persisted_ = std::max(fence_persisted_, epoch);
  if (!may_answer_fence(epoch)) return;
  runs_.erase(runs_.lower_bound(durable_), runs_.end());
  next_ = durable_;
}

bool Replica::may_answer_fence(Epoch epoch) const {
  return epoch == fence_ && fence_persisted_ >= epoch && under_way_ == 0;
}

void Replica::advance() {
  for (auto next = runs_.find(durable_); next != runs_.end() && next->second.where == State::Where::durable;
       next = runs_.find(durable_)) {
    durable_ = end_of(next->second.run);
  }
}

}  // namespace sluice::rdma

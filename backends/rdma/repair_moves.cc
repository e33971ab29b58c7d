// Copies that are well, and should be on other disks.
#include <algorithm>

#include "backends/rdma/repair.h"

namespace sluice::rdma {
namespace {

// Then it is looked again what is endangered: that goes first.
constexpr std::chrono::seconds kMovingMax(10);
// What one disk fails it fails for all.
constexpr std::size_t kFailedMovesMax = 3;

}  // namespace

// One at a time, at a bounded rate. What was planned is looked at again before it is done.
Task<> Repair::move_copies(Repaired& found, const std::atomic<bool>& go_on) {
  const auto begun = Clock::now();
  const bool looks_apart = begun >= next_look_apart_;
  if (!balancing_ && !looks_apart) co_return done;
  auto loads = co_await this->loads();
  Balance balance(std::move(loads.disks), std::exchange(placed_, {}));
  if (looks_apart) found.crowded = balance.crowded();
  std::size_t failed = 0, changed = 0;
  std::optional<Move> next;
  while (go_on && Clock::now() - begun < kMovingMax && failed < kFailedMovesMax) {
    next = balance.next_apart();
    if (!next && balancing_) next = balance.next_level();
    if (!next) break;
    const auto moved = co_await move(*next, go_on);
    if (moved) {
      ++(*moved ? found.moved : changed);
      continue;
    }
    ++failed;
    const auto number = static_cast<std::uint64_t>(next->extent);
    cluster_.log_.warning("copy_not_moved", {{"extent", number}, {"detail", moved.error().detail}});
  }
  const bool all_done = !next && failed == 0 && changed == 0 && loads.complete && go_on;
  if (all_done) next_look_apart_ = begun + options_.look_apart_period;
  if (!balancing_) co_return done;
  balancing_->moved += found.moved;
  balancing_->left = balance.left();
  found.balancing = !all_done;
  found.moves_left = all_done ? 0 : balancing_->left;
  if (!all_done) co_return co_await cluster_.control_.note_balance(*balancing_);
  cluster_.log_.info("cluster_balanced", {{"moved", balancing_->moved}});
  co_return co_await cluster_.control_.end_balance(balancing_->number);
}

Awaitable<Repair::Loads> Repair::loads() {
  Loads loads;
  std::vector<Awaitable<>> questions;
  for (const auto& [incarnation, node] : health_.nodes()) {
    if (node.alive && !node.draining) questions.push_back(ask_load(node, loads));
  }
  co_await cluster_.all(std::move(questions));
  co_return loads;
}

// What is named in no record has a slab for a while yet; and what is still to come may take less than one.
Awaitable<> Repair::ask_load(const Node& node, Loads& loads) {
  const NodeAddress& address = node.address;
  const auto client = co_await cluster_.node(address.incarnation);
  Result<Reply> status = fail(ErrorCode::unavailable, "no such node");
  if (client) status = co_await (*client)->call(Status{}, cluster_.options_.timeouts.fence);
  if (!status) loads.complete = false;
  if (!status || status->size == 0) co_return;
  const std::uint64_t slabs = status->size, free = std::min(status->value, slabs);
  loads.disks.push_back({.disk = address.incarnation,
                         .machine = address.machine,
                         .zone = address.zone,
                         .slabs = slabs,
                         .used = std::min(on_disks_[address.incarnation], slabs - free),
                         .free = free});
}

// Whether it was moved: what has changed since it was planned is left for the next round.
Task<bool> Repair::move(const Move& move, const std::atomic<bool>& go_on) {
  CO_TRY(const auto found, co_await cluster_.control_.find(move.extent));
  if (!found || found->record.state != ExtentState::sealed) co_return false;
  const ExtentRecord& record = found->record;
  const auto has = [&](const Uuid& disk) { return std::ranges::count(record.members, disk) > 0; };
  const bool fits = is_whole(move.extent, record) && record.lost.empty() && has(move.from) && !has(move.to);
  if (!fits || health_.is_damaged(move.extent, move.to)) co_return false;
  co_return co_await mend({.extent = move.extent,
                           .found = *found,
                           .mending = mending_of(move.extent, record, move.from),
                           .targets = {move.to},
                           .go_on = &go_on});
}

}  // namespace sluice::rdma

#include "backends/rdma/memory_control.h"

namespace sluice::rdma {

void MemoryControl::silence(const Uuid& who) {
  const std::scoped_lock lock(mutex_);
  if (const auto node = nodes_.find(who); node != nodes_.end()) node->second.alive = false;
  writers_.erase(who);
  if (manager_ == who) manager_.reset();
}

Task<std::vector<Node>> MemoryControl::nodes() {
  const std::scoped_lock lock(mutex_);
  std::vector<Node> all;
  all.reserve(nodes_.size());
  for (const auto& [incarnation, node] : nodes_) all.push_back(node);
  co_return all;
}

Task<> MemoryControl::keep_node(NodeAddress address) {
  const std::scoped_lock lock(mutex_);
  Node& node = nodes_[address.incarnation];
  node.address = std::move(address);
  node.alive = true;
  co_return done;
}

Task<> MemoryControl::leave_node(Uuid incarnation) {
  silence(incarnation);
  co_return done;
}

Task<> MemoryControl::drain(Uuid incarnation, bool draining) {
  const std::scoped_lock lock(mutex_);
  if (const auto node = nodes_.find(incarnation); node != nodes_.end()) node->second.draining = draining;
  co_return done;
}

Task<> MemoryControl::remove_node(Uuid incarnation) {
  const std::scoped_lock lock(mutex_);
  nodes_.erase(incarnation);
  co_return done;
}

Task<ExtentNumber> MemoryControl::create(ExtentRecord record) {
  const std::scoped_lock lock(mutex_);
  const ExtentNumber number{++last_};
  records_[number] = {std::move(record), ++revision_};
  co_return number;
}

Task<std::optional<VersionedRecord>> MemoryControl::find(ExtentNumber extent) {
  const std::scoped_lock lock(mutex_);
  const auto found = records_.find(extent);
  if (found == records_.end()) co_return std::optional<VersionedRecord>{};
  co_return found->second;
}

Task<bool> MemoryControl::set(ExtentNumber extent, std::uint64_t revision, ExtentRecord record) {
  const std::scoped_lock lock(mutex_);
  const auto found = records_.find(extent);
  if (found == records_.end() || found->second.revision != revision) co_return false;
  found->second = {std::move(record), ++revision_};
  co_return true;
}

Task<bool> MemoryControl::erase(ExtentNumber extent, std::uint64_t revision) {
  const std::scoped_lock lock(mutex_);
  const auto found = records_.find(extent);
  if (found == records_.end() || found->second.revision != revision) co_return false;
  records_.erase(found);
  co_return true;
}

Task<std::vector<NumberedRecord>> MemoryControl::list(ExtentNumber first, std::size_t count) {
  const std::scoped_lock lock(mutex_);
  std::vector<NumberedRecord> listed;
  for (auto at = records_.lower_bound(first); at != records_.end() && listed.size() < count; ++at) {
    listed.push_back({at->first, at->second});
  }
  co_return listed;
}

Task<> MemoryControl::report_damage(Damage damage) {
  const std::scoped_lock lock(mutex_);
  damage_.insert(damage);
  co_return done;
}

Task<std::vector<Damage>> MemoryControl::damage() {
  const std::scoped_lock lock(mutex_);
  co_return std::vector<Damage>(damage_.begin(), damage_.end());
}

Task<> MemoryControl::forget_damage(Damage damage) {
  const std::scoped_lock lock(mutex_);
  damage_.erase(damage);
  co_return done;
}

Task<std::uint64_t> MemoryControl::ask_scrub() {
  const std::scoped_lock lock(mutex_);
  co_return ++scrub_asked_;
}

Task<std::uint64_t> MemoryControl::scrub_asked() {
  const std::scoped_lock lock(mutex_);
  co_return scrub_asked_;
}

Task<> MemoryControl::scrubbed(Uuid incarnation, std::uint64_t number) {
  const std::scoped_lock lock(mutex_);
  if (const auto node = nodes_.find(incarnation); node != nodes_.end()) node->second.scrubbed = number;
  co_return done;
}

Task<std::uint64_t> MemoryControl::ask_balance() {
  const std::scoped_lock lock(mutex_);
  balancing_ = Balancing{.number = ++balance_asked_};
  co_return balance_asked_;
}

Task<std::optional<Balancing>> MemoryControl::balancing() {
  const std::scoped_lock lock(mutex_);
  co_return balancing_;
}

Task<> MemoryControl::note_balance(Balancing progress) {
  const std::scoped_lock lock(mutex_);
  if (balancing_ && balancing_->number == progress.number) balancing_ = progress;
  co_return done;
}

Task<> MemoryControl::end_balance(std::uint64_t number) {
  const std::scoped_lock lock(mutex_);
  if (balancing_ && balancing_->number == number) balancing_.reset();
  co_return done;
}

Task<> MemoryControl::keep_writer(Uuid writer) {
  const std::scoped_lock lock(mutex_);
  if (buried_.contains(writer)) co_return fail(ErrorCode::conflict, "this run was given up");
  writers_.insert(writer);
  co_return done;
}

Task<> MemoryControl::leave_writer(Uuid writer) {
  silence(writer);
  co_return done;
}

Task<bool> MemoryControl::bury(Uuid writer) {
  const std::scoped_lock lock(mutex_);
  if (writers_.contains(writer)) co_return false;
  buried_.insert(writer);
  co_return true;
}

Task<> MemoryControl::forget_writer(Uuid writer) {
  const std::scoped_lock lock(mutex_);
  buried_.erase(writer);
  co_return done;
}

Task<bool> MemoryControl::keep_manager(Uuid candidate) {
  const std::scoped_lock lock(mutex_);
  if (!manager_) manager_ = candidate;
  co_return manager_ == candidate;
}

Task<> MemoryControl::leave_manager(Uuid candidate) {
  silence(candidate);
  co_return done;
}

}  // namespace sluice::rdma

#include "backends/rdma/memory_control.h"

namespace sluice::rdma {

void MemoryControl::add(NodeAddress node) {
  const std::scoped_lock lock(mutex_);
  nodes_.push_back(std::move(node));
}

void MemoryControl::move(const Uuid& incarnation, const std::string& port) {
  const std::scoped_lock lock(mutex_);
  for (NodeAddress& node : nodes_) {
    if (node.incarnation == incarnation) node.port = port;
  }
}

Task<std::vector<NodeAddress>> MemoryControl::nodes() {
  const std::scoped_lock lock(mutex_);
  co_return nodes_;
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

Task<> MemoryControl::enter(Uuid writer) {
  const std::scoped_lock lock(mutex_);
  live_.insert(writer);
  co_return done;
}

Task<> MemoryControl::leave(Uuid writer) {
  const std::scoped_lock lock(mutex_);
  live_.erase(writer);
  co_return done;
}

Task<bool> MemoryControl::is_live(Uuid writer) {
  const std::scoped_lock lock(mutex_);
  co_return live_.contains(writer);
}

}  // namespace sluice::rdma

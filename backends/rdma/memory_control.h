#pragma once

#include <map>
#include <mutex>
#include <set>

#include "backends/rdma/control.h"

namespace sluice::rdma {

/// Control in this process's memory: for tests, where all of a cluster is one process.
class MemoryControl final : public Control {
 public:
  void add(NodeAddress node);
  /// The same disk at another address.
  void move(const Uuid& incarnation, const std::string& port);

  Task<std::vector<NodeAddress>> nodes() override;
  Task<ExtentNumber> create(ExtentRecord record) override;
  Task<std::optional<VersionedRecord>> find(ExtentNumber extent) override;
  Task<bool> set(ExtentNumber extent, std::uint64_t revision, ExtentRecord record) override;
  Task<bool> erase(ExtentNumber extent, std::uint64_t revision) override;
  Task<std::vector<NumberedRecord>> list(ExtentNumber first, std::size_t count) override;
  Task<> enter(Uuid writer) override;
  Task<> leave(Uuid writer) override;
  Task<bool> is_live(Uuid writer) override;

 private:
  std::mutex mutex_;
  std::vector<NodeAddress> nodes_;
  std::map<ExtentNumber, VersionedRecord> records_;
  std::set<Uuid> live_;
  std::uint64_t last_ = 0;
  std::uint64_t revision_ = 0;
};

}  // namespace sluice::rdma

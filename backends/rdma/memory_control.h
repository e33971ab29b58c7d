#pragma once

#include <map>
#include <mutex>
#include <set>

#include "backends/rdma/control.h"

namespace sluice::rdma {

/// Control in this process's memory: for tests, where all of a cluster is one process.
/// Nobody falls silent by itself.
class MemoryControl final : public Control {
 public:
  /// As if it had said nothing for too long.
  void silence(const Uuid& who);

  Task<std::vector<Node>> nodes() override;
  Task<> keep_node(NodeAddress address) override;
  Task<> leave_node(Uuid incarnation) override;
  Task<> drain(Uuid incarnation, bool draining) override;
  Task<> remove_node(Uuid incarnation) override;
  Task<ExtentNumber> create(ExtentRecord record) override;
  Task<std::optional<VersionedRecord>> find(ExtentNumber extent) override;
  Task<bool> set(ExtentNumber extent, std::uint64_t revision, ExtentRecord record) override;
  Task<bool> erase(ExtentNumber extent, std::uint64_t revision) override;
  Task<std::vector<NumberedRecord>> list(ExtentNumber first, std::size_t count) override;
  Task<> report_damage(Damage damage) override;
  Task<std::vector<Damage>> damage() override;
  Task<> forget_damage(Damage damage) override;
  Task<std::uint64_t> ask_scrub() override;
  Task<std::uint64_t> scrub_asked() override;
  Task<> scrubbed(Uuid incarnation, std::uint64_t number) override;
  Task<std::uint64_t> ask_balance() override;
  Task<std::optional<Balancing>> balancing() override;
  Task<> note_balance(Balancing progress) override;
  Task<> end_balance(std::uint64_t number) override;
  Task<> keep_writer(Uuid writer) override;
  Task<> leave_writer(Uuid writer) override;
  Task<bool> bury(Uuid writer) override;
  Task<> forget_writer(Uuid writer) override;
  Task<bool> keep_manager(Uuid candidate) override;
  Task<> leave_manager(Uuid candidate) override;

 private:
  std::mutex mutex_;
  std::map<Uuid, Node> nodes_;
  std::map<ExtentNumber, VersionedRecord> records_;
  std::set<Uuid> writers_, buried_;
  std::set<Damage> damage_;
  std::uint64_t scrub_asked_ = 0;
  std::optional<Balancing> balancing_;
  std::uint64_t balance_asked_ = 0;
  std::optional<Uuid> manager_;
  std::uint64_t last_ = 0;
  std::uint64_t revision_ = 0;
};

}  // namespace sluice::rdma

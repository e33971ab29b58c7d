#pragma once

#include <functional>

#include "backends/rdma/control.h"

namespace sluice::test {

/// Another control, behind a gate: what that fails with is what became of an operation, which was not done then.
/// A gate that blocks is a process that stands still.
class GatedControl final : public rdma::Control {
 public:
  using Gate = std::function<Result<>()>;

  GatedControl(rdma::Control& control, Gate gate) : control_(control), gate_(std::move(gate)) {}

  Task<std::vector<rdma::Node>> nodes() override { return pass(control_.nodes()); }
  Task<> keep_node(rdma::NodeAddress address) override { return pass(control_.keep_node(std::move(address))); }
  Task<> leave_node(rdma::Uuid disk) override { return pass(control_.leave_node(disk)); }
  Task<> drain(rdma::Uuid disk, bool draining) override { return pass(control_.drain(disk, draining)); }
  Task<> remove_node(rdma::Uuid disk) override { return pass(control_.remove_node(disk)); }
  Task<rdma::ExtentNumber> create(rdma::ExtentRecord record) override {
    return pass(control_.create(std::move(record)));
  }
  Task<std::optional<rdma::VersionedRecord>> find(rdma::ExtentNumber extent) override {
    return pass(control_.find(extent));
  }
  Task<bool> set(rdma::ExtentNumber extent, std::uint64_t revision, rdma::ExtentRecord record) override {
    return pass(control_.set(extent, revision, std::move(record)));
  }
  Task<bool> erase(rdma::ExtentNumber extent, std::uint64_t revision) override {
    return pass(control_.erase(extent, revision));
  }
  Task<std::vector<rdma::NumberedRecord>> list(rdma::ExtentNumber first, std::size_t count) override {
    return pass(control_.list(first, count));
  }
  Task<> report_damage(rdma::Damage damage) override { return pass(control_.report_damage(damage)); }
  Task<std::vector<rdma::Damage>> damage() override { return pass(control_.damage()); }
  Task<> forget_damage(rdma::Damage damage) override { return pass(control_.forget_damage(damage)); }
  Task<std::uint64_t> ask_scrub() override { return pass(control_.ask_scrub()); }
  Task<std::uint64_t> scrub_asked() override { return pass(control_.scrub_asked()); }
  Task<> scrubbed(rdma::Uuid disk, std::uint64_t number) override { return pass(control_.scrubbed(disk, number)); }
  Task<std::uint64_t> ask_balance() override { return pass(control_.ask_balance()); }
  Task<std::optional<rdma::Balancing>> balancing() override { return pass(control_.balancing()); }
  Task<> note_balance(rdma::Balancing progress) override { return pass(control_.note_balance(progress)); }
  Task<> end_balance(std::uint64_t number) override { return pass(control_.end_balance(number)); }
  Task<> keep_writer(rdma::Uuid writer) override { return control_.keep_writer(writer); }
  Task<> leave_writer(rdma::Uuid writer) override { return control_.leave_writer(writer); }
  Task<bool> bury(rdma::Uuid writer) override { return pass(control_.bury(writer)); }
  Task<> forget_writer(rdma::Uuid writer) override { return pass(control_.forget_writer(writer)); }
  Task<bool> keep_manager(rdma::Uuid candidate) override { return control_.keep_manager(candidate); }
  Task<> leave_manager(rdma::Uuid candidate) override { return control_.leave_manager(candidate); }

 private:
  // A task begins when it is awaited.
  template <class T>
  Task<T> pass(Task<T> operation) {
    CO_TRY(gate_());
    co_return co_await std::move(operation);
  }

  rdma::Control& control_;
  const Gate gate_;
};

}  // namespace sluice::test

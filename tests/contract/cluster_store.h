#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "backends/rdma/cluster_extents.h"
#include "backends/rdma/extent_node.h"
#include "backends/rdma/memory_control.h"
#include "tests/contract/extent_store_contract.h"
#include "tests/support/temporary_directory.h"

namespace sluice::test {

/// An extent node in this process, on a thread of its own.
class NodeThread {
 public:
  NodeThread(const std::filesystem::path& path, const std::string& secret, std::uint16_t version_max, Log& log);
  ~NodeThread();

  const std::string& port() const { return port_; }
  rdma::Disk& disk() { return disk_; }

  /// Does nothing any more, but keeps its connections, until wake().
  void silence();
  void wake();

  /// Whether its disk knows that the extent is sealed.
  bool is_sealed(rdma::ExtentNumber extent);

 private:
  boost::asio::io_context io_{1};
  rdma::Disk disk_;
  rdma::Fabric fabric_;
  rdma::ExtentNode node_;
  std::string port_;
  std::atomic<bool> silent_ = false;
  std::jthread thread_;
};

struct ClusterShape {
  std::size_t nodes = 4;
  std::optional<rdma::Scheme> code{};  ///< Of stripes; extents are cold as soon as they are sealed.
  std::uint16_t version_max = rdma::kWireVersionMax;  ///< That nodes speak.
};

/// Four nodes, or another number, over loopback and a store over them.
class ClusterStore : public ExtentStoreFixture {
 public:
  static constexpr std::size_t kNodes = 4;

  explicit ClusterStore(rdma::ClusterTimeouts timeouts = patient(), ClusterShape shape = {});
  ~ClusterStore() override;

  ExtentStore& store() override { return *store_; }
  rdma::ClusterExtents& extents() { return *store_; }
  void restart() override;
  /// On every node that has it.
  void damage(const Extent& extent) override;

  std::size_t node_count() const { return nodes_.size(); }

  void stop(std::size_t node);
  void start(std::size_t node);
  /// Another disk at the address of one that was stopped.
  void replace(std::size_t node);
  /// By itself each is in a zone of its own.
  void put_in_zone(std::size_t node, const std::string& zone);
  /// Looks once for what the node has and the cluster does not know of it; how much was dropped.
  std::uint64_t drop_orphans(std::size_t node);
  /// Checks once what the node has; how much was found damaged and reported.
  std::uint64_t scrub(std::size_t node);
  /// Lets the node do what it can about what it reported.
  void amend(std::size_t node);
  /// Empties slabs of which little is needed; how many are free for it.
  std::uint64_t compact(std::size_t node);
  void silence(std::size_t node) { nodes_[node]->silence(); }
  void wake(std::size_t node) { nodes_[node]->wake(); }
  bool is_up(std::size_t node) const { return nodes_[node] != nullptr; }
  /// Of one that is up.
  rdma::Uuid incarnation(std::size_t node) const { return nodes_[node]->disk().superblock().incarnation; }
  bool has(std::size_t node, const Extent& extent);
  bool has(std::size_t node, rdma::ExtentNumber extent);
  /// Returns once the node has heard that the extent is sealed: a gateway tells it behind its own answer.
  void await_seal(std::size_t node, const Extent& extent);
  void damage_at(std::size_t node, const Extent& extent);
  void damage_header_at(std::size_t node, const Extent& extent);
  /// A byte of what the node has of the extent.
  void damage_byte_at(std::size_t node, rdma::ExtentNumber extent, std::uint64_t offset);
  rdma::MemoryControl& control() { return control_; }

  rdma::ClusterExtentsOptions options() const;
  /// Time-outs that a busy machine does not reach.
  static rdma::ClusterTimeouts patient();
  /// Such that a silent node is noticed soon.
  static rdma::ClusterTimeouts hasty();

 private:
  TemporaryDirectory directory_;
  NullLog log_;
  std::atomic<bool> uncertain_ = false;
  rdma::MemoryControl control_;
  rdma::ClusterTimeouts timeouts_;
  ClusterShape shape_;
  rdma::Uuid cluster_ = rdma::Uuid::random();
  void flip_at(std::size_t node, rdma::ExtentNumber extent, rdma::Pages page, std::uint64_t offset);
  void format(std::size_t node);
  void announce(std::size_t node);
  void alone_with(std::size_t node, const std::function<Task<>(rdma::Disk&)>& work);

  std::map<std::size_t, std::string> zones_;
  std::vector<std::filesystem::path> paths_;
  std::vector<std::unique_ptr<NodeThread>> nodes_;
  std::unique_ptr<rdma::ClusterExtents> store_;
};

}  // namespace sluice::test

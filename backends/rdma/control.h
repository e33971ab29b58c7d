#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/rdma/seal.h"
#include "gateway/core/result.h"

namespace sluice::rdma {

/// A disk of the cluster, and where its node listens.
struct NodeAddress {
  Uuid incarnation;
  std::string host;
  std::string port;
  std::string zone;     ///< What fails together: a rack. Replicas go to different ones where they can.
  std::string machine;  ///< No two replicas are on one.
  friend bool operator==(const NodeAddress&, const NodeAddress&) = default;
};

/// A disk, and what is known of it.
struct Node {
  NodeAddress address;
  bool alive = false;     ///< Its node said so a few seconds ago.
  bool draining = false;  ///< Gets nothing new, and what it has goes elsewhere.
  friend bool operator==(const Node&, const Node&) = default;
};

/// A record, and what compare-and-set compares.
struct VersionedRecord {
  ExtentRecord record;
  std::uint64_t revision = 0;
};

struct NumberedRecord {
  ExtentNumber extent{};
  VersionedRecord versioned;
};

/// What the cluster has agreed on. Every implementation is linearizable: whoever reads
/// after a set() has returned sees it. Fails with unavailable when the truth cannot be
/// reached, and then a set() may have happened or not. Safe for concurrent use.
///
/// Who says keep...() is alive for some seconds; keep again well before they are over.
class Control {
 public:
  virtual ~Control() = default;

  /// The disks, and that a disk is where it is: for its node, again and again.
  virtual Task<std::vector<Node>> nodes() = 0;
  virtual Task<> keep_node(NodeAddress address) = 0;
  /// No longer alive, though still of the cluster.
  virtual Task<> leave_node(Uuid incarnation) = 0;
  /// Both succeed, and do nothing, for an unknown disk.
  virtual Task<> drain(Uuid incarnation, bool draining) = 0;
  virtual Task<> remove_node(Uuid incarnation) = 0;

  /// A number never given before, with this record.
  virtual Task<ExtentNumber> create(ExtentRecord record) = 0;
  virtual Task<std::optional<VersionedRecord>> find(ExtentNumber extent) = 0;
  /// False, and nothing done, if the record is not at `revision` any more.
  virtual Task<bool> set(ExtentNumber extent, std::uint64_t revision, ExtentRecord record) = 0;
  virtual Task<bool> erase(ExtentNumber extent, std::uint64_t revision) = 0;
  /// In ascending order, from `first` on, at most `count`.
  virtual Task<std::vector<NumberedRecord>> list(ExtentNumber first, std::size_t count) = 0;

  /// A run of a gateway is alive: begins, or goes on. Fails with conflict once it is buried.
  virtual Task<> keep_writer(Uuid writer) = 0;
  /// It ends.
  virtual Task<> leave_writer(Uuid writer) = 0;
  /// True if the run is over for good, whatever its process does; false while it is alive.
  virtual Task<bool> bury(Uuid writer) = 0;
  /// Nothing refers to the buried run any more.
  virtual Task<> forget_writer(Uuid writer) = 0;

  /// True while `candidate` is the one manager of the cluster: it becomes or stays it.
  virtual Task<bool> keep_manager(Uuid candidate) = 0;
  virtual Task<> leave_manager(Uuid candidate) = 0;
};

}  // namespace sluice::rdma

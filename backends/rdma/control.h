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
  bool alive = false;          ///< Its node said so a few seconds ago.
  bool draining = false;       ///< Gets nothing new, and what it has goes elsewhere.
  std::uint64_t scrubbed = 0;  ///< The last request to check all it has that it has answered.
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

/// A copy that has bytes which fail their checksums, or is not there.
struct Damage {
  ExtentNumber extent{};
  Uuid disk;
  friend auto operator<=>(const Damage&, const Damage&) = default;
};

/// A request to balance the disks, and how far it is.
struct Balancing {
  std::uint64_t number = 0;  ///< Of the request: higher than that of any before.
  std::uint64_t moved = 0;   ///< Copies so far.
  std::uint64_t left = 0;    ///< At least so many more.
  friend bool operator==(const Balancing&, const Balancing&) = default;
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

  /// What nodes found damaged, until it is forgotten. Reporting again is reporting once.
  virtual Task<> report_damage(Damage damage) = 0;
  virtual Task<std::vector<Damage>> damage() = 0;
  virtual Task<> forget_damage(Damage damage) = 0;

  /// Asks all disks to check all they have; the number of the request, higher than any before.
  virtual Task<std::uint64_t> ask_scrub() = 0;
  /// The number of the last request; 0: there was none.
  virtual Task<std::uint64_t> scrub_asked() = 0;
  /// The disk has checked all it had when it heard of the request.
  virtual Task<> scrubbed(Uuid incarnation, std::uint64_t number) = 0;

  /// Asks the manager to balance the disks; the number of the request. Asking again begins anew.
  virtual Task<std::uint64_t> ask_balance() = 0;
  /// What is asked, until it is ended; nothing: nothing is.
  virtual Task<std::optional<Balancing>> balancing() = 0;
  /// How far the request of that number is, and its end, be it reached or given up. Both do nothing if another
  /// was made since, or it was ended.
  virtual Task<> note_balance(Balancing progress) = 0;
  virtual Task<> end_balance(std::uint64_t number) = 0;

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

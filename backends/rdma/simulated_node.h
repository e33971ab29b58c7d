#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/rdma/disk_table.h"
#include "backends/rdma/replica.h"
#include "backends/rdma/simulation.h"

namespace sluice::rdma {

struct Answer {
  bool refused = false;
  std::uint64_t value = 0;
  std::vector<Run> runs;
};
using NodeReply = std::function<void(Answer)>;

inline Answer refusal() { return {.refused = true, .value = 0, .runs = {}}; }
inline Answer answer_of(std::uint64_t value) { return {.refused = false, .value = value, .runs = {}}; }

enum class Rot : std::uint8_t { none, data, header };
/// Of what is sent: who has it already may say so, and nobody else can take it.
constexpr Rot kNoBytes = Rot::header;

struct Stored {
  ExtentNumber extent{};
  Run run;
  Rot rot = Rot::none;
};

/// What survives a crash.
struct StoredDisk {
  Uuid incarnation;
  std::vector<Record> log;
  std::map<std::uint32_t, std::map<Pages, Stored>> slabs;

  DiskTable table() const;
};

/// Rules of a node; all true is the protocol.
struct NodeRules {
  bool a_seal_needs_all = true;
  bool only_its_own_runs_count = true;
};

/// A node and its disk as ExtentNode and Disk are, for the simulator of copies: what it changes is applied at once
/// and durable later, and what waits for that is lost in a crash.
struct SimulatedNode {
  explicit SimulatedNode(const NodeRules& rules) : rules_(&rules) {}

  // What ExtentNode answers.
  void append(ExtentNumber extent, Epoch epoch, Stored stored, const NodeReply& reply);
  void fence(ExtentNumber extent, Epoch epoch, const NodeReply& reply);
  void seal_at(ExtentNumber extent, Epoch epoch, Pages pages, const NodeReply& reply);
  void release(ExtentNumber extent, Pages page, const NodeReply& reply);
  void answer_list(ExtentNumber extent, const NodeReply& reply);
  /// The run and whether its bytes are right; null: it is not there.
  const Stored* read(ExtentNumber extent, const Run& run) const;

  // What Disk knows and does.
  Answer list(ExtentNumber extent);
  Replica& replica(ExtentNumber extent);
  /// The run at the page, unless its header is damaged.
  const Stored* stored_at(std::uint32_t slab, ExtentNumber extent, Pages page) const;
  bool holds(ExtentNumber extent) const;
  bool is_appended_to(ExtentNumber extent);
  /// From the beginning on, up to the first that is damaged.
  std::vector<Run> whole_runs(ExtentNumber extent);
  bool is_short(ExtentNumber extent, Pages pages);
  void seal(ExtentNumber extent, Pages pages, std::function<void()> done);
  /// Not sealed, and with what was released of these runs alone.
  void place_again(ExtentNumber extent, const std::set<Pages>& runs);
  void drop_sealed(ExtentNumber extent, std::function<void()> done);

  /// Applied at once; `done` once it is durable.
  void change(Record record, std::function<void()> done);
  /// As if it had been done long ago.
  void put_down(const Record& change);
  /// Something that waits for the disk goes on.
  void work(Chance& chance);
  /// Only what is on the disk is left.
  void crash();

  StoredDisk disk;
  bool lost_some = false;  ///< Its disk forgot something: what it said may not be true any more.
  bool up = true;
  bool draining = false;
  DiskTable table = StoredDisk().table();
  std::vector<Record> changes;  ///< Its log: durable, and on its way.
  std::map<ExtentNumber, Replica> replicas;
  std::set<ExtentNumber> condemned;
  std::string violation;

 private:
  /// Done once the log is durable up to `after`.
  struct Io {
    std::size_t after = 0;
    std::function<void()> done;
  };

  static void write(std::map<Pages, Stored>& slab, const Stored& stored);
  void note(Record record, std::function<void()> done);
  void log_fence(ExtentNumber extent, Epoch epoch);

  const NodeRules* rules_;
  std::vector<Io> io_;
};

}  // namespace sluice::rdma

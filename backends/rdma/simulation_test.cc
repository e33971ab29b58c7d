// The rules of append, fence and seal, as the program has them (Replica, AppendWindow,
// Sealing), under seeded schedules of everything that can go wrong. Each mutant breaks
// one rule, and the checks must notice.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backends/rdma/append_window.h"
#include "backends/rdma/replica.h"
#include "backends/rdma/seal.h"
#include "backends/rdma/simulation.h"

namespace sluice::rdma {
namespace {

/// All true is the protocol.
struct Rules {
  bool fences_are_checked = true;
  bool all_members_acknowledge = true;
  bool smallest_length_counts = true;
  bool durable_before_answer = true;
  bool fences_are_persisted = true;
  bool records_are_compared = true;
  bool incarnations_are_checked = true;
  bool fences_wait_for_writes = true;
  bool appends_are_in_order = true;
  bool unknown_extents_are_fenced = true;
  bool unacknowledged_is_appended_again = true;
  bool scans_are_uncertain = true;
  bool the_longest_scan_counts = true;
  bool a_scan_needs_another = true;
  bool the_short_keep_what_they_have = true;
  bool a_lone_copy_is_appended_again = true;
};

constexpr std::size_t kMembers = 3, kCopiesMin = 2, kRecoverers = 2, kRunsMax = 24;

Uuid name_of(std::size_t node, std::uint8_t formatted = 0) {
  Uuid made;
  made.bytes[0] = static_cast<std::uint8_t>(node + 1);
  made.bytes[1] = formatted;
  return made;
}

/// What survives a crash.
struct StoredDisk {
  Uuid incarnation;
  Epoch fence{};
  std::map<Pages, Run> runs;
  std::set<Pages> rotten;  ///< What fails its checksums: a scan ends there.
};

struct Node {
  StoredDisk disk;
  bool up = true;
  std::optional<Replica> replica;              ///< What the process knows; gone in a crash.
  std::vector<std::function<void()>> io;       ///< Under way to the disk; gone in a crash.
  std::vector<std::function<bool()>> waiting;  ///< Fences; true once answered.
};

struct Recoverer {
  std::optional<ExtentRecord> read;
  std::optional<Sealing> sealing;
  std::optional<Pages> shortest;  ///< For the mutants, as what follows.
  bool any_certain = false;
  std::set<std::size_t> answered;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, Rules rules) : rules_(rules), chance_(seed * 7919 + 13), window_(kMembers, 1000) {
    for (std::size_t n = 0; n < kMembers; ++n) {
      nodes_[n].disk.incarnation = name_of(n);
      record_.members.push_back(name_of(n));
    }
    calm_ = chance(3);
    network_.faults_one_in(calm_ ? 400 : 25);
  }

  /// Runs one schedule; what was violated, or nothing.
  std::string run() {
    for (int step = 0; step < 300 && violation_.empty(); ++step) {
      disturb();
      move();
      check();
    }
    settle();
    return violation_;
  }

  std::size_t acknowledged() const { return acknowledged_.size(); }
  bool sealed() const { return record_.state == ExtentState::sealed; }

 private:
  // ---- chance

  std::size_t below(std::size_t limit) { return chance_.below(limit); }
  bool chance(std::size_t count) { return chance_.one_in(count); }

  void send(std::function<void()> message) { network_.send(std::move(message)); }

  bool reaches(std::size_t node) const { return nodes_[node].up && cut_off_ != node; }

  // ---- nodes

  Replica& replica_of(Node& node) {
    if (!node.replica) {
      std::vector<Run> whole;
      Pages next = 0;
      for (auto run = node.disk.runs.find(next); run != node.disk.runs.end(); run = node.disk.runs.find(next)) {
        if (node.disk.rotten.contains(run->first)) break;
        whole.push_back(run->second);
        next = end_of(run->second);
      }
      const bool is_known = node.disk.fence != Epoch{} || !node.disk.runs.empty();
      node.replica = is_known ? Replica(node.disk.fence, whole) : Replica();
    }
    return *node.replica;
  }

  bool accepts(const Node& node, const Uuid& incarnation) const {
    return node.disk.incarnation == incarnation || !rules_.incarnations_are_checked;
  }

  void on_append(std::size_t n, Epoch epoch, Run run) {
    Node& node = nodes_[n];
    if (!reaches(n) || !accepts(node, name_of(n))) return;
    Replica& replica = replica_of(node);
    if (!rules_.fences_are_checked) epoch = std::max(epoch, replica.fence());
    const auto verdict = replica.append(epoch, run);
    if (verdict == Replica::Verdict::durable) return answer_append(n, replica.durable());
    if (verdict == Replica::Verdict::out_of_order && !rules_.appends_are_in_order) {
      node.disk.runs[run.page] = run;
      return answer_append(n, end_of(run));
    }
    if (verdict != Replica::Verdict::write) return;
    if (!rules_.durable_before_answer) answer_append(n, end_of(run));
    node.io.push_back([this, n, run] {
      Node& at = nodes_[n];
      if (!quiet_ && chance(40)) return at.replica->dropped(run.page);
      at.disk.runs[run.page] = run;
      at.disk.rotten.erase(run.page);
      at.replica->written(run.page);
      answer_append(n, at.replica->durable());
    });
  }

  void answer_append(std::size_t n, Pages durable) {
    send([this, n, durable] { on_appended(n, durable); });
  }

  void on_fence(std::size_t recoverer, std::size_t n, Epoch epoch) {
    Node& node = nodes_[n];
    if (!reaches(n) || !accepts(node, name_of(n))) return;
    if (!rules_.unknown_extents_are_fenced && replica_of(node).runs().empty()) {
      return send([this, recoverer, n, epoch] { on_fenced(recoverer, n, epoch, 0, true); });
    }
    if (!replica_of(node).fence(epoch)) return;
    node.io.push_back([this, n, epoch] {
      if (rules_.fences_are_persisted) nodes_[n].disk.fence = std::max(nodes_[n].disk.fence, epoch);
      nodes_[n].replica->fence_persisted(epoch);
    });
    node.waiting.push_back([this, recoverer, n, epoch] {
      const Replica& replica = *nodes_[n].replica;
      if (replica.fence() > epoch) return true;
      if (rules_.fences_wait_for_writes && !replica.may_answer_fence(epoch)) return false;
      const bool certain = replica.is_certain() || !rules_.scans_are_uncertain;
      send([this, recoverer, n, epoch, durable = replica.durable(), certain] {
        on_fenced(recoverer, n, epoch, durable, certain);
      });
      return true;
    });
  }

  void on_sealed(std::size_t n, Pages pages) {
    Node& node = nodes_[n];
    if (!reaches(n) || !accepts(node, name_of(n))) return;
    std::erase_if(node.disk.runs, [&](const auto& run) { return end_of(run.second) > pages; });
    node.replica.reset();
    node.io.clear();
    node.waiting.clear();
  }

  void disk_works(Node& node) {
    if (!node.up) return;
    if (!node.io.empty()) {
      const std::size_t chosen = below(node.io.size());
      auto done = std::move(node.io[chosen]);
      node.io.erase(node.io.begin() + static_cast<std::ptrdiff_t>(chosen));
      done();
    }
    std::erase_if(node.waiting, [](const auto& answered) { return answered(); });
  }

  void crash(Node& node) {
    node.up = false;
    node.replica.reset();
    node.io.clear();
    node.waiting.clear();
  }

  void replace_disk(std::size_t n) {
    if (replaced_ || rotten_) return;
    replaced_ = n;
    nodes_[n].disk = {};
    nodes_[n].disk.incarnation = name_of(n, 1);
  }

  // One disk at most has a fault that is not a crash.
  void rot(std::size_t n) {
    if (replaced_ || rotten_.value_or(n) != n || nodes_[n].disk.runs.empty()) return;
    rotten_ = n;
    auto run = nodes_[n].disk.runs.begin();
    std::advance(run, below(nodes_[n].disk.runs.size()));
    nodes_[n].disk.rotten.insert(run->first);
  }

  // ---- the writer, who never learns that it has been fenced: a zombie at worst

  void writer_moves() {
    if (!writer_lives_) return;
    if (contents_.size() < kRunsMax && contents_.size() < acknowledged_.size() + window_size_) {
      Run run{0, static_cast<std::uint32_t>(1 + below(9000)), chance_.number()};
      const auto page = window_.reserve(pages_of(run));
      if (!page) return;
      run.page = *page;
      contents_[run.page] = run;
      return send_run(run);
    }
    const auto waits = contents_.lower_bound(acknowledged_end_);
    if (waits != contents_.end()) send_run(waits->second);
  }

  void send_run(const Run& run) {
    for (std::size_t n = 0; n < kMembers; ++n) {
      send([this, n, run] { on_append(n, Epoch{1}, run); });
    }
  }

  void on_appended(std::size_t n, Pages durable) {
    if (!writer_lives_) return;
    window_.durable(n, durable);
    member_ends_[n] = std::max(member_ends_[n], durable);
    if (rules_.all_members_acknowledge) return acknowledge(window_.acknowledged());
    auto ends = member_ends_;
    std::ranges::sort(ends);
    acknowledge(ends[1]);
  }

  void acknowledge(Pages end) {
    acknowledged_end_ = std::max(acknowledged_end_, end);
    for (const auto& [page, run] : contents_) {
      if (end_of(run) <= end) acknowledged_[page] = run;
    }
  }

  /// The writer reads that its extent is sealed: what lies below is acknowledged, unless on too few;
  /// all else it appends elsewhere.
  void writer_reads_record() {
    if (!writer_lives_ || record_.state != ExtentState::sealed) return;
    writer_lives_ = false;
    if (record_.members.size() < kCopiesMin && rules_.a_lone_copy_is_appended_again) return;
    acknowledge(rules_.unacknowledged_is_appended_again ? record_.pages : window_.next());
  }

  // ---- recoverers

  bool set_record(const ExtentRecord& before, const ExtentRecord& after) {
    if (rules_.records_are_compared && record_ != before) return false;
    record_ = after;
    return true;
  }

  void recoverer_begins(Recoverer& recoverer) {
    if (!recoverer.read) {
      recoverer.read = record_;
      return;
    }
    const ExtentRecord read = *std::exchange(recoverer.read, std::nullopt);
    if (read.state == ExtentState::sealed) return;
    const ExtentRecord begun = begin_seal(read);
    if (!set_record(read, begun)) return;
    recoverer = {};
    recoverer.sealing.emplace(begun);
  }

  void recoverer_moves(std::size_t index) {
    Recoverer& recoverer = recoverers_[index];
    if (!recoverer.sealing) return recoverer_begins(recoverer);
    for (std::size_t n = 0; n < kMembers; ++n) {
      send([this, index, n, epoch = recoverer.sealing->epoch()] { on_fence(index, n, epoch); });
    }
  }

  void on_fenced(std::size_t index, std::size_t n, Epoch epoch, Pages durable, bool certain) {
    Recoverer& recoverer = recoverers_[index];
    if (!recoverer.sealing) return;
    if (recoverer.sealing->epoch() != epoch) return;
    recoverer.sealing->fenced(n, durable, certain);
    recoverer.shortest = std::min(recoverer.shortest.value_or(durable), durable);
    recoverer.any_certain = recoverer.any_certain || certain;
    recoverer.answered.insert(n);
    longest_ = std::max(longest_, durable);
  }

  void recoverer_ends(Recoverer& recoverer) {
    if (!recoverer.sealing) return;
    Sealing sealing = *recoverer.sealing;
    for (std::size_t n = 0; n < kMembers && !rules_.a_scan_needs_another; ++n) {
      if (!recoverer.answered.contains(n)) sealing.gone(n);
    }
    if (!sealing.possible()) return;
    if (!recoverer.sealing->complete() && !chance(4)) return;
    recoverer.sealing.reset();
    ExtentRecord sealed = sealing.sealed();
    if (!rules_.the_short_keep_what_they_have) sealed.partial.clear();
    if (!rules_.smallest_length_counts) sealed.pages = longest_;
    if (!rules_.the_longest_scan_counts && !recoverer.any_certain) sealed.pages = *recoverer.shortest;
    if (!set_record(sealing.begun(), sealed)) return;
    for (std::size_t n = 0; n < kMembers; ++n) {
      if (std::ranges::count(sealed.members, name_of(n)) > 0) send([this, n, sealed] { on_sealed(n, sealed.pages); });
    }
  }

  // ---- what happens next

  void disturb() {
    if (!chance(calm_ ? 90 : 20)) return;
    const std::size_t n = below(kMembers);
    switch (below(5)) {
      case 0:
        if (nodes_[n].up) crash(nodes_[n]);
        if (chance(4)) replace_disk(n);
        if (chance(4)) rot(n);
        break;
      case 1:
        cut_off_ = chance(2) ? std::optional(n) : std::nullopt;
        break;
      case 2:
        if (chance(3)) writer_lives_ = false;
        break;
      case 3:
        recoverers_[below(kRecoverers)] = {};
        break;
      default:
        if (chance(6)) std::ranges::for_each(nodes_, [this](Node& node) { crash(node); });
        for (Node& node : nodes_) node.up = true;
    }
  }

  void move() {
    const std::size_t chosen = below(100);
    if (chosen < 45) return network_.deliver_one();
    if (chosen < 65) return disk_works(nodes_[below(kMembers)]);
    if (chosen < 85) return writer_moves();
    if (chosen < 87) return writer_reads_record();
    if (chosen < 94) {
      if (recovery_ || !writer_lives_ || chance(30)) {
        recovery_ = true;
        recoverer_moves(below(kRecoverers));
      }
      return;
    }
    recoverer_ends(recoverers_[below(kRecoverers)]);
  }

  /// Faults stop: the extent must come to its seal, and all that was acknowledged be there.
  void settle() {
    quiet_ = true;
    network_.faults_one_in(0);
    cut_off_.reset();
    for (Node& node : nodes_) node.up = true;
    for (int round = 0; round < 2000 && violation_.empty() && !(sealed() && network_.empty()); ++round) {
      for (Node& node : nodes_) {
        while (!node.io.empty()) disk_works(node);
        disk_works(node);
      }
      for (int n = 0; n < 10; ++n) network_.deliver_one();
      if (!sealed() && round % 8 == 0) recoverer_moves(0);
      if (!sealed() && round % 8 == 7) recoverer_ends(recoverers_[0]);
      // Shut out by a higher epoch, it starts again.
      if (round % 32 == 31) recoverers_[0] = {};
      check();
    }
    if (violation_.empty() && !sealed()) violation_ = "the extent is never sealed";
  }

  // ---- what must hold at every moment

  void check() {
    if (!violation_.empty()) return;
    if (record_.state == ExtentState::sealed) {
      check_sealed();
    } else {
      if (sealed_once_) violation_ = "a sealed extent is sealed no more";
      check_open();
    }
  }

  void check_sealed() {
    if (sealed_once_ && *sealed_once_ != record_) violation_ = "a sealed record changed";
    sealed_once_ = record_;
    for (const auto& [page, run] : acknowledged_) {
      if (end_of(run) > record_.pages) violation_ = "an acknowledged run is behind the sealed length";
    }
    if (record_.members.empty()) violation_ = "no member";
    for (const Uuid& member : record_.members) check_member(nodes_[member.bytes[0] - 1u]);
    for (const auto& [page, run] : acknowledged_) {
      if (!is_kept(page)) violation_ = "nobody has an acknowledged run";
    }
  }

  bool is_kept(Pages page) const {
    return std::ranges::any_of(nodes_, [&](const Node& node) {
      return counts_on(&record_, node.disk.incarnation) && node.disk.runs.contains(page) &&
             !node.disk.rotten.contains(page);
    });
  }

  void check_member(const Node& node) {
    const bool is_replaced = replaced_ && &nodes_[*replaced_] == &node;
    if (is_replaced && rules_.incarnations_are_checked) return;
    for (const auto& [page, run] : contents_) {
      if (end_of(run) > record_.pages) break;
      const auto stored = node.disk.runs.find(page);
      if (stored == node.disk.runs.end()) {
        violation_ = "a member lacks a run below the sealed length";
      } else if (stored->second != run) {
        violation_ = "a member has other bytes";
      }
    }
  }

  void check_open() {
    for (const auto& [page, run] : acknowledged_) {
      std::size_t copies = 0;
      for (const Node& node : nodes_) copies += node.disk.runs.contains(page) ? 1 : 0;
      if (copies + (replaced_ ? 1 : 0) < kMembers) violation_ = "an acknowledged run is not durable everywhere";
    }
  }

  Rules rules_;
  Chance chance_;
  SimulatedNetwork network_{chance_};
  bool calm_ = false;
  bool quiet_ = false;
  std::array<Node, kMembers> nodes_;
  std::optional<std::size_t> cut_off_;
  std::optional<std::size_t> replaced_, rotten_;

  AppendWindow window_;
  std::size_t window_size_ = 1 + below(5);
  bool writer_lives_ = true;
  std::map<Pages, Run> contents_;      ///< All that was ever sent.
  std::map<Pages, Run> acknowledged_;  ///< What the user was told is stored.
  Pages acknowledged_end_ = 0;
  std::array<Pages, kMembers> member_ends_{};

  ExtentRecord record_;  ///< In the control store.
  std::optional<ExtentRecord> sealed_once_;
  std::array<Recoverer, kRecoverers> recoverers_;
  bool recovery_ = false;
  Pages longest_ = 0;
  std::string violation_;
};

/// The first violation within `count` schedules, or nothing.
std::string first_violation(Rules rules, std::uint64_t count) {
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    const auto violation = Simulation(seed, rules).run();
    if (!violation.empty()) return violation + ", seed " + std::to_string(seed);
  }
  return "";
}

}  // namespace

TEST_CASE("no schedule of faults loses an acknowledged run or changes a sealed length") {
  std::uint64_t acknowledged = 0, sealed = 0;
  std::string violation;
  const auto count = schedules(4000);
  for (std::uint64_t seed = 0; seed < count && violation.empty(); ++seed) {
    Simulation simulation(seed, {});
    violation = simulation.run();
    if (!violation.empty()) violation += ", seed " + std::to_string(seed);
    acknowledged += simulation.acknowledged();
    sealed += simulation.sealed() ? 1 : 0;
  }
  CHECK(violation == "");
  // A schedule that acknowledges nothing shows nothing.
  CHECK(acknowledged > count);
  CHECK(sealed == count);
}

TEST_CASE("the simulator notices when a rule is broken") {
  const auto noticed = [](bool Rules::* rule) {
    Rules rules;
    rules.*rule = false;
    return first_violation(rules, 20'000) != "";
  };
  CHECK(noticed(&Rules::fences_are_checked));
  CHECK(noticed(&Rules::all_members_acknowledge));
  CHECK(noticed(&Rules::smallest_length_counts));
  CHECK(noticed(&Rules::durable_before_answer));
  CHECK(noticed(&Rules::fences_are_persisted));
  CHECK(noticed(&Rules::records_are_compared));
  CHECK(noticed(&Rules::incarnations_are_checked));
  CHECK(noticed(&Rules::fences_wait_for_writes));
  CHECK(noticed(&Rules::appends_are_in_order));
  CHECK(noticed(&Rules::unknown_extents_are_fenced));
  CHECK(noticed(&Rules::unacknowledged_is_appended_again));
  CHECK(noticed(&Rules::scans_are_uncertain));
  CHECK(noticed(&Rules::the_longest_scan_counts));
  CHECK(noticed(&Rules::a_scan_needs_another));
  CHECK(noticed(&Rules::the_short_keep_what_they_have));
  CHECK(noticed(&Rules::a_lone_copy_is_appended_again));
}

}  // namespace sluice::rdma

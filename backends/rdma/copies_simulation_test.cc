// The life of sealed extents: copies, drained and replaced disks, damage, releases, orphans and
// collection, by the program's own rules (DiskTable, Replica, Mending, counts_on, may_append),
// under seeded schedules of everything that can go wrong. The plays of the actors say what
// Repair, Cluster, Orphans and Scrub say. Each mutant breaks one rule, and is noticed.
#include <algorithm>
#include <catch2/catch.hpp>
#include <coroutine>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "backends/rdma/control.h"
#include "backends/rdma/disk_table.h"
#include "backends/rdma/mending.h"
#include "backends/rdma/replica.h"

namespace sluice::rdma {
namespace {

/// All true is the protocol.
struct Rules {
  bool records_are_compared = true;
  bool copies_have_an_epoch = true;
  bool the_filled_are_named_before = true;
  bool the_doomed_are_condemned = true;
  bool sources_are_complete = true;
  bool bytes_are_checked = true;
  bool a_seal_needs_all = true;
  bool bad_members_stay = true;
  bool reports_are_taken_back = true;
  bool the_damaged_begin_anew = true;
  bool who_begins_anew_says_so = true;
  bool only_its_own_runs_count = true;
  bool gaps_are_filled = true;
  bool damage_is_reported = true;
};

constexpr std::size_t kNodesMax = 5, kExtentsMax = 2, kCopies = 3, kRuns = 5;
constexpr std::uint32_t kSlabs = 3;
constexpr Pages kFillerMax = 3;

// ---- plays: coroutines that a scheduler continues

template <class T>
class [[nodiscard]] Play {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> caller = std::noop_coroutine();

    Play get_return_object() { return Play(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Return {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
          return ended.promise().caller;
        }
        void await_resume() noexcept {}
      };
      return Return{};
    }
    void return_value(T returned) { value = std::move(returned); }
    void unhandled_exception() { std::terminate(); }
  };

  explicit Play(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Play(Play&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Play& operator=(Play&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Play(const Play&) = delete;
  Play& operator=(const Play&) = delete;
  ~Play() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    handle_.promise().caller = caller;
    return handle_;
  }
  T await_resume() { return *std::move(handle_.promise().value); }

  void begin() const { handle_.resume(); }
  bool ended() const { return handle_.done(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

struct Answer {
  bool refused = false;
  std::uint64_t value = 0;
  std::vector<Run> runs;
};

Answer refusal() { return {.refused = true, .value = 0, .runs = {}}; }
Answer answer_of(std::uint64_t value) { return {.refused = false, .value = value, .runs = {}}; }

/// A request that waits, or just a moment at which others may act.
struct Call {
  bool over = false;
  std::optional<Answer> answer;  ///< None: it is not known whether it was done.
};

struct Actor {
  std::optional<Play<bool>> play;
  std::shared_ptr<Call> waits;
  std::coroutine_handle<> at;
};

// ---- nodes

Uuid name_of(std::size_t node, std::uint8_t formatted) {
  Uuid made;
  made.bytes[0] = static_cast<std::uint8_t>(node + 1);
  made.bytes[1] = formatted;
  return made;
}

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
};

/// Done once the log is durable up to `after`.
struct Io {
  std::size_t after = 0;
  std::function<void()> done;
};

struct Node {
  StoredDisk disk;
  bool lost_some = false;  ///< Its disk forgot something: what it said may not be true any more.
  bool up = true;
  bool draining = false;
  DiskTable table{kSlabs};
  std::vector<Record> log;  ///< Durable and on its way.
  std::map<ExtentNumber, Replica> replicas;
  std::set<ExtentNumber> condemned;
  std::vector<Io> io;
};

DiskTable replayed(const std::vector<Record>& log) {
  DiskTable table(kSlabs);
  for (const Record& record : log) table.apply(record);
  return table;
}

/// What a disk that is no member may have of an extent.
enum class Rest : std::uint8_t { short_of_it, rotten, left_out, dropped };

/// A world of one extent and three disks, in which little happens: for what is rare elsewhere.
struct Small {
  std::size_t members = 2;
  Rest rest{};            ///< Of the other disks.
  bool one_rots = false;  ///< The last disk does, at any time.
  std::size_t managers = 1;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, Rules rules, std::optional<Small> small = {})
      : rules_(rules), random_(seed * 104'729 + 7), small_(small) {
    // Where there is no disk to spare, things go another way.
    nodes_.resize(small ? kCopies : kCopies + below(kNodesMax - kCopies + 1));
    for (std::size_t n = 0; n < nodes_.size(); ++n) nodes_[n].disk.incarnation = name_of(n, 0);
    extents_ = small ? 1 : 1 + below(kExtentsMax);
    if (small && small->rest == Rest::rotten) nodes_wait_ = below(400);
    theme_ = Theme(below(3));
    for (std::uint64_t number = 1; number <= extents_; ++number) make_extent(ExtentNumber{number});
    actors_.resize(4 + nodes_.size());
  }

  /// Runs one schedule; what was violated, or nothing.
  std::string run() {
    const int steps = !small_ && theme_ == Theme::all ? 700 : 2000;
    for (int step = 0; step < steps && violation_.empty(); ++step) {
      if (small_ && small_->one_rots && chance(300)) rot(nodes_.size() - 1);
      if (!small_ && chance(theme_ == Theme::all ? 25 : 10)) disturb();
      move();
      check();
    }
    settle();
    return violation_;
  }

  std::uint64_t copies() const { return copies_; }

 private:
  using NodeReply = std::function<void(Answer)>;

  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }

  // ---- how it begins: sealed extents on one to three disks, with runs that are live

  void make_extent(ExtentNumber extent) {
    ExtentRecord record{.state = ExtentState::sealed, .epoch = Epoch{2}, .writer = {}, .members = {}};
    std::vector<Run> runs;
    for (std::size_t n = 0; n < kRuns; ++n) {
      runs.push_back(
          {record.pages, static_cast<std::uint32_t>(1 + below(9000)), static_cast<std::uint32_t>(random_())});
      live_[extent].insert(record.pages);
      contents_[extent][record.pages] = runs.back();
      record.pages = end_of(runs.back());
    }
    const std::size_t first = small_ ? 0 : below(nodes_.size());
    const std::size_t whole = small_ ? small_->members : chance(2) ? kCopies : 1 + below(kCopies);
    for (std::size_t copy = 0; copy < kCopies; ++copy) {
      Node& node = nodes_[(first + copy) % nodes_.size()];
      if (copy < whole) {
        record.members.push_back(node.disk.incarnation);
        store(node, extent, runs, record.pages);
      } else if (store_some(node, extent, runs, record.pages)) {
        record.partial.push_back(node.disk.incarnation);
      }
    }
    records_[extent] = {record, ++revision_};
  }

  /// Whether the record names the disk.
  bool store_some(Node& node, ExtentNumber extent, std::vector<Run> runs, Pages pages) {
    const auto rest = small_ ? small_->rest : Rest(below(4));
    if (rest == Rest::short_of_it) {
      runs.resize(below(runs.size() + 1));
      store(node, extent, runs, std::nullopt);
      return true;
    }
    store(node, extent, runs, pages);
    if (rest == Rest::rotten) {
      const Pages page = runs[below(runs.size())].page;
      node.disk.slabs[*node.table.find(extent)->slab].at(page).rot = chance(3) ? Rot::header : Rot::data;
    }
    if (rest == Rest::dropped) put_down(node, {Record::Kind::drop, extent, 0, 0});
    return rest == Rest::rotten;
  }

  static void store(Node& node, ExtentNumber extent, const std::vector<Run>& runs, std::optional<Pages> sealed) {
    const std::uint32_t slab = *node.table.free_slab();
    for (const Run& run : runs) node.disk.slabs[slab][run.page] = {extent, run, Rot::none};
    put_down(node, {Record::Kind::place, extent, slab, 0});
    put_down(node, {Record::Kind::fence, extent, 2, 0});
    if (sealed) put_down(node, {Record::Kind::seal, extent, *sealed, kRuns});
  }

  static void put_down(Node& node, const Record& change) {
    node.table.apply(change);
    node.log.push_back(change);
    node.disk.log = node.log;
  }

  // ---- the network and the scheduler

  void send(std::function<void()> message) {
    const std::size_t fate = quiet_ ? 2 : below(40);
    if (fate == 0) return;
    if (fate == 1) network_.push_back(message);
    network_.push_back(std::move(message));
  }

  void deliver_one() {
    if (network_.empty()) return;
    const std::size_t chosen = below(network_.size());
    auto message = std::move(network_[chosen]);
    network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(chosen));
    message();
  }

  struct Wait {
    Simulation& simulation;
    std::shared_ptr<Call> call;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      simulation.acting_->at = handle;
      simulation.acting_->waits = call;
    }
    std::optional<Answer> await_resume() { return std::move(call->answer); }
  };

  /// Others act meanwhile.
  Wait moment() {
    auto call = std::make_shared<Call>();
    call->over = true;
    return {*this, std::move(call)};
  }

  /// It stands still, perhaps for long.
  Play<bool> pause() {
    for (std::size_t moments = quiet_ || chance(2) ? 1 : below(60); moments > 0; --moments) co_await moment();
    co_return true;
  }

  /// Asks the node that has the disk, if it can be reached when the request arrives.
  Wait ask(const Uuid& disk, ExtentNumber extent, std::function<void(Node&, const NodeReply&)> work) {
    auto call = std::make_shared<Call>();
    send([this, disk, extent, call, work = std::move(work)] {
      const std::size_t n = disk.bytes[0] - 1u;
      Node& node = nodes_[n];
      if (!node.up || cut_off_ == n || node.disk.incarnation != disk) return;
      const NodeReply reply = [this, call](Answer answer) {
        send([call, answer = std::move(answer)] {
          if (!call->over) call->answer = answer;
          call->over = true;
        });
      };
      if (node.condemned.contains(extent)) return reply(refusal());
      work(node, reply);
    });
    return {*this, std::move(call)};
  }

  void act(Actor& actor) {
    acting_ = &actor;
    if (!actor.play || actor.play->ended()) {
      actor.play.emplace(next_play(actor));
      actor.play->begin();
    } else if (actor.waits->over || chance(quiet_ ? 60 : 15)) {
      actor.waits->over = true;
      actor.at.resume();
    }
  }

  Play<bool> next_play(const Actor& actor) {
    const auto index = static_cast<std::size_t>(&actor - actors_.data());
    const ExtentNumber extent{1 + below(extents_)};
    if (index < 2) return mend(extent);
    if (index == 2) return release(extent);
    if (index == 3) return collect(extent);
    return look_at_disk(index - 4, extent);
  }

  // ---- the control store

  std::optional<VersionedRecord> find(ExtentNumber extent) const {
    const auto found = records_.find(extent);
    return found == records_.end() ? std::nullopt : std::optional(found->second);
  }

  bool is_at(ExtentNumber extent, std::uint64_t revision) const {
    if (!records_.contains(extent)) return false;
    return !rules_.records_are_compared || records_.at(extent).revision == revision;
  }

  /// The new revision; 0: it was not set.
  std::uint64_t set(ExtentNumber extent, std::uint64_t revision, const ExtentRecord& record) {
    if (!is_at(extent, revision)) return 0;
    if (record.epoch < records_.at(extent).record.epoch) violation_ = "an epoch goes back";
    records_[extent] = {record, ++revision_};
    return revision_;
  }

  void erase(ExtentNumber extent, std::uint64_t revision) {
    if (is_at(extent, revision)) records_.erase(extent);
  }

  // ---- a node: what ExtentNode and Disk do

  /// Applied at once; `done` once it is durable.
  void change(Node& node, Record record, std::function<void()> done) {
    node.table.apply(record);
    log(node, record, std::move(done));
  }
  void log(Node& node, Record record, std::function<void()> done) {
    node.log.push_back(record);
    node.io.push_back({node.log.size(), std::move(done)});
  }

  Replica& replica(Node& node, ExtentNumber extent) {
    const auto known = node.replicas.find(extent);
    if (known != node.replicas.end()) return known->second;
    const ExtentEntry* entry = node.table.find(extent);
    std::vector<Run> runs;
    for (Pages next = 0; entry != nullptr && entry->slab && !entry->sealed;) {
      const Stored* stored = stored_at(node.disk, *entry->slab, extent, next);
      if (stored == nullptr || (stored->rot != Rot::none && !entry->released.contains(next))) break;
      runs.push_back(stored->run);
      next = end_of(stored->run);
    }
    return node.replicas.emplace(extent, Replica(entry == nullptr ? Epoch{} : entry->fence, runs)).first->second;
  }

  static const Stored* stored_at(const StoredDisk& disk, std::uint32_t slab, ExtentNumber extent, Pages page) {
    const auto runs = disk.slabs.find(slab);
    if (runs == disk.slabs.end()) return nullptr;
    const auto found = runs->second.find(page);
    const bool right =
        found != runs->second.end() && found->second.extent == extent && found->second.rot != Rot::header;
    return right ? &found->second : nullptr;
  }

  void on_append(Node& node, ExtentNumber extent, Epoch epoch, Stored stored, const NodeReply& reply) {
    if (may_append(node.table.find(extent), epoch) != Refusal::none) return reply(refusal());
    Replica& at = replica(node, extent);
    const auto verdict = at.append(epoch, stored.run);
    if (verdict == Replica::Verdict::durable) return reply(answer_of(at.durable()));
    if (verdict != Replica::Verdict::write) return reply(refusal());
    const ExtentEntry* entry = node.table.find(extent);
    const bool is_placed = entry != nullptr && entry->slab;
    const Stored* there = is_placed ? stored_at(node.disk, *entry->slab, extent, stored.run.page) : nullptr;
    const bool has = there != nullptr && there->run == stored.run && there->rot == Rot::none;
    const auto slab = is_placed ? entry->slab : node.table.free_slab();
    if (!slab || (!has && stored.rot == kNoBytes)) {
      at.dropped(stored.run.page);
      return reply(refusal());
    }
    if (!is_placed) change(node, {Record::Kind::place, extent, *slab, 0}, [] {});
    node.io.push_back({node.log.size(), [this, &node, extent, stored, reply, has, slab = *slab] {
                         if (!has) write(node.disk.slabs[slab], stored);
                         if (!has && stored.rot != Rot::none) violation_ = "damage is copied";
                         Replica& written = replica(node, extent);
                         written.written(stored.run.page);
                         reply(answer_of(written.durable()));
                       }});
  }

  static void write(std::map<Pages, Stored>& slab, const Stored& stored) {
    std::erase_if(slab, [&](const auto& other) {
      return other.first < end_of(stored.run) && stored.run.page < end_of(other.second.run);
    });
    slab[stored.run.page] = stored;
  }

  void on_fence(Node& node, ExtentNumber extent, Epoch epoch, const NodeReply& reply) {
    const ExtentEntry* entry = node.table.find(extent);
    if (entry != nullptr && entry->sealed) return reply(answer_of(entry->sealed->pages));
    Replica& at = replica(node, extent);
    if (!at.fence(epoch)) return reply(refusal());
    change(node, {Record::Kind::fence, extent, static_cast<std::uint64_t>(epoch), 0},
           [this, &node, extent, epoch, reply] {
             const ExtentEntry* now = node.table.find(extent);
             if (now->sealed) return reply(answer_of(now->sealed->pages));
             Replica& fenced = replica(node, extent);
             fenced.fence_persisted(epoch);
             reply(fenced.may_answer_fence(epoch) ? answer_of(fenced.durable()) : refusal());
           });
  }

  void on_seal(Node& node, ExtentNumber extent, Epoch epoch, Pages pages, const NodeReply& reply) {
    const ExtentEntry* entry = node.table.find(extent);
    if (entry != nullptr && entry->sealed) return reply(entry->sealed->pages < pages ? refusal() : Answer());
    Replica& at = replica(node, extent);
    if (!at.fence(epoch)) return reply(refusal());
    log_fence(node, extent, epoch);
    at.fence_persisted(epoch);
    if (!at.may_answer_fence(epoch)) return reply(refusal());
    if (at.durable() < pages && rules_.a_seal_needs_all) return reply(refusal());
    seal(node, extent, pages, [reply] { reply({}); });
  }

  void log_fence(Node& node, ExtentNumber extent, Epoch epoch) {
    change(node, {Record::Kind::fence, extent, static_cast<std::uint64_t>(epoch), 0}, [] {});
  }

  void seal(Node& node, ExtentNumber extent, Pages pages, std::function<void()> done) {
    std::set<Pages> runs;
    for (const auto& [page, state] : replica(node, extent).runs()) {
      if (end_of(state.run) <= pages) runs.insert(page);
    }
    node.replicas.erase(extent);
    place_again(node, extent, runs);
    const Record sealed{Record::Kind::seal, extent, pages, static_cast<std::uint32_t>(runs.size())};
    change(node, sealed, [this, &node, extent, done] {
      if (!node.table.find(extent)->is_empty()) return done();
      drop_sealed(node, extent, done);
    });
  }

  /// With what was released of these runs alone.
  void place_again(Node& node, ExtentNumber extent, const std::set<Pages>& runs) {
    const ExtentEntry* entry = node.table.find(extent);
    if (entry == nullptr || !entry->slab || !rules_.only_its_own_runs_count) return;
    const auto released = entry->released;
    change(node, {Record::Kind::place, extent, *entry->slab, 0}, [] {});
    for (const Pages page : released) {
      if (runs.contains(page)) change(node, {Record::Kind::release, extent, page, 0}, [] {});
    }
  }

  void drop_sealed(Node& node, ExtentNumber extent, std::function<void()> done) {
    const Record drop{Record::Kind::drop, extent, 0, 0};
    log(node, drop, [&node, drop, done = std::move(done)] {
      node.table.apply(drop);
      done();
    });
  }

  void on_release(Node& node, ExtentNumber extent, Pages page, const NodeReply& reply) {
    const ExtentEntry* entry = node.table.find(extent);
    const auto answer = [&node, extent, reply] {
      const ExtentEntry* now = node.table.find(extent);
      reply(answer_of(now != nullptr && now->sealed && !now->slab ? 0 : 1));
    };
    if (entry == nullptr || !entry->slab || entry->released.contains(page)) return answer();
    if (stored_at(node.disk, *entry->slab, extent, page) == nullptr) return reply(refusal());
    change(node, {Record::Kind::release, extent, page, 0}, [this, &node, extent, answer] {
      const ExtentEntry& now = *node.table.find(extent);
      if (!now.slab || !now.is_empty()) return answer();
      drop_sealed(node, extent, answer);
    });
  }

  Answer list(Node& node, ExtentNumber extent) {
    const ExtentEntry* entry = node.table.find(extent);
    if (entry != nullptr && entry->sealed && !entry->slab) return {};
    if (entry == nullptr || !entry->slab) return refusal();
    Answer answer;
    if (!entry->sealed) {
      const Replica& at = replica(node, extent);
      for (const auto& [page, state] : at.runs()) {
        if (end_of(state.run) <= at.durable() && !entry->released.contains(page)) answer.runs.push_back(state.run);
      }
      return answer;
    }
    for (Pages page = 0; page < entry->sealed->pages;) {
      const Stored* stored = stored_at(node.disk, *entry->slab, extent, page);
      if (stored == nullptr) return refusal();
      if (!entry->released.contains(page)) answer.runs.push_back(stored->run);
      page = end_of(stored->run);
    }
    return answer;
  }

  void on_list(Node& node, ExtentNumber extent, const NodeReply& reply) {
    const ExtentEntry* entry = node.table.find(extent);
    Answer answer = list(node, extent);
    const bool knows = entry != nullptr && entry->sealed;
    reply(answer.runs.empty() && !knows ? refusal() : std::move(answer));
  }

  /// The run and whether its bytes are right; null: it is not there.
  static const Stored* read(const Node& node, ExtentNumber extent, const Run& run) {
    const ExtentEntry* entry = node.table.find(extent);
    if (entry == nullptr || !entry->slab || entry->released.contains(run.page)) return nullptr;
    const Stored* stored = stored_at(node.disk, *entry->slab, extent, run.page);
    return stored != nullptr && stored->run == run ? stored : nullptr;
  }

  void disk_works(Node& node) {
    if (!node.up) return;
    if (node.disk.log.size() < node.log.size() && chance(2)) {
      node.disk.log.push_back(node.log[node.disk.log.size()]);
      return;
    }
    std::vector<std::size_t> possible;
    for (std::size_t n = 0; n < node.io.size(); ++n) {
      if (node.io[n].after <= node.disk.log.size()) possible.push_back(n);
    }
    if (possible.empty()) return;
    const auto chosen = node.io.begin() + static_cast<std::ptrdiff_t>(possible[below(possible.size())]);
    const auto done = std::move(chosen->done);
    node.io.erase(chosen);
    done();
  }

  void crash(std::size_t n) {
    Node& node = nodes_[n];
    node.up = false;
    node.io.clear();
    node.replicas.clear();
    node.condemned.clear();
    node.log = node.disk.log;
    node.table = replayed(node.log);
    actors_[4 + n].play.reset();
  }

  // ---- the manager: Repair

  bool is_there(const Uuid& disk) const {
    const std::size_t n = disk.bytes[0] - 1u;
    return nodes_[n].up && cut_off_ != n && nodes_[n].disk.incarnation == disk;
  }

  std::vector<MemberState> members_of(ExtentNumber extent, const ExtentRecord& record, const std::set<Damage>& damage) {
    std::vector<MemberState> members;
    for (const Uuid& disk : record.members) {
      const bool there = is_there(disk);
      const bool damaged = damage.contains({extent, disk});
      const bool lost = !there && (quiet_ || chance(2));
      members.push_back({disk, there, !damaged && !lost && !nodes_[disk.bytes[0] - 1u].draining, damaged});
    }
    return members;
  }

  std::vector<Uuid> targets(ExtentNumber extent, const ExtentRecord& record, std::size_t count,
                            const std::set<Damage>& damage) {
    std::vector<Uuid> chosen;
    std::size_t n = below(nodes_.size());
    for (std::size_t tried = 0; tried < nodes_.size() && chosen.size() < count; ++tried, n = (n + 1) % nodes_.size()) {
      const Uuid& disk = nodes_[n].disk.incarnation;
      const bool has_room = nodes_[n].table.free_slabs() > 0 || std::ranges::count(record.partial, disk) > 0;
      const bool usable = is_there(disk) && !nodes_[n].draining && has_room && !damage.contains({extent, disk});
      if (usable && std::ranges::count(record.members, disk) == 0) chosen.push_back(disk);
    }
    return chosen;
  }

  Play<bool> mend(ExtentNumber extent) {
    const std::set<Damage> damage = damage_;
    co_await moment();
    const auto found = find(extent);
    if (!found) co_return false;
    const ExtentRecord record = found->record;
    Mending mending(record, members_of(extent, record, damage), kCopies);
    std::uint64_t revision = found->revision;
    ExtentRecord begun = record;
    const auto chosen = targets(extent, record, mending.missing(), damage);
    if (!chosen.empty()) {
      begun = mending.begun(rules_.the_filled_are_named_before ? chosen : std::vector<Uuid>{});
      if (!rules_.copies_have_an_epoch) begun.epoch = record.epoch;
      co_await pause();
      revision = set(extent, revision, begun);
      if (revision == 0) co_return false;
      const auto found_at = co_await sources(extent, begun, damage);
      if (found_at.nothing_left(2)) erase(extent, revision);
      if (!found_at.has_all()) co_return false;
      for (const Uuid& target : chosen) {
        if (co_await copy(extent, begun, runs_of_any(found_at.lists()), target)) mending.filled(target);
      }
    }
    ExtentRecord mended = mended_by(mending, members_of(extent, record, damage));
    if (!rules_.copies_have_an_epoch) mended.epoch = record.epoch;
    if (mended == begun) co_return mending.whole();
    co_await pause();
    if (set(extent, revision, mended) == 0) co_return false;
    for (const Uuid& disk : mended.members) {
      if (std::ranges::count(record.members, disk) == 0) look_at_copy(extent, mended, disk);
    }
    co_return mending.whole();
  }

  /// What became a member has all, but for what happened to its disk since it said so.
  void look_at_copy(ExtentNumber extent, const ExtentRecord& record, const Uuid& disk) {
    ++copies_;
    Node& node = nodes_[disk.bytes[0] - 1u];
    if (node.lost_some || node.disk.incarnation != disk || live_[extent].empty()) return;
    if (is_short(node, extent, record.pages)) violation_ = "a member has less than all";
    const auto slab = node.table.find(extent)->slab;
    for (const Pages page : live_[extent]) {
      const auto& stored = node.disk.slabs[slab.value_or(0)];
      const auto run = stored.find(page);
      const bool there = run != stored.end() && run->second.run == contents_[extent][page];
      if (slab && !there) violation_ = "a copy lacks a live run";
    }
  }

  ExtentRecord mended_by(const Mending& mending, const std::vector<MemberState>& members) const {
    ExtentRecord mended = mending.mended();
    for (const MemberState& member : members) {
      if (!rules_.bad_members_stay && !member.good) std::erase(mended.members, member.disk);
    }
    return mended;
  }

  Play<bool> seal_at(ExtentNumber extent, ExtentRecord record, Uuid target) {
    const auto answer = co_await ask(target, extent, [this, extent, record](Node& node, const NodeReply& reply) {
      on_seal(node, extent, record.epoch, record.pages, reply);
    });
    co_return answer && !answer->refused;
  }

  static std::vector<Uuid> disks_of(const ExtentRecord& record) {
    std::vector<Uuid> disks = record.members;
    disks.insert(disks.end(), record.partial.begin(), record.partial.end());
    return disks;
  }

  Play<Sources> sources(ExtentNumber extent, ExtentRecord record, std::set<Damage> damage) {
    Sources found;
    for (const Uuid& disk : disks_of(record)) {
      if (!is_there(disk)) continue;
      const bool is_member = std::ranges::count(record.members, disk) > 0;
      bool all = !rules_.sources_are_complete || co_await seal_at(extent, record, disk);
      if (all) co_await pause();
      const auto listed = co_await ask(
          disk, extent, [this, extent](Node& node, const NodeReply& reply) { on_list(node, extent, reply); });
      if (all) co_await pause();
      if (all && rules_.sources_are_complete) all = co_await seal_at(extent, record, disk);
      if (!listed || listed->refused) continue;
      if (all) (damage.contains({extent, disk}) ? found.damaged : found.complete).push_back(listed->runs);
      if (is_member && !all && listed->runs.empty()) ++found.emptied;
      if (!rules_.sources_are_complete) break;
    }
    co_return found;
  }

  Play<bool> copy(ExtentNumber extent, ExtentRecord record, std::vector<Run> runs, Uuid target) {
    const auto fenced = co_await ask(target, extent, [this, extent, record](Node& node, const NodeReply& reply) {
      on_fence(node, extent, record.epoch, reply);
    });
    if (!fenced || fenced->refused) co_return false;
    auto at = static_cast<Pages>(fenced->value);
    std::vector<Pages> fillers;
    for (const Run& run : runs) {
      if (run.page < at) continue;
      if (!co_await fill(extent, record, target, {at, run.page}, fillers)) co_return false;
      const auto bytes = co_await fetch(extent, record, run, target);
      if (!co_await append(extent, record.epoch, target, bytes)) co_return false;
      at = end_of(run);
    }
    if (!co_await fill(extent, record, target, {at, record.pages}, fillers)) co_return false;
    if (!co_await seal_at(extent, record, target)) co_return false;
    for (const Pages page : fillers) co_await release_at(extent, target, page);
    co_return true;
  }

  struct Gap {
    Pages at, end;
  };

  Play<bool> fill(ExtentNumber extent, ExtentRecord record, Uuid target, Gap gap, std::vector<Pages>& fillers) {
    while (gap.at < gap.end && rules_.gaps_are_filled) {
      const Pages pages = std::min(gap.end - gap.at, kFillerMax);
      const Run filler{gap.at, (pages - 1) * kPageSize, 0};
      fillers.push_back(gap.at);
      if (!co_await append(extent, record.epoch, target, {extent, filler, Rot::none})) co_return false;
      gap.at += pages;
    }
    co_return true;
  }

  /// The run from any other disk, or without its bytes.
  Play<Stored> fetch(ExtentNumber extent, ExtentRecord record, Run run, Uuid target) {
    for (const Uuid& member : disks_of(record)) {
      if (!is_there(member) || member == target) continue;
      auto found = std::make_shared<Stored>();
      const auto answer = co_await ask(member, extent, [extent, run, found](Node& node, const NodeReply& reply) {
        const Stored* stored = read(node, extent, run);
        if (stored == nullptr) return reply(refusal());
        *found = *stored;
        reply({});
      });
      if (!answer || answer->refused) continue;
      if (found->rot == Rot::none || !rules_.bytes_are_checked) co_return *found;
    }
    co_return Stored{extent, run, kNoBytes};
  }

  Play<bool> append(ExtentNumber extent, Epoch epoch, Uuid target, Stored stored) {
    const auto answer = co_await ask(target, extent, [this, extent, epoch, stored](Node& node, const NodeReply& reply) {
      on_append(node, extent, epoch, stored, reply);
    });
    co_return answer && !answer->refused && answer->value >= end_of(stored.run);
  }

  // ---- gateways: Cluster's release and collect

  /// Whether the disk has nothing of the extent any more.
  Play<bool> release_at(ExtentNumber extent, Uuid disk, Pages page) {
    const auto answer = co_await ask(disk, extent, [this, extent, page](Node& node, const NodeReply& reply) {
      on_release(node, extent, page, reply);
    });
    co_return answer && !answer->refused && answer->value == 0;
  }

  Play<bool> release_at_all(ExtentNumber extent, ExtentRecord record, Pages page) {
    bool gone = true;
    for (const Uuid& member : record.members) {
      if (!co_await release_at(extent, member, page)) gone = false;
    }
    co_return gone;
  }

  Play<bool> release(ExtentNumber extent) {
    auto& live = live_[extent];
    if (live.empty() || !chance(quiet_ ? 1000 : 3)) {
      co_await moment();
      co_return false;
    }
    // First the index forgets it.
    const Pages page = *std::next(live.begin(), static_cast<std::ptrdiff_t>(below(live.size())));
    live.erase(page);
    const auto found = find(extent);
    if (!found) co_return false;
    if (!co_await release_at_all(extent, found->record, page)) co_return false;
    const auto now = find(extent);
    if (!now) co_return false;
    const bool gone = now->record == found->record || co_await release_at_all(extent, now->record, page);
    co_await moment();
    if (gone) erase(extent, now->revision);
    co_return gone;
  }

  Play<bool> collect(ExtentNumber extent) {
    const std::set<Pages> live = live_[extent];
    co_await moment();
    const auto found = find(extent);
    if (!found) co_return false;
    std::set<Pages> orphans;
    for (const Uuid& member : found->record.members) {
      const auto listed = co_await ask(
          member, extent, [this, extent](Node& node, const NodeReply& reply) { on_list(node, extent, reply); });
      if (!listed || listed->refused) continue;
      for (const Run& run : listed->runs) {
        if (!live.contains(run.page)) orphans.insert(run.page);
      }
    }
    for (const Pages page : orphans) co_await release_at_all(extent, found->record, page);
    const auto now = find(extent);
    if (live.empty() && now) erase(extent, now->revision);
    co_return true;
  }

  // ---- a node looks at its disk: Orphans and Scrub

  Play<bool> look_at_disk(std::size_t n, ExtentNumber extent) {
    co_await moment();
    Node& node = nodes_[n];
    if (!node.up || cut_off_ == n) co_return false;
    report_damage(node, extent);
    if (damage_.contains({extent, node.disk.incarnation})) co_await amend(node, extent);
    if (!holds(node, extent) || is_counted_on(node, extent)) co_return false;
    // No time is long enough: whoever copies may stand still for longer.
    for (std::size_t moments = below(small_ || chance(2) ? 4 : 40); moments > 0; --moments) co_await moment();
    if (!holds(node, extent) || is_counted_on(node, extent)) co_return false;
    if (rules_.the_doomed_are_condemned) node.condemned.insert(extent);
    co_await moment();
    const bool ours = is_counted_on(node, extent);
    co_await pause();
    if (!ours && holds(node, extent)) co_await drop(node, extent);
    node.condemned.erase(extent);
    co_return true;
  }

  static bool holds(const Node& node, ExtentNumber extent) {
    const ExtentEntry* entry = node.table.find(extent);
    return entry != nullptr && entry->slab;
  }

  Play<bool> amend(Node& node, ExtentNumber extent) {
    const Uuid disk = node.disk.incarnation;
    co_await moment();
    const auto found = find(extent);
    const bool counts = counts_on(found ? &found->record : nullptr, disk);
    const bool is_partial = counts && std::ranges::count(found->record.members, disk) == 0;
    if (counts ? !is_partial || found->record.members.empty() : holds(node, extent)) co_return false;
    node.condemned.insert(extent);
    co_await pause();
    const bool amended = !is_partial || !rules_.the_damaged_begin_anew || co_await begin_anew(node, extent, *found);
    if (amended && rules_.reports_are_taken_back) damage_.erase({extent, disk});
    node.condemned.erase(extent);
    co_return amended;
  }

  Play<bool> begin_anew(Node& node, ExtentNumber extent, VersionedRecord found) {
    found.record.epoch = Epoch{static_cast<std::uint64_t>(found.record.epoch) + 1};
    if (rules_.who_begins_anew_says_so && set(extent, found.revision, found.record) == 0) co_return false;
    co_await pause();
    const ExtentEntry* entry = node.table.find(extent);
    const bool held = holds(node, extent);
    if (held && !entry->sealed && is_appended_to(node, extent)) co_return false;
    const auto kept = held ? whole_runs(node, extent) : std::vector<Run>{};
    std::set<Pages> pages;
    for (const Run& run : kept) pages.insert(run.page);
    place_again(node, extent, pages);
    auto durable = std::make_shared<bool>(false);
    change(node, {Record::Kind::fence, extent, static_cast<std::uint64_t>(found.record.epoch), 0},
           [durable] { *durable = true; });
    if (held) node.replicas.insert_or_assign(extent, Replica(node.table.find(extent)->fence, kept));
    while (!*durable) co_await moment();
    co_return true;
  }

  bool is_appended_to(Node& node, ExtentNumber extent) {
    return std::ranges::any_of(replica(node, extent).runs(),
                               [](const auto& run) { return run.second.where == Replica::State::Where::under_way; });
  }

  std::vector<Run> whole_runs(Node& node, ExtentNumber extent) {
    const ExtentEntry& entry = *node.table.find(extent);
    const Pages end = entry.sealed ? entry.sealed->pages : replica(node, extent).durable();
    std::vector<Run> whole;
    for (Pages next = 0; next < end; next = end_of(whole.back())) {
      const Stored* stored = stored_at(node.disk, *entry.slab, extent, next);
      if (stored == nullptr || (stored->rot != Rot::none && !entry.released.contains(next))) break;
      whole.push_back(stored->run);
    }
    return whole;
  }

  bool is_counted_on(const Node& node, ExtentNumber extent) const {
    const auto found = find(extent);
    return counts_on(found ? &found->record : nullptr, node.disk.incarnation);
  }

  Play<bool> drop(Node& node, ExtentNumber extent) {
    const auto found = find(extent);
    const bool is_member = found && std::ranges::count(found->record.members, node.disk.incarnation) > 0;
    if (is_member && !live_[extent].empty()) violation_ = "a disk drops what is counted on";
    auto dropped = std::make_shared<bool>(false);
    const auto done = [dropped] { *dropped = true; };
    if (node.table.find(extent)->sealed) {
      drop_sealed(node, extent, done);
    } else if (is_appended_to(node, extent)) {
      co_return false;
    } else {
      seal(node, extent, 0, done);
    }
    while (!*dropped) co_await moment();
    co_return true;
  }

  void report_damage(Node& node, ExtentNumber extent) {
    if (!rules_.damage_is_reported) return;
    const ExtentEntry* entry = node.table.find(extent);
    const auto found = find(extent);
    const bool ours = found && std::ranges::count(found->record.members, node.disk.incarnation) > 0;
    bool damaged = ours && is_short(node, extent, found->record.pages);
    if (entry != nullptr && entry->slab) {
      const Answer listed = list(node, extent);
      damaged = damaged || listed.refused;
      for (const Run& run : listed.runs) {
        const Stored* stored = read(node, extent, run);
        damaged = damaged || stored == nullptr || stored->rot != Rot::none;
      }
    }
    if (damaged) damage_.insert({extent, node.disk.incarnation});
  }

  bool is_short(Node& node, ExtentNumber extent, Pages pages) {
    const ExtentEntry* entry = node.table.find(extent);
    if (entry == nullptr || !entry->slab) return true;
    return entry->sealed ? entry->sealed->pages < pages : replica(node, extent).durable() < pages;
  }

  // ---- what happens next

  /// Some of what can happen comes together only where little else does.
  enum class Theme : std::uint8_t { all, drains, rot };

  void disturb() {
    const std::size_t n = below(nodes_.size());
    if (theme_ != Theme::all && chance(8)) {
      for (Node& node : nodes_) node.up = true;
      cut_off_.reset();
    } else if (theme_ == Theme::drains && !chance(3)) {
      nodes_[n].draining = !nodes_[n].draining;
    } else if (theme_ == Theme::rot && !chance(3)) {
      if (others_are_whole(n)) rot(n);
    } else {
      disturb_by_any(n);
    }
  }

  void disturb_by_any(std::size_t n) {
    switch (below(8)) {
      case 0:
        crash(n);
        break;
      case 1:
        cut_off_ = chance(2) ? std::optional(n) : std::nullopt;
        break;
      case 2:
        nodes_[n].draining = !nodes_[n].draining;
        break;
      case 3:
        actors_[below(4)].play.reset();
        break;
      case 4:
      case 5:
        harm(n);
        break;
      default:
        for (Node& node : nodes_) node.up = true;
    }
  }

  /// Of each extent at least one member has all.
  bool others_are_whole(std::size_t n) const {
    for (const auto& [extent, versioned] : records_) {
      std::size_t others = 0;
      for (const Uuid& member : versioned.record.members) {
        if (member.bytes[0] - 1u == n) continue;
        if (!is_whole(extent, member) || has_rot(extent, member)) return false;
        ++others;
      }
      if (others == 0) return false;
    }
    return true;
  }

  void rot(std::size_t n) {
    for (auto& [slab, runs] : nodes_[n].disk.slabs) {
      for (auto& [page, stored] : runs) {
        if (chance(6)) stored.rot = chance(3) ? Rot::header : Rot::data;
      }
    }
  }

  /// A disk is damaged, or replaced, or forgets the end of its log: only where all others have all.
  void harm(std::size_t n) {
    if (!others_are_whole(n)) return;
    if (chance(3)) {
      crash(n);
      nodes_[n].disk = {name_of(n, ++formatted_), {}, {}};
      crash(n);
    } else if (chance(3)) {
      crash(n);
      nodes_[n].disk.log.resize(below(nodes_[n].disk.log.size() + 1));
      nodes_[n].lost_some = true;
      crash(n);
    } else {
      rot(n);
    }
  }

  void move() {
    const std::size_t chosen = below(100);
    if (chosen < 40) return deliver_one();
    if (chosen < 65) return disk_works(nodes_[below(nodes_.size())]);
    if (chosen >= (small_ && !quiet_ ? 78 : 88)) {
      if (nodes_wait_ > 0) return void(--nodes_wait_);
      return act(actors_[4 + below(nodes_.size())]);
    }
    // Where nobody stands still, there is one manager.
    if (quiet_) return act(actors_[1 + below(3)]);
    act(actors_[below(small_ ? small_->managers : 4)]);
  }

  /// Faults stop: every copy that is needed must be made, and all else be gone.
  void settle() {
    quiet_ = true;
    cut_off_.reset();
    for (Node& node : nodes_) node.up = true;
    for (Node& node : nodes_) node.draining = false;
    for (int step = 0; step < 60'000 && violation_.empty(); ++step) {
      move();
      if (step % 8 == 0) check();
      if (step % 64 == 0 && is_settled()) return;
    }
    if (violation_.empty()) violation_ = "it never becomes whole";
  }

  bool is_settled() const {
    for (const auto& [extent, live] : live_) {
      const auto record = find(extent);
      if (live.empty() != !record) return false;
      if (!record) continue;
      if (record->record.members.size() != kCopies || !record->record.partial.empty()) return false;
      const auto whole = [&, number = extent](const Uuid& member) {
        return is_whole(number, member) && !damage_.contains({number, member});
      };
      if (!std::ranges::all_of(record->record.members, whole)) return false;
    }
    return std::ranges::all_of(nodes_, [this](const Node& node) {
      return std::ranges::all_of(node.table.extents(), [&](const auto& entry) {
        return !entry.second.slab || is_counted_on(node, entry.first);
      });
    });
  }

  // ---- what must hold at every moment

  /// Also if it crashed now.
  bool is_readable(ExtentNumber extent, const Run& run, const Uuid& member) const {
    const Node& node = nodes_[member.bytes[0] - 1u];
    if (node.disk.incarnation != member) return false;
    const DiskTable durable = replayed(node.disk.log);
    const ExtentEntry* entry = durable.find(extent);
    if (entry == nullptr || !entry->slab || entry->released.contains(run.page)) return false;
    const Stored* stored = stored_at(node.disk, *entry->slab, extent, run.page);
    return stored != nullptr && stored->run == run && stored->rot == Rot::none;
  }

  bool is_whole(ExtentNumber extent, const Uuid& member) const {
    return std::ranges::all_of(live_.at(extent),
                               [&](Pages page) { return is_readable(extent, contents_.at(extent).at(page), member); });
  }

  bool has_rot(ExtentNumber extent, const Uuid& member) const {
    const Node& node = nodes_[member.bytes[0] - 1u];
    const ExtentEntry* entry = node.table.find(extent);
    const auto runs = node.disk.slabs.find(entry != nullptr && entry->slab ? *entry->slab : kSlabs);
    return runs != node.disk.slabs.end() &&
           std::ranges::any_of(runs->second, [](const auto& stored) { return stored.second.rot != Rot::none; });
  }

  void check() {
    for (const auto& [extent, live] : live_) {
      const auto record = find(extent);
      for (const Pages page : live) {
        const Run& run = contents_.at(extent).at(page);
        const auto readable = [&, number = extent](const Uuid& member) { return is_readable(number, run, member); };
        if (!record) {
          violation_ = "an extent with live runs is forgotten";
        } else if (std::ranges::none_of(disks_of(record->record), readable)) {
          violation_ = "nobody has a live run";
        }
      }
    }
  }

  Rules rules_;
  std::mt19937_64 random_;
  std::optional<Small> small_;
  bool quiet_ = false;
  Theme theme_{};
  std::size_t extents_ = 0;
  std::size_t nodes_wait_ = 0;  ///< So many turns until they look at their disks.
  std::vector<Node> nodes_;
  std::optional<std::size_t> cut_off_;
  std::uint8_t formatted_ = 0;
  std::vector<std::function<void()>> network_;
  std::vector<Actor> actors_;
  Actor* acting_ = nullptr;

  std::map<ExtentNumber, std::map<Pages, Run>> contents_;
  std::map<ExtentNumber, std::set<Pages>> live_;  ///< What the index names.
  std::map<ExtentNumber, VersionedRecord> records_;
  std::set<Damage> damage_;
  std::uint64_t revision_ = 0;
  std::uint64_t copies_ = 0;
  std::string violation_;
};

/// Schedules a run of the tests tries; SLUICE_SCHEDULES sets another number.
std::uint64_t schedules() {
  const char* text = std::getenv("SLUICE_SCHEDULES");
  return text == nullptr ? 200 : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("no schedule of copies, releases and faults loses a live run or leaves one without its copies") {
  std::uint64_t copies = 0;
  std::string violation;
  const auto count = schedules();
  for (std::uint64_t seed = 0; seed < count && violation.empty(); ++seed) {
    Simulation simulation(seed, {});
    violation = simulation.run();
    if (!violation.empty()) violation += ", seed " + std::to_string(seed);
    copies += simulation.copies();
  }
  CHECK(violation == "");
  // A schedule that copies nothing shows nothing.
  CHECK(copies > count);
}

namespace {

/// Schedules until a broken rule is noticed; far more than are needed.
constexpr std::uint64_t kSeedsMax = 3000;

bool is_noticed(bool Rules::* rule, std::optional<Small> small = {}) {
  Rules rules;
  rules.*rule = false;
  for (std::uint64_t seed = 0; seed < kSeedsMax; ++seed) {
    if (!Simulation(seed, rules, small).run().empty()) return true;
  }
  return false;
}

constexpr Small kOneLeftOut{.members = 2, .rest = Rest::left_out}, kOneDropped{.members = 2, .rest = Rest::dropped},
    kOneMember{.members = 1, .rest = Rest::short_of_it, .managers = 2},
    kOneRots{.members = 2, .rest = Rest::short_of_it, .one_rots = true}, kOneRotten{.members = 2, .rest = Rest::rotten};

}  // namespace

TEST_CASE("no schedule in a small world loses a live run or leaves one without its copies") {
  std::string violation;
  const auto count = schedules();
  for (std::uint64_t seed = 0; seed < count && violation.empty(); ++seed) {
    for (const Small& small : {kOneLeftOut, kOneDropped, kOneMember, kOneRots, kOneRotten}) {
      if (violation.empty()) violation = Simulation(seed, {}, small).run();
    }
    if (!violation.empty()) violation += ", seed " + std::to_string(seed);
  }
  CHECK(violation == "");
}

TEST_CASE("the simulator of copies notices when a rule is broken") {
  CHECK(is_noticed(&Rules::records_are_compared));
  CHECK(is_noticed(&Rules::copies_have_an_epoch, kOneDropped));
  CHECK(is_noticed(&Rules::the_filled_are_named_before));
  CHECK(is_noticed(&Rules::the_doomed_are_condemned, kOneLeftOut));
  CHECK(is_noticed(&Rules::sources_are_complete, kOneMember));
  CHECK(is_noticed(&Rules::bytes_are_checked));
  CHECK(is_noticed(&Rules::a_seal_needs_all));
  CHECK(is_noticed(&Rules::bad_members_stay));
  CHECK(is_noticed(&Rules::reports_are_taken_back));
  CHECK(is_noticed(&Rules::the_damaged_begin_anew));
  CHECK(is_noticed(&Rules::who_begins_anew_says_so, kOneRotten));
  CHECK(is_noticed(&Rules::only_its_own_runs_count));
  CHECK(is_noticed(&Rules::gaps_are_filled));
  CHECK(is_noticed(&Rules::damage_is_reported));
}

}  // namespace sluice::rdma

#include "backends/rdma/simulated_node.h"

#include <algorithm>

namespace sluice::rdma {
namespace {

constexpr std::uint32_t kSlabs = 3;

}  // namespace

DiskTable StoredDisk::table() const {
  DiskTable table(kSlabs);
  for (const Record& record : log) table.apply(record);
  return table;
}

void SimulatedNode::change(Record record, std::function<void()> done) {
  table.apply(record);
  note(record, std::move(done));
}

void SimulatedNode::note(Record record, std::function<void()> done) {
  changes.push_back(record);
  io_.push_back({changes.size(), std::move(done)});
}

Replica& SimulatedNode::replica(ExtentNumber extent) {
  const auto known = replicas.find(extent);
  if (known != replicas.end()) return known->second;
  const ExtentEntry* entry = table.find(extent);
  std::vector<Run> runs;
  for (Pages next = 0; entry != nullptr && entry->slab && !entry->sealed;) {
    const Stored* stored = stored_at(*entry->slab, extent, next);
    if (stored == nullptr || (stored->rot != Rot::none && !entry->released.contains(next))) break;
    runs.push_back(stored->run);
    next = end_of(stored->run);
  }
  return replicas.emplace(extent, Replica(entry == nullptr ? Epoch{} : entry->fence, runs)).first->second;
}

const Stored* SimulatedNode::stored_at(std::uint32_t slab, ExtentNumber extent, Pages page) const {
  const auto runs = disk.slabs.find(slab);
  if (runs == disk.slabs.end()) return nullptr;
  const auto found = runs->second.find(page);
  const bool right = found != runs->second.end() && found->second.extent == extent && found->second.rot != Rot::header;
  return right ? &found->second : nullptr;
}

void SimulatedNode::append(ExtentNumber extent, Epoch epoch, Stored stored, const NodeReply& reply) {
  if (may_append(table.find(extent), epoch) != Refusal::none) return reply(refusal());
  Replica& at = replica(extent);
  const auto verdict = at.append(epoch, stored.run);
  if (verdict == Replica::Verdict::durable) return reply(answer_of(at.durable()));
  if (verdict != Replica::Verdict::write) return reply(refusal());
  const ExtentEntry* entry = table.find(extent);
  const bool is_placed = entry != nullptr && entry->slab;
  const Stored* there = is_placed ? stored_at(*entry->slab, extent, stored.run.page) : nullptr;
  const bool has = there != nullptr && there->run == stored.run && there->rot == Rot::none;
  const auto slab = is_placed ? entry->slab : table.free_slab();
  if (!slab || (!has && stored.rot == kNoBytes)) {
    at.dropped(stored.run.page);
    return reply(refusal());
  }
  if (!is_placed) change({Record::Kind::place, extent, *slab, 0}, [] {});
  io_.push_back({changes.size(), [this, extent, stored, reply, has, slab = *slab] {
                   if (!has) write(disk.slabs[slab], stored);
                   if (!has && stored.rot != Rot::none) violation = "damage is copied";
                   Replica& written = replica(extent);
                   written.written(stored.run.page);
                   reply(answer_of(written.durable()));
                 }});
}

void SimulatedNode::write(std::map<Pages, Stored>& slab, const Stored& stored) {
  std::erase_if(slab, [&](const auto& other) {
    return other.first < end_of(stored.run) && stored.run.page < end_of(other.second.run);
  });
  slab[stored.run.page] = stored;
}

void SimulatedNode::fence(ExtentNumber extent, Epoch epoch, const NodeReply& reply) {
  const ExtentEntry* entry = table.find(extent);
  if (entry != nullptr && entry->sealed) return reply(answer_of(entry->sealed->pages));
  Replica& at = replica(extent);
  if (!at.fence(epoch)) return reply(refusal());
  change({Record::Kind::fence, extent, static_cast<std::uint64_t>(epoch), 0}, [this, extent, epoch, reply] {
    const ExtentEntry* now = table.find(extent);
    if (now->sealed) return reply(answer_of(now->sealed->pages));
    Replica& fenced = replica(extent);
    fenced.fence_persisted(epoch);
    reply(fenced.may_answer_fence(epoch) ? answer_of(fenced.durable()) : refusal());
  });
}

void SimulatedNode::seal_at(ExtentNumber extent, Epoch epoch, Pages pages, const NodeReply& reply) {
  const ExtentEntry* entry = table.find(extent);
  if (entry != nullptr && entry->sealed) return reply(entry->sealed->pages < pages ? refusal() : Answer());
  Replica& at = replica(extent);
  if (!at.fence(epoch)) return reply(refusal());
  log_fence(extent, epoch);
  at.fence_persisted(epoch);
  if (!at.may_answer_fence(epoch)) return reply(refusal());
  if (at.durable() < pages && rules_->a_seal_needs_all) return reply(refusal());
  seal(extent, pages, [reply] { reply({}); });
}

void SimulatedNode::log_fence(ExtentNumber extent, Epoch epoch) {
  change({Record::Kind::fence, extent, static_cast<std::uint64_t>(epoch), 0}, [] {});
}

void SimulatedNode::seal(ExtentNumber extent, Pages pages, std::function<void()> done) {
  std::set<Pages> runs;
  for (const auto& [page, state] : replica(extent).runs()) {
    if (end_of(state.run) <= pages) runs.insert(page);
  }
  replicas.erase(extent);
  place_again(extent, runs);
  const Record sealed{Record::Kind::seal, extent, pages, static_cast<std::uint32_t>(runs.size())};
  change(sealed, [this, extent, done = std::move(done)] {
    if (!table.find(extent)->is_empty()) return done();
    drop_sealed(extent, done);
  });
}

void SimulatedNode::place_again(ExtentNumber extent, const std::set<Pages>& runs) {
  const ExtentEntry* entry = table.find(extent);
  if (entry == nullptr || !entry->slab || !rules_->only_its_own_runs_count) return;
  const auto released = entry->released;
  change({Record::Kind::place, extent, *entry->slab, 0}, [] {});
  for (const Pages page : released) {
    if (runs.contains(page)) change({Record::Kind::release, extent, page, 0}, [] {});
  }
}

void SimulatedNode::drop_sealed(ExtentNumber extent, std::function<void()> done) {
  const Record drop{Record::Kind::drop, extent, 0, 0};
  note(drop, [this, drop, done = std::move(done)] {
    table.apply(drop);
    done();
  });
}

void SimulatedNode::release(ExtentNumber extent, Pages page, const NodeReply& reply) {
  const ExtentEntry* entry = table.find(extent);
  const auto answer = [this, extent, reply] {
    const ExtentEntry* now = table.find(extent);
    reply(answer_of(now != nullptr && now->sealed && !now->slab ? 0 : 1));
  };
  if (entry == nullptr || !entry->slab || entry->released.contains(page)) return answer();
  if (stored_at(*entry->slab, extent, page) == nullptr) return reply(refusal());
  change({Record::Kind::release, extent, page, 0}, [this, extent, answer] {
    const ExtentEntry& now = *table.find(extent);
    if (!now.slab || !now.is_empty()) return answer();
    drop_sealed(extent, answer);
  });
}

Answer SimulatedNode::list(ExtentNumber extent) {
  const ExtentEntry* entry = table.find(extent);
  if (entry != nullptr && entry->sealed && !entry->slab) return {};
  if (entry == nullptr || !entry->slab) return refusal();
  Answer answer;
  if (!entry->sealed) {
    const Replica& at = replica(extent);
    for (const auto& [page, state] : at.runs()) {
      if (end_of(state.run) <= at.durable() && !entry->released.contains(page)) answer.runs.push_back(state.run);
    }
    return answer;
  }
  for (Pages page = 0; page < entry->sealed->pages;) {
    const Stored* stored = stored_at(*entry->slab, extent, page);
    if (stored == nullptr) return refusal();
    if (!entry->released.contains(page)) answer.runs.push_back(stored->run);
    page = end_of(stored->run);
  }
  return answer;
}

void SimulatedNode::answer_list(ExtentNumber extent, const NodeReply& reply) {
  const ExtentEntry* entry = table.find(extent);
  Answer answer = list(extent);
  const bool knows = entry != nullptr && entry->sealed;
  reply(answer.runs.empty() && !knows ? refusal() : std::move(answer));
}

const Stored* SimulatedNode::read(ExtentNumber extent, const Run& run) const {
  const ExtentEntry* entry = table.find(extent);
  if (entry == nullptr || !entry->slab || entry->released.contains(run.page)) return nullptr;
  const Stored* stored = stored_at(*entry->slab, extent, run.page);
  return stored != nullptr && stored->run == run ? stored : nullptr;
}

void SimulatedNode::work(Chance& chance) {
  if (!up) return;
  if (disk.log.size() < changes.size() && chance.one_in(2)) {
    disk.log.push_back(changes[disk.log.size()]);
    return;
  }
  std::vector<std::size_t> possible;
  for (std::size_t n = 0; n < io_.size(); ++n) {
    if (io_[n].after <= disk.log.size()) possible.push_back(n);
  }
  if (possible.empty()) return;
  const auto chosen = io_.begin() + static_cast<std::ptrdiff_t>(possible[chance.below(possible.size())]);
  const auto done = std::move(chosen->done);
  io_.erase(chosen);
  done();
}

bool SimulatedNode::holds(ExtentNumber extent) const {
  const ExtentEntry* entry = table.find(extent);
  return entry != nullptr && entry->slab;
}

bool SimulatedNode::is_appended_to(ExtentNumber extent) {
  return std::ranges::any_of(replica(extent).runs(),
                             [](const auto& run) { return run.second.where == Replica::State::Where::under_way; });
}

std::vector<Run> SimulatedNode::whole_runs(ExtentNumber extent) {
  const ExtentEntry& entry = *table.find(extent);
  const Pages end = entry.sealed ? entry.sealed->pages : replica(extent).durable();
  std::vector<Run> whole;
  for (Pages next = 0; next < end; next = end_of(whole.back())) {
    const Stored* stored = stored_at(*entry.slab, extent, next);
    if (stored == nullptr || (stored->rot != Rot::none && !entry.released.contains(next))) break;
    whole.push_back(stored->run);
  }
  return whole;
}

bool SimulatedNode::is_short(ExtentNumber extent, Pages pages) {
  const ExtentEntry* entry = table.find(extent);
  if (entry == nullptr || !entry->slab) return true;
  return entry->sealed ? entry->sealed->pages < pages : replica(extent).durable() < pages;
}

void SimulatedNode::put_down(const Record& change) {
  table.apply(change);
  changes.push_back(change);
  disk.log = changes;
}

void SimulatedNode::crash() {
  up = false;
  io_.clear();
  replicas.clear();
  condemned.clear();
  changes = disk.log;
  table = disk.table();
}

}  // namespace sluice::rdma

#include "backends/rdma/scrub.h"

#include <algorithm>
#include <random>
#include <vector>

#include "backends/rdma/disk_io.h"

namespace sluice::rdma {
namespace {

constexpr std::size_t kRunsListed = 64;
constexpr std::size_t kRecordsListed = 500;

}  // namespace

std::optional<Scrub::Place> Scrub::place(ExtentNumber extent) const {
  const ExtentEntry* entry = disk_.table().find(extent);
  if (entry == nullptr || !entry->holds()) return std::nullopt;
  return Place{entry->slab, entry->fence};
}

bool Scrub::is_needed(ExtentNumber extent, Pages page) const {
  const ExtentEntry* entry = disk_.table().find(extent);
  return entry != nullptr && entry->is_needed(page);
}

bool Scrub::is_short(ExtentNumber extent, Pages pages) {
  const ExtentEntry* entry = disk_.table().find(extent);
  if (entry == nullptr || !entry->holds()) return true;
  // Who never heard of the seal has what a scan found.
  return entry->sealed ? entry->sealed->pages < pages : disk_.replica(extent).durable() < pages;
}

void Scrub::suspect(ExtentNumber extent) {
  const auto now = place(extent);
  const auto known = reported_.find(extent);
  if (now && (known == reported_.end() || known->second != *now)) suspects_.insert(extent);
}

Task<> Scrub::check_suspects() {
  while (!suspects_.empty()) {
    const ExtentNumber extent = *suspects_.begin();
    suspects_.erase(suspects_.begin());
    CO_TRY(co_await check(extent));
  }
  co_return done;
}

Task<> Scrub::round() {
  std::vector<ExtentNumber> held;
  for (const auto& [extent, entry] : disk_.table().extents()) {
    if (entry.holds()) held.push_back(extent);
  }
  if (!held.empty()) std::ranges::rotate(held, held.begin() + std::random_device{}() % held.size());
  for (const ExtentNumber extent : held) {
    CO_TRY(co_await check_suspects());
    CO_TRY(co_await check(extent));
  }
  CO_TRY(co_await look_for_missing());
  ++counts_.rounds;
  co_return done;
}

// Read twice before it is called damaged: what is wrong may have been the way to memory.
Task<> Scrub::check(ExtentNumber extent) {
  const auto before = place(extent);
  if (!before) co_return done;
  Result<> whole = co_await read_all(extent);
  if (!whole) {
    CO_TRY(const auto lost, co_await lost_runs(extent));
    whole = co_await read_all(extent, lost);
  }
  if (whole || place(extent) != before) co_return done;
  // A disk that takes nothing more is lost as a whole, and known to be.
  if (disk_.failed()) co_return whole;
  CO_TRY(co_await report(extent, whole.error().detail));
  reported_.insert_or_assign(extent, *before);
  co_return done;
}

// What is whole nowhere is known to be so.
Task<std::set<Pages>> Scrub::lost_runs(ExtentNumber extent) {
  CO_TRY(const auto found, co_await control_.find(extent));
  std::set<Pages> lost;
  if (found) {
    for (const Run& run : found->record.lost) lost.insert(run.page);
  }
  co_return lost;
}

Task<> Scrub::read_all(ExtentNumber extent, const std::set<Pages>& lost) {
  Pages from = 0;
  while (true) {
    CO_TRY(const auto runs, co_await disk_.list(extent, from, kRunsListed));
    for (const Run& run : runs) {
      const auto read = co_await read_run(extent, run);
      // It may have been given back meanwhile.
      if (!read && is_needed(extent, run.page) && !lost.contains(run.page)) co_return read;
    }
    if (runs.size() < kRunsListed) co_return done;
    from = end_of(runs.back());
  }
}

Task<> Scrub::read_run(ExtentNumber extent, const Run& run) {
  co_await pace_.wait_for(bytes_of(pages_of(run)));
  CO_TRY(const auto header, co_await disk_.header(extent, run.page));
  if (header.run != run) co_return fail(ErrorCode::corrupt, "another run");
  if (run.length > 0) {
    const Chunk memory = aligned_memory(bytes_of(pages_for(run.length)));
    CO_TRY(co_await disk_.read(header, 0, run.length, memory));
  }
  counts_.bytes += bytes_of(pages_of(run));
  co_return done;
}

Task<> Scrub::amend() {
  CO_TRY(const auto damage, co_await control_.damage());
  for (const Damage& one : damage) {
    if (one.disk != disk_.superblock().incarnation) continue;
    CO_TRY(co_await amend(one.extent));
  }
  co_return done;
}

// Nobody may be told that all is here while it is decided, nor count any more on having been told.
Task<> Scrub::amend(ExtentNumber extent) {
  const Uuid& disk = disk_.superblock().incarnation;
  CO_TRY(const auto found, co_await control_.find(extent));
  const bool counts = counts_on(found ? &found->record : nullptr, disk);
  const bool is_partial =
      counts && found->record.state == ExtentState::sealed && std::ranges::count(found->record.members, disk) == 0;
  if (counts ? !is_partial || found->record.members.empty() : place(extent).has_value()) co_return done;
  if (disk_.is_condemned(extent)) co_return done;
  disk_.condemn(extent);
  Result<> outcome;
  if (is_partial) outcome = co_await begin_anew(extent, *found);
  if (outcome) outcome = co_await control_.forget_damage({extent, disk});
  disk_.spare(extent);
  if (!outcome && outcome.error().code == ErrorCode::busy) co_return done;
  co_return outcome;
}

// In a higher epoch: a repair that heard that all is here fails then.
Task<> Scrub::begin_anew(ExtentNumber extent, const VersionedRecord& found) {
  ExtentRecord raised = found.record;
  raised.epoch = Epoch{static_cast<std::uint64_t>(raised.epoch) + 1};
  CO_TRY(const bool set, co_await control_.set(extent, found.revision, raised));
  if (!set) co_return fail(ErrorCode::busy, "it is being repaired");
  const auto before = place(extent);
  CO_TRY(const auto kept, co_await whole_runs(extent));
  if (place(extent) != before) co_return fail(ErrorCode::busy, "it was dropped meanwhile");
  CO_TRY(co_await disk_.begin_anew(extent, raised.epoch, kept));
  log_.info("copy_begun_anew", {{"extent", static_cast<std::uint64_t>(extent)}, {"runs", kept.size()}});
  co_return done;
}

// From the beginning on. Runs that were given back have headers still.
Task<std::vector<Run>> Scrub::whole_runs(ExtentNumber extent) {
  std::vector<Run> whole;
  const ExtentEntry* entry = disk_.table().find(extent);
  if (entry == nullptr || !entry->holds()) co_return whole;
  const Pages end = entry->sealed ? entry->sealed->pages : disk_.replica(extent).durable();
  for (Pages next = 0; next < end; next = end_of(whole.back())) {
    CO_TRY(const auto run, co_await disk_.run_at(extent, next));
    if (!run) break;
    const bool read = !is_needed(extent, next) || (co_await read_run(extent, *run)).has_value();
    if (!read && is_needed(extent, next)) break;
    whole.push_back(*run);
  }
  co_return whole;
}

// Of which all was released here is still known for a moment: then a copy is made for nothing.
Task<> Scrub::look_for_missing() {
  ExtentNumber next{};
  while (true) {
    CO_TRY(const auto some, co_await control_.list(next, kRecordsListed));
    for (const NumberedRecord& one : some) {
      next = ExtentNumber{static_cast<std::uint64_t>(one.extent) + 1};
      const ExtentRecord& record = one.versioned.record;
      // Who has some of it has not all.
      const bool ours = record.state == ExtentState::sealed && record.pages > 0 &&
                        std::ranges::count(record.members, disk_.superblock().incarnation) > 0;
      if (ours && is_short(one.extent, record.pages)) {
        CO_TRY(co_await report(one.extent, "not all of it is on the disk"));
      }
    }
    if (some.size() < kRecordsListed) co_return done;
  }
}

Task<> Scrub::report(ExtentNumber extent, const std::string& detail) {
  CO_TRY(co_await control_.report_damage({extent, disk_.superblock().incarnation}));
  ++counts_.damaged;
  log_.warning("copy_damaged", {{"extent", static_cast<std::uint64_t>(extent)}, {"detail", detail}});
  co_return done;
}

}  // namespace sluice::rdma

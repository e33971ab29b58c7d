#include "backends/rdma/scrub.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <random>
#include <vector>

#include "backends/rdma/disk_io.h"

namespace sluice::rdma {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kRunsListed = 64;
constexpr std::size_t kRecordsListed = 500;

}  // namespace

std::optional<Scrub::Place> Scrub::place(ExtentNumber extent) const {
  const ExtentEntry* entry = disk_.table().find(extent);
  if (entry == nullptr || !entry->slab) return std::nullopt;
  return Place{*entry->slab, entry->fence};
}

bool Scrub::is_needed(ExtentNumber extent, Pages page) const {
  const ExtentEntry* entry = disk_.table().find(extent);
  return entry != nullptr && entry->slab && !entry->released.contains(page);
}

bool Scrub::is_short(ExtentNumber extent, Pages pages) {
  const ExtentEntry* entry = disk_.table().find(extent);
  if (entry == nullptr || !entry->slab) return true;
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
    if (entry.slab) held.push_back(extent);
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
  if (!whole) whole = co_await read_all(extent);
  if (whole || place(extent) != before) co_return done;
  // A disk that takes nothing more is lost as a whole, and known to be.
  if (disk_.failed()) co_return whole;
  CO_TRY(co_await report(extent, whole.error().detail));
  reported_.insert_or_assign(extent, *before);
  co_return done;
}

Task<> Scrub::read_all(ExtentNumber extent) {
  Pages from = 0;
  while (true) {
    CO_TRY(const auto runs, co_await disk_.list(extent, from, kRunsListed));
    for (const Run& run : runs) {
      const auto read = co_await read_run(extent, run);
      // It may have been given back meanwhile.
      if (!read && is_needed(extent, run.page)) co_return read;
    }
    if (runs.size() < kRunsListed) co_return done;
    from = end_of(runs.back());
  }
}

Task<> Scrub::read_run(ExtentNumber extent, const Run& run) {
  co_await pace(bytes_of(pages_of(run)));
  CO_TRY(const auto header, co_await disk_.header(extent, run.page));
  if (header.run != run) co_return fail(ErrorCode::corrupt, "another run");
  if (run.length > 0) {
    const Chunk memory = aligned_memory(bytes_of(pages_for(run.length)));
    CO_TRY(co_await disk_.read(header, 0, run.length, memory));
  }
  counts_.bytes += bytes_of(pages_of(run));
  co_return done;
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

Awaitable<> Scrub::pace(std::uint64_t bytes) {
  using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;
  const auto at = std::max(due_, Clock::now());
  due_ = at + std::chrono::nanoseconds(bytes * 1'000'000'000 / options_.bytes_per_second);
  if (at <= Clock::now()) co_return;
  Timer timer(co_await asio::this_coro::executor);
  timer.expires_at(at);
  co_await timer.async_wait(asio::as_tuple(use_task));
}

}  // namespace sluice::rdma

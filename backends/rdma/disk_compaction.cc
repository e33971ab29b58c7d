// Runs that are needed leave slabs in which little else is.
#include <algorithm>
#include <cstring>

#include "backends/rdma/disk.h"
#include "backends/rdma/disk_io.h"

namespace sluice::rdma {
namespace {

constexpr std::size_t kRunsListed = 256;

}  // namespace

Task<bool> Disk::move_out(std::uint32_t slab, Pace& pace) {
  Leaving leaving{.slab = slab, .tenants = table_.tenants(slab), .filled_before = filled_};
  if (leaving.tenants.empty() || filling_ == slab) co_return false;
  for (const auto& [extent, pages] : leaving.tenants) {
    if (!table_.find(extent)->sealed || is_busy(extent)) co_return false;
  }
  for (const auto& [extent, pages] : leaving.tenants) moving_.insert(extent);
  auto moved = co_await move_out(leaving, pace);
  for (const auto& [extent, pages] : leaving.tenants) moving_.erase(extent);
  for (const std::uint32_t target : leaving.targets) {
    if (target != filling_) table_.give_up(target);
  }
  // Nobody knows of what was copied: the place is free for others.
  const bool in_one = leaving.targets.size() == 1 && leaving.targets.contains(filling_.value_or(slab));
  if (!leaving.logged && in_one) filled_ = leaving.began_anew ? 0 : leaving.filled_before;
  punched_.finish(done);
  co_return moved;
}

// Bytes first: the log says that a run is elsewhere once it is there for good, and in the same breath or later that
// the slab is free.
Task<bool> Disk::move_out(Leaving& leaving, Pace& pace) {
  for (const auto& [extent, pages] : leaving.tenants) {
    CO_TRY(co_await copy_out(leaving, extent, pace));
  }
  CO_TRY(co_await flush_.flush());
  const auto punches = [this](const auto& tenant) { return punching_.contains(tenant.first); };
  // No hole may come late, and into another extent.
  while (std::ranges::any_of(leaving.tenants, punches)) {
    CO_TRY(co_await punched_.wait());
  }
  auto records = moves(leaving);
  if (records.empty()) co_return false;
  leaving.logged = true;
  table_.reserve(leaving.slab);
  auto outcome = co_await change(std::move(records));
  if (outcome) co_await punch(slab_offset(superblock_, leaving.slab), bytes_of(superblock_.slab_pages));
  table_.give_up(leaving.slab);
  CO_TRY(std::move(outcome));
  co_return true;
}

Task<> Disk::copy_out(Leaving& leaving, ExtentNumber extent, Pace& pace) {
  CO_TRY(const auto runs, co_await runs_in(leaving.slab, extent));
  const ExtentEntry* entry = table_.find(extent);
  for (const Run& run : runs) {
    // Who gives the last one back waits for this.
    if (entry->is_empty()) co_return done;
    if (!entry->is_needed(run.page)) continue;
    co_await pace.wait_for(bytes_of(pages_of(run)));
    CO_TRY(auto image, co_await this->image(extent, run));
    if (!image) continue;
    CO_TRY(const Spot spot, spot_for(pages_of(run), leaving));
    CO_TRY(co_await write_fully(file_, *std::move(image), slab_offset(superblock_, spot.slab) + bytes_of(spot.page)));
    leaving.copied.push_back({extent, run.page, spot});
  }
  co_return done;
}

// Those that are needed, and are in this slab still.
Task<std::vector<Run>> Disk::runs_in(std::uint32_t slab, ExtentNumber extent) {
  const ExtentEntry* entry = table_.find(extent);
  const auto is_in = [&](Pages page) {
    const auto moved = entry->moved.find(page);
    return entry->is_needed(page) && (moved == entry->moved.end() ? entry->slab == slab : moved->second.slab == slab);
  };
  std::vector<Run> runs;
  for (Pages from = 0;;) {
    CO_TRY(const auto some, co_await list(extent, from, kRunsListed));
    std::ranges::copy_if(some, std::back_inserter(runs), is_in, &Run::page);
    if (some.size() < kRunsListed) co_return runs;
    from = end_of(some.back());
  }
}

Task<Pages> Disk::needed_in(std::uint32_t slab) {
  Pages needed = 0;
  for (const auto& [extent, pages] : table_.tenants(slab)) {
    CO_TRY(const auto runs, co_await runs_in(slab, extent));
    for (const Run& run : runs) needed += pages_of(run);
  }
  co_return needed;
}

// As it is stored, and checked; nothing if it is not needed any more.
Task<std::optional<Chunk>> Disk::image(ExtentNumber extent, const Run& run) {
  Chunk memory = aligned_memory(bytes_of(pages_of(run)));
  const auto header = co_await this->header(extent, run.page);
  Result<> outcome = header ? done : Result<>(std::unexpected(header.error()));
  if (header && header->run != run) outcome = fail(ErrorCode::corrupt, "another run");
  if (outcome && run.length > 0) {
    const auto bytes = co_await read(*header, 0, run.length, memory.slice(kPageSize, memory.size() - kPageSize));
    if (!bytes) outcome = std::unexpected(bytes.error());
  }
  if (!table_.find(extent)->is_needed(run.page)) co_return std::optional<Chunk>{};
  CO_TRY(std::move(outcome));
  const std::string page = encode_page(*header);
  std::memcpy(memory.writable().data(), page.data(), page.size());
  co_return std::optional(memory);
}

Result<Spot> Disk::spot_for(Pages pages, Leaving& leaving) {
  if (!filling_ || filled_ + pages > superblock_.slab_pages) {
    const auto next = table_.spare_slab();
    if (!next) return fail(ErrorCode::out_of_space, "no slab to move runs to");
    if (filling_ && !leaving.targets.contains(*filling_)) table_.give_up(*filling_);
    leaving.began_anew = leaving.targets.empty();
    filling_ = next;
    filled_ = 0;
    table_.reserve(*next);
  }
  leaving.targets.insert(*filling_);
  const Spot spot{*filling_, filled_};
  filled_ += pages;
  return spot;
}

// What to put down so that nothing is in the slab any more; nothing if that is not so now.
std::vector<Record> Disk::moves(const Leaving& leaving) const {
  std::vector<Record> records;
  std::map<ExtentNumber, std::set<Pages>> copied;
  for (const Copied& one : leaving.copied) {
    copied[one.extent].insert(one.page);
    if (table_.find(one.extent)->is_needed(one.page)) records.push_back(moved(one.extent, one.page, one.to));
  }
  for (const auto& [extent, pages] : leaving.tenants) {
    const ExtentEntry& entry = *table_.find(extent);
    // It is about to be dropped as a whole.
    if (entry.is_empty()) return {};
    for (const Pages page : pages) {
      const bool needed = entry.is_needed(page);
      if (needed && !copied[extent].contains(page)) return {};
      if (!needed) records.push_back({Record::Kind::forget, extent, page, 0});
    }
    if (entry.slab == leaving.slab) records.push_back({Record::Kind::vacate, extent, 0, 0});
  }
  // The log must have room for all there is, twice.
  if ((table_.snapshot().size() + records.size()) * 2 > log_->capacity()) return {};
  return records;
}

// ---- back into a slab of its own

// Whatever is damaged stays so: who begins anew looks at each run.
Task<std::uint32_t> Disk::gather(ExtentNumber extent) {
  const auto slab = table_.spare_slab();
  if (!slab) co_return fail(ErrorCode::out_of_space, "no slab to begin an extent anew in");
  table_.reserve(*slab);
  moving_.insert(extent);
  const auto gathered = co_await gather_into(*slab, extent);
  moving_.erase(extent);
  punched_.finish(done);
  if (gathered) co_return *slab;
  table_.give_up(*slab);
  co_return std::unexpected(gathered.error());
}

// What was in the slab before may be of the same extent: no scan may go on where a run is missing.
Task<> Disk::gather_into(std::uint32_t slab, ExtentNumber extent) {
  const std::uint64_t begin = slab_offset(superblock_, slab);
  const Chunk nothing = aligned_chunk(std::string(kPageSize, '\0'));
  const auto moved = table_.find(extent)->moved;
  Pages next = 0;
  for (const auto& [page, spot] : moved) {
    if (!table_.find(extent)->is_needed(page)) continue;
    CO_TRY(const auto run, co_await run_at(extent, page));
    const auto from = where(extent, page);
    if (!run || !from) continue;
    if (page > next) {
      CO_TRY(co_await write_fully(file_, nothing, begin + bytes_of(next)));
    }
    const Chunk image = aligned_memory(bytes_of(pages_of(*run)));
    CO_TRY(co_await read_fully(file_, image, *from));
    CO_TRY(co_await write_fully(file_, image, begin + bytes_of(page)));
    next = end_of(*run);
  }
  if (next < superblock_.slab_pages) {
    CO_TRY(co_await write_fully(file_, nothing, begin + bytes_of(next)));
  }
  co_return co_await flush_.flush();
}

}  // namespace sluice::rdma

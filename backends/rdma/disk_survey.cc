// What can be said of an extent of which headers are damaged.
#include "backends/rdma/disk.h"

namespace sluice::rdma {
namespace {

// Pages that a header is looked for in, in one part: there may be none for long.
constexpr Pages kLookedForMax = 1024;

std::size_t parts_of(const Survey& survey) {
  return survey.runs.size() + survey.lacking.size() + survey.released.size() + survey.unknown.size();
}

}  // namespace

// In a slab of its own the next header is looked for page by page. What is found is one of the extent as it was sealed:
// each page below its end was written with the run that it is in, and a header names extent, disk and page. Of one that
// was compacted it is known where each run is, and what is nowhere was released.
Task<Survey> Disk::survey(ExtentNumber extent, Pages from, std::size_t count) {
  const ExtentEntry* entry = table_.find(extent);
  const auto none = fail(ErrorCode::corrupt, "no such extent");
  if (entry == nullptr || !entry->sealed || !entry->holds()) co_return none;
  const Pages end = entry->sealed->pages;
  const auto first_behind = [&](Pages page) {
    const auto moved = entry->moved.lower_bound(page);
    return moved == entry->moved.end() ? end : std::min(moved->first, end);
  };
  Survey survey;
  for (Pages page = from; page < end && parts_of(survey) < count;) {
    const bool compacted = !entry->slab;
    if (compacted && !entry->moved.contains(page)) {
      survey.released.push_back({page, first_behind(page)});
      page = survey.released.back().end;
      continue;
    }
    CO_TRY(const auto header, co_await header_at(extent, page));
    const std::optional<Run> run = header ? std::optional(header->run) : std::nullopt;
    Pages next = run ? end_of(*run) : page + 1;
    while (!run && !compacted && next < std::min(end, page + kLookedForMax)) {
      CO_TRY(const auto found, co_await run_at(extent, next));
      if (found) break;
      ++next;
    }
    if (!run && compacted) next = first_behind(next);
    // It may have been dropped, or moved, meanwhile.
    if (!entry->sealed || !entry->holds()) co_return none;
    if (compacted == entry->slab.has_value()) co_return fail(ErrorCode::busy, "it is being compacted");
    if (run && entry->is_needed(page)) {
      (header->lacking ? survey.lacking : survey.runs).push_back(*run);
    } else {
      (run ? survey.released : survey.unknown).push_back({page, next});
    }
    page = next;
  }
  co_return survey;
}

}  // namespace sluice::rdma

// What is in an extent of which every disk that has all has a damaged header.
#include "backends/rdma/repair.h"
#include "backends/rdma/survey.h"

namespace sluice::rdma {

// What one cannot read another can. All of them have all, before and after they are asked.
Task<std::vector<Run>> Repair::pieced_together(ExtentNumber extent, const ExtentRecord& record,
                                               const std::vector<Uuid>& disks) {
  std::vector<Survey> surveys;
  Error failure{ErrorCode::unavailable, "no disk that has all is there"};
  for (const Uuid& disk : disks) {
    auto survey = co_await cluster_.survey_at(disk, extent, record.pages);
    const auto all = co_await seal_at(extent, record, disk);
    if (survey && all) {
      surveys.push_back(*std::move(survey));
    } else {
      failure = survey ? all.error() : survey.error();
    }
  }
  if (surveys.empty()) co_return std::unexpected(failure);
  const Known known = merged(surveys);
  if (known.unknown.empty()) co_return known.runs;
  const std::uint64_t number = static_cast<std::uint64_t>(extent), page = known.unknown.front().begin;
  cluster_.log_.error("header_lost", {{"extent", number}, {"page", page}});
  co_return fail(ErrorCode::corrupt, "no disk has a run's header");
}

}  // namespace sluice::rdma

#include "backends/rdma/survey.h"

#include <algorithm>
#include <map>

#include "backends/rdma/disk_format.h"
#include "backends/rdma/mending.h"
#include "backends/rdma/replica.h"

namespace sluice::rdma {
namespace {

// In the length of a part that is not a run; the rest of that is pages then.
constexpr std::uint32_t kReleased = 1U << 31, kUnknown = 1U << 30;
// In that of a run.
constexpr std::uint32_t kLacking = 1U << 29;

// The parts of `ranges` that are in none of `others`; both in the order of their pages.
std::vector<PageRange> without(const std::vector<PageRange>& ranges, const std::vector<PageRange>& others) {
  std::vector<PageRange> left;
  for (PageRange range : ranges) {
    for (const PageRange& other : others) {
      if (other.end <= range.begin || other.begin >= range.end) continue;
      if (range.begin < other.begin) left.push_back({range.begin, other.begin});
      range.begin = std::min(other.end, range.end);
    }
    if (range.begin < range.end) left.push_back(range);
  }
  return left;
}

std::vector<PageRange> known_to(const Survey& survey) {
  std::vector<PageRange> known = survey.released;
  for (const Run& run : survey.runs) known.push_back({run.page, end_of(run)});
  for (const Run& run : survey.lacking) known.push_back({run.page, end_of(run)});
  std::ranges::sort(known, {}, &PageRange::begin);
  return known;
}

}  // namespace

Pages end_of(const Survey& survey) {
  Pages end = survey.runs.empty() ? 0 : end_of(survey.runs.back());
  if (!survey.lacking.empty()) end = std::max(end, end_of(survey.lacking.back()));
  if (!survey.released.empty()) end = std::max(end, survey.released.back().end);
  if (!survey.unknown.empty()) end = std::max(end, survey.unknown.back().end);
  return end;
}

Known merged(const std::vector<Survey>& surveys) {
  Known known;
  if (surveys.empty()) return known;
  std::vector<std::vector<Run>> lists;
  known.unknown = surveys[0].unknown;
  for (const Survey& survey : surveys) {
    lists.push_back(survey.runs);
    lists.push_back(survey.lacking);
    known.unknown = without(known.unknown, known_to(survey));
  }
  known.runs = runs_of_any(lists);
  return known;
}

std::string encode_survey(const Survey& survey) {
  std::map<Pages, Run> parts;
  for (const Run& run : survey.runs) parts[run.page] = run;
  for (const Run& run : survey.lacking) parts[run.page] = {run.page, kLacking | run.length, run.crc32c};
  for (const PageRange& range : survey.released)
    parts[range.begin] = {range.begin, kReleased | (range.end - range.begin), 0};
  for (const PageRange& range : survey.unknown)
    parts[range.begin] = {range.begin, kUnknown | (range.end - range.begin), 0};
  std::vector<Run> all;
  for (const auto& [page, part] : parts) all.push_back(part);
  return encode_runs(all);
}

Result<Survey> decode_survey(std::string_view bytes) {
  TRY(const auto parts, decode_runs(bytes));
  Survey survey;
  Pages next = parts.empty() ? 0 : parts.front().page;
  for (const Run& part : parts) {
    const auto wrong = fail(ErrorCode::corrupt, "a survey");
    if (part.page != next) return wrong;
    const std::uint32_t kind = part.length & (kReleased | kUnknown | kLacking), rest = part.length & ~kind;
    const bool is_run = (kind == 0 || kind == kLacking) && rest <= kRunLengthMax;
    const bool is_range = (kind == kReleased || kind == kUnknown) && rest > 0 && rest <= 1U << 20;
    if (!is_run && !is_range) return wrong;
    const Run run{part.page, rest, part.crc32c};
    next = is_run ? end_of(run) : part.page + rest;
    if (is_run) (kind == kLacking ? survey.lacking : survey.runs).push_back(run);
    if (is_range) (kind == kReleased ? survey.released : survey.unknown).push_back({part.page, next});
  }
  return survey;
}

}  // namespace sluice::rdma

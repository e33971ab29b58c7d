#include <algorithm>
#include <boost/asio/as_tuple.hpp>

#include "backends/rdma/cluster.h"
#include "backends/rdma/replica.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kRecordsListed = 500;
constexpr std::size_t kRunsListed = 20'000;  // As far as a slot has room for them.

}  // namespace

Task<> Cluster::release(RunPlace place) {
  if (options_.release_delay == std::chrono::seconds(0)) co_return co_await release_now(place);
  released_.emplace_back(Clock::now() + options_.release_delay, place);
  if (released_.size() == 1) releaser_->cancel();
  co_return done;
}

Awaitable<> Cluster::release_due() {
  const auto timer = releaser_;
  while (true) {
    if (released_.empty()) {
      timer->expires_at(Clock::time_point::max());
    } else {
      timer->expires_at(released_.front().first);
    }
    co_await timer->async_wait(asio::as_tuple(use_task));
    while (!released_.empty() && released_.front().first <= Clock::now()) {
      const RunPlace place = released_.front().second;
      released_.pop_front();
      const auto outcome = co_await release_now(place);
      if (!outcome) log_.warning("a run was not given back", {{"detail", outcome.error().detail}});
    }
  }
}

Task<> Cluster::release_now(RunPlace place) {
  const auto found = co_await record(place.extent);
  if (!found && found.error().code == ErrorCode::corrupt) co_return done;
  CO_TRY(found);
  ++counts_.releases;
  if (found->state == ExtentState::coded) co_return co_await release_in_stripe(place);
  CO_TRY(bool gone, co_await release_at_all(*found, place));
  if (!gone) co_return done;
  // Only those that are its members now can say that nothing of it is needed.
  CO_TRY(const auto now, co_await control_.find(place.extent));
  records_.erase(place.extent);
  if (!now) co_return done;
  // Disks that dropped their copies say as well that nothing is left.
  if (now->record.state == ExtentState::coded) co_return co_await release_in_stripe(place);
  if (now->record != *found) {
    CO_TRY(gone, co_await release_at_all(now->record, place));
  }
  if (gone) {
    CO_TRY(co_await control_.erase(place.extent, now->revision));
  }
  co_return done;
}

// What parity was made of stays: a collect() finds what no index names any more.
Task<> Cluster::release_in_stripe(RunPlace) {
  ++counts_.releases_kept;
  co_return done;
}

// Whether none of the members has anything of the extent any more.
Task<bool> Cluster::release_at_all(const ExtentRecord& found, RunPlace place) {
  Result<> outcome = fail(ErrorCode::unavailable, "no replica answers");
  bool gone = found.state == ExtentState::sealed;
  for (const Uuid& member : found.members) {
    const auto there = co_await release_at(member, place);
    if (there) outcome = done;
    if (!there || *there) gone = false;
  }
  CO_TRY(std::move(outcome));
  co_return gone;
}

// Whether the extent is still there.
Task<bool> Cluster::release_at(Uuid member, RunPlace place) {
  CO_TRY(NodeClient* const client, co_await node(member));
  const Release message{.replica = {member, place.extent}, .page = place.page};
  const auto reply = co_await client->call(message, options_.timeouts.read);
  if (!reply && reply.error().code == ErrorCode::corrupt) co_return true;
  CO_TRY(reply);
  co_return reply->value != 0;
}

Task<> Cluster::erase(ExtentNumber extent) {
  CO_TRY(const auto found, co_await control_.find(extent));
  if (found) {
    CO_TRY(co_await control_.erase(extent, found->revision));
  }
  records_.erase(extent);
  co_return done;
}

template <class Question>
Task<std::string> Cluster::listed_at(Uuid member, ExtentNumber extent, Pages& from, std::size_t count) {
  CO_TRY(NodeClient* const client, co_await node(member));
  Result<std::string> listed = fail(ErrorCode::unavailable, "a list longer than its room");
  {
    const Chunk slot = co_await landing_slot();
    const Chunk into = slot.slice(0, std::min(slot.size(), count * kListedRunSize));
    const Question message{.replica = {member, extent}, .page = from, .to = landing_.name_of(into.bytes())};
    const auto reply = co_await client->call(message, options_.timeouts.read, std::make_shared<Chunk>(slot));
    if (!reply) {
      listed = std::unexpected(reply.error());
    } else if (reply->size <= into.size()) {
      const auto text = into.text().substr(0, reply->size);
      listed = fail(ErrorCode::corrupt, "a list changed on its way");
      if (crc32c(text) == reply->crc32c) listed = std::string(text);
      from = static_cast<Pages>(reply->value);
    }
  }
  landing_freed_.finish(done);
  co_return listed;
}

Task<RunHeader> Cluster::header_at(Uuid member, RunPlace place) {
  Pages from = place.page;
  CO_TRY(const std::string page,
         co_await listed_at<Describe>(member, place.extent, from, kPageSize / kListedRunSize + 1));
  auto header = decode_run_header(page);
  if (!header) co_return fail(ErrorCode::corrupt, "a run's header");
  co_return *std::move(header);
}

// Who has heard that nobody needs it.
Task<bool> Cluster::has_released(Uuid member, RunPlace place) {
  Pages from = place.page;
  CO_TRY(const std::string bytes, co_await listed_at<Inspect>(member, place.extent, from, 1));
  CO_TRY(const auto survey, decode_survey(bytes));
  co_return !survey.released.empty() && survey.released.front().begin == place.page;
}

Task<std::vector<Run>> Cluster::list_at(Uuid member, ExtentNumber extent, Pages& from, std::size_t count) {
  CO_TRY(const std::string bytes, co_await listed_at<List>(member, extent, from, count));
  co_return decode_runs(bytes);
}

Task<Survey> Cluster::survey_at(Uuid member, ExtentNumber extent, Pages end) {
  std::string parts;
  Pages from = 0, before = 0;
  do {
    before = from;
    CO_TRY(const std::string some, co_await listed_at<Inspect>(member, extent, from, kRunsListed));
    parts += some;
  } while (from > before);
  CO_TRY(auto survey, decode_survey(parts));
  if (end_of(survey) != end) co_return fail(ErrorCode::corrupt, "a survey of another length");
  co_return survey;
}

Task<std::vector<Run>> Cluster::runs_at(Uuid member, ExtentNumber extent, Pages end) {
  std::vector<Run> runs;
  Pages from = 0;
  do {
    CO_TRY(const auto some, co_await list_at(member, extent, from, kRunsListed));
    for (const Run& run : some) {
      if (end_of(run) <= end) runs.push_back(run);
    }
  } while (from != 0);
  co_return runs;
}

Task<Cluster::Left> Cluster::abandoned() {
  Left left;
  std::map<Uuid, bool> buried{{writer_, false}};
  ExtentNumber next{};
  while (true) {
    CO_TRY(const auto some, co_await control_.list(next, kRecordsListed));
    for (const NumberedRecord& one : some) {
      next = ExtentNumber{static_cast<std::uint64_t>(one.extent) + 1};
      // Stripes and fragments have none, and go with what is in them.
      if (one.versioned.record.stripe || is_fragment(one.versioned.record)) continue;
      const Uuid& writer = one.versioned.record.writer;
      if (!buried.contains(writer)) {
        CO_TRY(buried[writer], co_await control_.bury(writer));
        if (buried[writer]) left.writers.push_back(writer);
      }
      if (!buried[writer]) continue;
      const auto sealed = co_await seal(one.extent);
      if (sealed) {
        left.extents.push_back(one.extent);
        if (sealed->state == ExtentState::coded) left.coded.insert(one.extent);
      } else {
        log_.warning("an extent cannot be sealed", {{"detail", sealed.error().detail}});
      }
    }
    if (some.size() < kRecordsListed) co_return left;
  }
}

Task<std::uint64_t> Cluster::collect(Abandoned abandoned, LiveIds live, bool give_back) {
  std::uint64_t orphan_bytes = 0;
  for (const ExtentNumber extent : *abandoned) {
    CO_TRY(const auto bytes, co_await collect_extent(extent, *live, give_back));
    orphan_bytes += bytes;
  }
  co_return orphan_bytes;
}

Task<std::uint64_t> Cluster::collect_extent(ExtentNumber extent, const std::vector<ExtentId>& live, bool give_back) {
  CO_TRY(const auto found, co_await control_.find(extent));
  if (!found) co_return 0;
  const ExtentRecord& sealed = found->record;
  std::map<Pages, std::uint64_t> orphans;
  for (const Uuid& member : sealed.members) {
    if (sealed.pages == 0) break;
    const auto runs = co_await runs_at(member, extent, sealed.pages);
    if (!runs) continue;
    for (const Run& run : *runs) {
      if (!std::ranges::binary_search(live, id_of({extent, run.page}))) {
        orphans[run.page] = bytes_of(pages_for(run.length));
      }
    }
  }
  std::uint64_t orphan_bytes = 0;
  for (const auto& [page, size] : orphans) {
    orphan_bytes += size;
    if (give_back) {
      CO_TRY(co_await release({extent, page}));
    }
  }
  // Nobody can name anything of it any more, whatever disks say that do not answer.
  const auto first = std::ranges::lower_bound(live, id_of({extent, 0}));
  const bool named = first != live.end() && place_of(*first).extent == extent;
  if (give_back && !named) {
    CO_TRY(co_await erase(extent));
  }
  co_return orphan_bytes;
}

}  // namespace sluice::rdma

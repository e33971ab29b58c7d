#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "backends/rdma/cluster.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {

namespace asio = boost::asio;

namespace {

constexpr int kAttemptsMax = 4;
constexpr std::size_t kRecordsKept = 100'000;
// How long another replica is not asked: before it is known how long reads take, and at least.
constexpr std::chrono::milliseconds kHedgeAtFirst{100}, kHedgeMin{2};

}  // namespace

Task<ExtentRecord> Cluster::record(ExtentNumber extent) {
  if (const auto known = records_.find(extent); known != records_.end()) co_return known->second;
  CO_TRY(const auto found, co_await control_.find(extent));
  if (!found) co_return fail(ErrorCode::corrupt, "no such extent");
  if (records_.size() >= kRecordsKept) records_.clear();
  records_.insert_or_assign(extent, found->record);
  co_return found->record;
}

// Its members may have changed since the record was read, or be elsewhere, or it was coded.
Task<Chunk> Cluster::read(RunPlace place, Run run, ByteRange range) {
  ++counts_.reads;
  CO_TRY(auto found, co_await record(place.extent));
  for (int attempt = 1;; ++attempt) {
    const bool is_coded = found.state == ExtentState::coded;
    auto bytes = is_coded ? co_await stripe_reads_.read(found, place, run, range)
                          : co_await read_from_any(found, place, run, range);
    if (bytes || attempt == kAttemptsMax) co_return bytes;
    if (is_coded) records_.erase(found.place->stripe);
    records_.erase(place.extent);
    CO_TRY(auto now, co_await record(place.extent));
    if (attempt > 1 && now == found) co_return bytes;
    found = std::move(now);
    co_await refresh_nodes();
  }
}

// One replica after the other.
Task<Chunk> Cluster::read_from_any(ExtentRecord found, RunPlace place, Run run, ByteRange range) {
  std::vector<Attempt> attempts;
  for (const Uuid& member : reading_order(found, place)) {
    attempts.emplace_back([=, this] { return read_from(member, place, run, range); });
  }
  CO_TRY(auto won, co_await race(std::move(attempts), 1));
  co_return std::move(won.begin()->second);
}

Task<Cluster::Won> Cluster::race(std::vector<Attempt> attempts, std::size_t wanted) {
  const auto race = std::make_shared<Race>();
  races_.insert(race);
  Timer hedge(fabric_.executor());
  std::size_t begun = 0;
  while (race->won.size() < wanted) {
    const bool enough = race->won.size() + race->under_way >= wanted;
    if (begun == attempts.size() || (enough && !race->slow)) {
      if (race->under_way == 0) break;
      co_await race->news.wait();
      continue;
    }
    if (enough) ++counts_.hedged_reads;
    ++race->under_way;
    asio::co_spawn(fabric_.executor(), attempt(race, begun, attempts[begun]), asio::detached);
    ++begun;
    race->slow = false;
    hedge.expires_after(std::max<LatencyWindow::Duration>(read_times_.p95(kHedgeAtFirst), kHedgeMin));
    hedge.async_wait([weak = std::weak_ptr(race)](const boost::system::error_code& error) {
      const auto there = weak.lock();
      if (error || !there) return;
      there->slow = true;
      there->news.finish(done);
    });
  }
  races_.erase(race);
  if (race->won.size() >= wanted) co_return std::move(race->won);
  co_return std::unexpected(race->failure);
}

Awaitable<> Cluster::attempt(std::shared_ptr<Race> race, std::size_t number, Attempt attempt) {
  auto bytes = co_await attempt();
  --race->under_way;
  if (bytes) {
    race->won.emplace(number, *std::move(bytes));
  } else if (race->failure.code == ErrorCode::unavailable) {
    // Damage is worse news than silence.
    race->failure = bytes.error();
  }
  race->news.finish(done);
}

// Different runs begin at different replicas, and none at one that failed a moment ago.
std::vector<Uuid> Cluster::reading_order(const ExtentRecord& found, RunPlace place) const {
  std::vector<Uuid> order, suspects;
  const std::size_t count = found.members.size();
  for (std::size_t n = 0; n < count; ++n) {
    const Uuid& member = found.members[(static_cast<std::uint64_t>(place.extent) + place.page + n) % count];
    const auto client = nodes_.find(member);
    const bool suspect = client == nodes_.end() || client->second->is_suspect();
    (suspect ? suspects : order).push_back(member);
  }
  order.insert(order.end(), suspects.begin(), suspects.end());
  // What no member has whole, these may have.
  order.insert(order.end(), found.partial.begin(), found.partial.end());
  return order;
}

Task<Chunk> Cluster::read_from(Uuid member, RunPlace place, Run run, ByteRange range) {
  const auto began = Clock::now();
  auto bytes = co_await fetch(member, place, run, range);
  if (bytes) {
    read_times_.note(Clock::now() - began);
  } else {
    ++counts_.read_failures;
    log_.warning("replica_not_read", {{"detail", bytes.error().detail}});
  }
  co_return bytes;
}

Task<Chunk> Cluster::fetch(Uuid member, RunPlace place, Run run, ByteRange range) {
  CO_TRY(NodeClient* const client, co_await node(member));
  Result<Chunk> bytes = fail(ErrorCode::corrupt, "bytes changed on their way");
  {
    const Chunk slot = co_await landing_slot();
    const auto into = slot.slice(0, range.length);
    const Read message{.replica = {member, place.extent},
                       .run = run,
                       .offset = static_cast<std::uint32_t>(range.offset),
                       .length = static_cast<std::uint32_t>(range.length),
                       .to = landing_.name_of(into.bytes())};
    const auto reply = co_await client->call(message, options_.timeouts.read, std::make_shared<Chunk>(slot));
    if (!reply) bytes = std::unexpected(reply.error());
    const bool whole = reply && reply->size == range.length && crc32c(into.text()) == reply->crc32c;
    if (whole) bytes = Chunk::of(std::string(into.text()));
  }
  landing_freed_.finish(done);
  co_return bytes;
}

Awaitable<Chunk> Cluster::landing_slot() {
  while (true) {
    auto slot = landing_.take();
    if (slot) co_return *std::move(slot);
    co_await landing_freed_.wait();
  }
}

}  // namespace sluice::rdma

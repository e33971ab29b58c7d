#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "backends/rdma/cluster.h"

namespace sluice::rdma {

namespace asio = boost::asio;

namespace {

constexpr int kAttemptsMax = 8;
constexpr int kFencingsMax = 3;

std::uint64_t seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

}  // namespace

// One attempt at a time; whoever comes meanwhile reads what it came to.
Task<ExtentRecord> Cluster::seal(ExtentNumber extent, Pages acknowledged) {
  if (const auto under_way = sealing_.find(extent); under_way != sealing_.end()) {
    CO_TRY(co_await under_way->second.wait());
    co_return co_await record(extent);
  }
  sealing_.try_emplace(extent);
  auto sealed = co_await seal_once(extent, acknowledged);
  Waiters waiting = std::move(sealing_.at(extent));
  sealing_.erase(extent);
  if (sealed) records_.insert_or_assign(extent, *sealed);
  waiting.finish(sealed ? done : Result<>(std::unexpected(sealed.error())));
  co_return sealed;
}

Task<ExtentRecord> Cluster::seal_once(ExtentNumber extent, Pages acknowledged) {
  CO_TRY(const auto nodes, co_await refresh_nodes());
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    CO_TRY(const auto found, co_await control_.find(extent));
    if (!found) co_return fail(ErrorCode::corrupt, "no such extent");
    if (is_final(found->record)) co_return found->record;
    Sealing sealing(begin_seal(found->record, acknowledged));
    CO_TRY(const bool begun, co_await control_.set(extent, found->revision, sealing.begun()));
    if (!begun) continue;
    std::vector<Awaitable<>> fences;
    fences.reserve(sealing.begun().members.size());
    for (std::size_t member = 0; member < sealing.begun().members.size(); ++member) {
      const Uuid& disk = sealing.begun().members[member];
      const bool known = std::ranges::any_of(nodes, [&](const Node& one) { return one.address.incarnation == disk; });
      if (known) {
        fences.push_back(fence(extent, member, sealing));
      } else {
        sealing.gone(member);
      }
    }
    co_await all(std::move(fences));
    if (!sealing.possible()) {
      // A fence may have shared the fate of a connection to where a node was before it restarted.
      if (attempt + 1 < kFencingsMax) continue;
      co_return fail(ErrorCode::unavailable, "too few members of the extent answer");
    }
    CO_TRY(const auto now, co_await control_.find(extent));
    if (!now || now->record != sealing.begun()) continue;
    ExtentRecord sealed = sealing.sealed();
    sealed.sealed_s = seconds_now();
    CO_TRY(const bool set, co_await control_.set(extent, now->revision, sealed));
    if (!set) continue;
    ++counts_.seals;
    asio::co_spawn(fabric_.executor(), tell_sealed(extent, sealed), asio::detached);
    co_return sealed;
  }
  co_return fail(ErrorCode::unavailable, "others seal the extent");
}

Awaitable<> Cluster::fence(ExtentNumber extent, std::size_t member, Sealing& sealing) {
  const Uuid incarnation = sealing.begun().members[member];
  const auto client = co_await node(incarnation);
  if (!client) co_return;
  const Fence message{.replica = {incarnation, extent}, .epoch = sealing.epoch()};
  const auto reply = co_await (*client)->call(message, options_.timeouts.fence);
  if (reply) sealing.fenced(member, static_cast<Pages>(reply->value), reply->size != 0);
}

// Members may learn their length late: nobody reads beyond it.
Awaitable<> Cluster::tell_sealed(ExtentNumber extent, ExtentRecord sealed) {
  for (const Uuid& member : sealed.members) {
    const auto client = co_await node(member);
    if (!client) continue;
    const Seal message{.replica = {member, extent}, .epoch = sealed.epoch, .pages = sealed.pages};
    co_await (*client)->call(message, options_.timeouts.fence);
  }
}

}  // namespace sluice::rdma

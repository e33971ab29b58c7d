#include "backends/rdma/cluster.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "backends/rdma/disk_format.h"
#include "backends/rdma/placement.h"
#include "backends/rdma/replica.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {

namespace asio = boost::asio;

namespace {

constexpr int kAttemptsMax = 8;
constexpr int kFencingsMax = 3;
constexpr std::size_t kRecordsKept = 100'000;
constexpr std::size_t kRecordsListed = 500;
// How long another replica is not asked: before it is known how long reads take, and at least.
constexpr std::chrono::milliseconds kHedgeAtFirst{100}, kHedgeMin{2};

}  // namespace

ExtentId id_of(RunPlace place) { return ExtentId{static_cast<std::uint64_t>(place.extent) << kPageBits | place.page}; }

RunPlace place_of(ExtentId id) {
  const auto number = static_cast<std::uint64_t>(id);
  return {ExtentNumber{number >> kPageBits}, static_cast<Pages>(number & ((1U << kPageBits) - 1))};
}

/// An extent that this run appends to, or has until something failed.
struct Cluster::OpenExtent {
  ExtentNumber number{};
  std::vector<Uuid> members;
  std::vector<NodeClient*> nodes;
  AppendWindow window;
  bool failed = false;
  std::size_t waiting = 0;  ///< Appends that are not acknowledged.
  Waiters progress;
};

Cluster::Cluster(Control& control, Fabric& fabric, Staging& staging, Staging& landing, ClusterOptions options, Log& log)
    : control_(control),
      fabric_(fabric),
      staging_(staging),
      landing_(landing),
      options_(std::move(options)),
      log_(log),
      random_(std::random_device{}()),
      keeper_(std::make_shared<Timer>(fabric.executor())),
      releaser_(std::make_shared<Timer>(fabric.executor())) {}

// Those who wait hold what they wait for.
Cluster::~Cluster() {
  for (const auto& open : std::exchange(working_, {})) std::exchange(open->progress, {});
  for (const auto& race : std::exchange(races_, {})) std::exchange(race->news, {});
}

Task<> Cluster::enter() {
  CO_TRY(co_await control_.keep_writer(writer_));
  CO_TRY(co_await refresh_nodes());
  asio::co_spawn(fabric_.executor(), keep_alive(), asio::detached);
  if (options_.release_delay > std::chrono::seconds(0)) {
    asio::co_spawn(fabric_.executor(), release_due(), asio::detached);
  }
  co_return done;
}

Task<> Cluster::leave() {
  const auto left = co_await control_.leave_manager(writer_);
  CO_TRY(co_await control_.leave_writer(writer_));
  co_return left;
}

Awaitable<> Cluster::keep_alive() {
  const auto timer = keeper_;
  while (true) {
    timer->expires_after(options_.keep_period);
    co_await timer->async_wait(asio::as_tuple(use_task));
    const auto kept = co_await control_.keep_writer(writer_);
    if (kept) {
      const auto nodes = co_await refresh_nodes();
      if (nodes) retire_current(*nodes);
      continue;
    }
    log_.error("cluster_keep_failed", {{"detail", kept.error().detail}});
    if (kept.error().code != ErrorCode::conflict) continue;
    if (options_.given_up) options_.given_up();
    co_return;
  }
}

// Runs all of them at one time, and returns when all have ended.
Awaitable<> Cluster::all(std::vector<Awaitable<>> tasks) {
  std::size_t left = tasks.size();
  Waiters ended;
  for (auto& task : tasks) {
    asio::co_spawn(fabric_.executor(), std::move(task), [&left, &ended](const std::exception_ptr&) {
      if (--left == 0) ended.finish(done);
    });
  }
  if (left > 0) co_await ended.wait();
}

// An extent that nobody appends to does not notice that a member has gone, or is to go.
void Cluster::retire_current(const std::vector<Node>& nodes) {
  if (!current_ || current_->window.closed()) return;
  const auto is_fine = [&](const Uuid& member) {
    const auto node = std::ranges::find(nodes, member, [](const Node& one) { return one.address.incarnation; });
    return node != nodes.end() && node->alive && !node->draining;
  };
  if (std::ranges::all_of(current_->members, is_fine)) return;
  current_->window.close();
  asio::co_spawn(fabric_.executor(), seal_when_quiet(current_), asio::detached);
}

// ---- nodes

Task<std::vector<Node>> Cluster::refresh_nodes() {
  CO_TRY(auto nodes, co_await control_.nodes());
  for (const Node& one : nodes) {
    const NodeAddress& address = one.address;
    auto& known = nodes_[address.incarnation];
    if (!known) {
      known = std::make_unique<NodeClient>(fabric_, address, options_.identity, options_.timeouts);
    } else {
      known->move(address);
    }
  }
  co_return nodes;
}

Task<NodeClient*> Cluster::node(Uuid incarnation) {
  if (!nodes_.contains(incarnation)) {
    CO_TRY(co_await refresh_nodes());
  }
  const auto found = nodes_.find(incarnation);
  if (found == nodes_.end()) co_return fail(ErrorCode::unavailable, "no such node");
  co_return found->second.get();
}

Awaitable<> Cluster::ask_room(NodeClient& client, std::vector<DiskChoice>& choices) {
  const auto status = co_await client.call(Status{}, options_.timeouts.fence);
  if (!status) co_return;
  const NodeAddress& address = client.address();
  choices.push_back({address.incarnation, address.machine, address.zone, status->value});
}

// Asks every node how much room it has, and places.
Task<std::vector<Uuid>> Cluster::members() {
  CO_TRY(const auto nodes, co_await refresh_nodes());
  std::vector<DiskChoice> choices;
  std::vector<Awaitable<>> questions;
  std::size_t usable = 0;
  for (const Node& one : nodes) {
    if (one.draining) continue;
    ++usable;
    NodeClient& client = *nodes_.at(one.address.incarnation);
    if (one.alive && !client.is_suspect()) questions.push_back(ask_room(client, choices));
  }
  co_await all(std::move(questions));
  auto placed = place(choices, options_.replicas, random_());
  const bool down = !placed && choices.size() < usable;
  if (down) co_return fail(ErrorCode::unavailable, placed.error().detail);
  co_return placed;
}

// ---- append

Task<Cluster::OpenExtentPtr> Cluster::current() {
  while (!current_ || current_->window.closed()) {
    if (opening_) {
      CO_TRY(co_await opened_.wait());
      continue;
    }
    opening_ = true;
    auto opened = co_await open();
    opening_ = false;
    const Result<> outcome = opened ? done : Result<>(std::unexpected(opened.error()));
    if (opened) current_ = *opened;
    opened_.finish(outcome);
    CO_TRY(outcome);
  }
  co_return current_;
}

Task<Cluster::OpenExtentPtr> Cluster::open() {
  CO_TRY(const auto chosen, co_await members());
  CO_TRY(const auto number, co_await control_.create({.writer = writer_, .members = chosen}));
  const auto opened = std::make_shared<OpenExtent>(number, chosen, std::vector<NodeClient*>{},
                                                   AppendWindow(chosen.size(), options_.extent_pages));
  ++counts_.extents_opened;
  for (const Uuid& member : chosen) opened->nodes.push_back(nodes_.at(member).get());
  co_return opened;
}

Task<RunPlace> Cluster::append(Chunk slot, std::uint32_t length, std::uint32_t crc32c) {
  ++counts_.appends;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    CO_TRY(const auto open, co_await current());
    Run run{0, length, crc32c};
    const auto page = open->window.reserve(pages_of(run));
    if (!page) {
      // Full: what is under way in it ends, and then it is sealed.
      open->window.close();
      asio::co_spawn(fabric_.executor(), seal_when_quiet(open), asio::detached);
      continue;
    }
    run.page = *page;
    const RunPlace place{open->number, run.page};
    working_.insert(open);
    ++open->waiting;
    for (std::size_t member = 0; member < open->nodes.size(); ++member) {
      asio::co_spawn(fabric_.executor(), append_to(open, member, run, slot), asio::detached);
    }
    while (open->window.acknowledged() < end_of(run) && !open->failed) co_await open->progress.wait();
    if (--open->waiting == 0) working_.erase(open);
    open->progress.finish(done);
    if (open->window.acknowledged() >= end_of(run)) co_return place;
    CO_TRY(const auto sealed, co_await seal(open->number, open->window.acknowledged()));
    if (end_of(run) <= sealed.pages) {
      if (sealed.members.size() >= std::min(options_.copies_min, options_.replicas)) co_return place;
      // There, but on too few: nobody gets to know of this one.
      asio::co_spawn(fabric_.executor(), forget(place), asio::detached);
    }
  }
  co_return fail(ErrorCode::unavailable, "extent nodes fail one after the other");
}

Awaitable<> Cluster::forget(RunPlace place) { co_await release_now(place); }

Awaitable<> Cluster::append_to(OpenExtentPtr open, std::size_t member, Run run, Chunk slot) {
  const Append append{.replica = {open->members[member], open->number},
                      .epoch = Epoch{1},
                      .run = run,
                      .from = staging_.name_of(slot.bytes().first(run.length))};
  const auto reply =
      co_await open->nodes[member]->call(append, options_.timeouts.append, std::make_shared<Chunk>(slot));
  if (reply) {
    open->window.durable(member, static_cast<Pages>(reply->value));
  } else {
    ++counts_.append_failures;
    if (!open->failed) log_.warning("append_failed", {{"detail", reply.error().detail}});
    open->window.close();
    open->failed = true;
  }
  open->progress.finish(done);
}

Awaitable<> Cluster::seal_when_quiet(OpenExtentPtr open) {
  while (open->waiting > 0 && !open->failed) co_await open->progress.wait();
  // If it cannot be sealed now, it is when this run has ended.
  co_await seal(open->number, open->window.acknowledged());
}

// ---- seal

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
    if (found->record.state == ExtentState::sealed) co_return found->record;
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
    const ExtentRecord sealed = sealing.sealed();
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

// ---- read

Task<ExtentRecord> Cluster::record(ExtentNumber extent) {
  if (const auto known = records_.find(extent); known != records_.end()) co_return known->second;
  CO_TRY(const auto found, co_await control_.find(extent));
  if (!found) co_return fail(ErrorCode::corrupt, "no such extent");
  if (records_.size() >= kRecordsKept) records_.clear();
  records_.insert_or_assign(extent, found->record);
  co_return found->record;
}

Task<Chunk> Cluster::read(RunPlace place, Run run, ByteRange range) {
  ++counts_.reads;
  CO_TRY(const auto found, co_await record(place.extent));
  auto bytes = co_await read_from_any(found, place, run, range);
  if (bytes) co_return *std::move(bytes);
  // Its members may have changed since, or be elsewhere.
  records_.erase(place.extent);
  CO_TRY(const auto now, co_await record(place.extent));
  co_await refresh_nodes();
  co_return co_await read_from_any(now, place, run, range);
}

// One replica after the other: the next when one fails, or takes longer than nearly all do.
Task<Chunk> Cluster::read_from_any(ExtentRecord found, RunPlace place, Run run, ByteRange range) {
  const auto order = reading_order(found, place);
  const auto race = std::make_shared<Race>();
  races_.insert(race);
  Timer hedge(fabric_.executor());
  for (std::size_t n = 0; n < order.size() && !race->bytes; ++n) {
    if (race->under_way > 0) ++counts_.hedged_reads;
    ++race->under_way;
    asio::co_spawn(fabric_.executor(), ask(race, order[n], {place, run, range}), asio::detached);
    const auto patience = std::max<LatencyWindow::Duration>(read_times_.p95(kHedgeAtFirst), kHedgeMin);
    race->slow = false;
    hedge.expires_after(patience);
    hedge.async_wait([weak = std::weak_ptr(race)](const boost::system::error_code& error) {
      const auto there = weak.lock();
      if (error || !there) return;
      there->slow = true;
      there->news.finish(done);
    });
    while (!race->bytes && race->under_way > 0 && !race->slow) co_await race->news.wait();
    hedge.cancel();
  }
  while (!race->bytes && race->under_way > 0) co_await race->news.wait();
  races_.erase(race);
  if (race->bytes) co_return *std::move(race->bytes);
  co_return std::unexpected(race->failure);
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

Awaitable<> Cluster::ask(std::shared_ptr<Race> race, Uuid member, Piece piece) {
  const auto began = Clock::now();
  auto bytes = co_await read_from(member, piece.place, piece.run, piece.range);
  --race->under_way;
  if (bytes) {
    read_times_.note(Clock::now() - began);
    if (!race->bytes) race->bytes = *std::move(bytes);
  } else {
    ++counts_.read_failures;
    log_.warning("replica_not_read", {{"detail", bytes.error().detail}});
    // Damage is worse news than silence.
    if (race->failure.code == ErrorCode::unavailable) race->failure = bytes.error();
  }
  race->news.finish(done);
}

Task<Chunk> Cluster::read_from(Uuid member, RunPlace place, Run run, ByteRange range) {
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

// ---- give back

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
  CO_TRY(bool gone, co_await release_at_all(*found, place));
  if (!gone) co_return done;
  // Only those that are its members now can say that nothing of it is needed.
  CO_TRY(const auto now, co_await control_.find(place.extent));
  records_.erase(place.extent);
  if (!now) co_return done;
  if (now->record != *found) {
    CO_TRY(gone, co_await release_at_all(now->record, place));
  }
  if (gone) {
    CO_TRY(co_await control_.erase(place.extent, now->revision));
  }
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

Task<std::vector<Run>> Cluster::runs_at(Uuid member, ExtentNumber extent, Pages end) {
  CO_TRY(NodeClient* const client, co_await node(member));
  std::vector<Run> runs;
  Chunk slot = co_await landing_slot();
  Pages from = 0;
  do {
    const List message{.replica = {member, extent}, .page = from, .to = landing_.name_of(slot.bytes())};
    CO_TRY(const auto reply, co_await client->call(message, options_.timeouts.read, std::make_shared<Chunk>(slot)));
    if (reply.size > slot.size()) co_return fail(ErrorCode::unavailable, "a list longer than its room");
    const auto text = slot.text().substr(0, reply.size);
    if (crc32c(text) != reply.crc32c) co_return fail(ErrorCode::corrupt, "a list changed on its way");
    CO_TRY(const auto some, decode_runs(text));
    for (const Run& run : some) {
      if (end_of(run) <= end) runs.push_back(run);
    }
    from = static_cast<Pages>(reply.value);
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
      const Uuid& writer = one.versioned.record.writer;
      if (!buried.contains(writer)) {
        CO_TRY(buried[writer], co_await control_.bury(writer));
        if (buried[writer]) left.writers.push_back(writer);
      }
      if (!buried[writer]) continue;
      const auto sealed = co_await seal(one.extent);
      if (sealed) {
        left.extents.push_back(one.extent);
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

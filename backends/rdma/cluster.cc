#include "backends/rdma/cluster.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "backends/rdma/placement.h"
#include "backends/rdma/replica.h"

namespace sluice::rdma {

namespace asio = boost::asio;

namespace {

constexpr int kAttemptsMax = 8;

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
  const Pages pages = options_.leave_room ? codable_pages(options_.extent_pages) : options_.extent_pages;
  const auto opened =
      std::make_shared<OpenExtent>(number, chosen, std::vector<NodeClient*>{}, AppendWindow(chosen.size(), pages));
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

Task<> Cluster::append_at(Uuid disk, ExtentNumber extent, Epoch epoch, Run run, Chunk slot) {
  CO_TRY(NodeClient* const client, co_await node(disk));
  const Append message{
      .replica = {disk, extent}, .epoch = epoch, .run = run, .from = staging_.name_of(slot.bytes().first(run.length))};
  CO_TRY(const auto reply, co_await client->call(message, options_.timeouts.read, std::make_shared<Chunk>(slot)));
  if (reply.value < end_of(run)) co_return fail(ErrorCode::unavailable, "a copy with a hole");
  co_return done;
}

Awaitable<> Cluster::seal_when_quiet(OpenExtentPtr open) {
  while (open->waiting > 0 && !open->failed) co_await open->progress.wait();
  // If it cannot be sealed now, it is when this run has ended.
  co_await seal(open->number, open->window.acknowledged());
}

}  // namespace sluice::rdma

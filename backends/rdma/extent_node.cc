#include "backends/rdma/extent_node.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstring>

#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr char kLacks[] = "bytes that the run was stored without";
constexpr std::size_t kSurveyPartsMax = 4096;  // In one answer: it is waited for.
constexpr std::size_t kSlotSize = kPageSize + kRunLengthMax;

Reply refusal(Refusal why) { return {.refusal = why}; }

// Which word of the wire an error of the disk is.
Refusal refusal_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::corrupt:
      return error.detail == "no such run" ? Refusal::no_such_run : Refusal::corrupt;
    case ErrorCode::out_of_space:
      return Refusal::out_of_space;
    default:
      return Refusal::io;
  }
}

Reply reply_of(const Result<>& outcome) { return refusal(outcome ? Refusal::none : refusal_of(outcome.error())); }

const Replicated* replica_in(const Message& message) {
  return std::visit(
      [](const auto& one) -> const Replicated* {
        if constexpr (requires { one.replica; }) return &one.replica;
        return nullptr;
      },
      message);
}

}  // namespace

ExtentNode::ExtentNode(Disk& disk, Fabric& fabric, ExtentNodeOptions options, Log& log)
    : disk_(disk),
      fabric_(fabric),
      options_(std::move(options)),
      log_(log),
      staging_(fabric, options_.staging_slots, kSlotSize, MemoryRegion::Use::by_us) {}

std::string ExtentNode::listen(const std::string& port) {
  return fabric_.listen(port, options_.connections_max, [this](const auto& connection) { accept(connection); });
}

void ExtentNode::accept(const std::shared_ptr<Connection>& connection) {
  const auto session = std::make_shared<Session>();
  session->connection = connection;
  connection->on_message([this, session](const Envelope& envelope) { on_message(session, envelope); });
}

void ExtentNode::on_message(const SessionPtr& session, const Envelope& envelope) {
  if (!session->authenticated) return shake_hands(session, envelope);
  if (std::holds_alternative<Hello>(envelope.message) || std::holds_alternative<Proof>(envelope.message)) {
    return session->connection->close("greeted twice");
  }
  boost::asio::co_spawn(fabric_.executor(), serve(session, envelope), boost::asio::detached);
}

void ExtentNode::shake_hands(const SessionPtr& session, const Envelope& envelope) {
  Handshake& handshake = session->handshake;
  if (const auto* hello = std::get_if<Hello>(&envelope.message)) {
    const std::uint16_t version = std::min(hello->version_max, options_.version_max);
    const bool meant =
        hello->cluster == disk_.superblock().cluster && version >= std::max(hello->version_min, kWireVersion);
    if (!meant || handshake.node_nonce != Nonce{}) return session->connection->close("not of this cluster");
    handshake = {.version = version,
                 .cluster = hello->cluster,
                 .incarnation = disk_.superblock().incarnation,
                 .gateway_nonce = hello->nonce,
                 .node_nonce = random_nonce()};
    const Challenge challenge{.version = version,
                              .incarnation = handshake.incarnation,
                              .nonce = handshake.node_nonce,
                              .mac = node_proof(options_.secret, handshake)};
    return session->connection->send({envelope.request, challenge});
  }
  const auto* proof = std::get_if<Proof>(&envelope.message);
  const bool right = proof != nullptr && handshake.node_nonce != Nonce{} &&
                     equal_proofs(proof->mac, gateway_proof(options_.secret, handshake));
  if (!right) {
    ++counts_.refused_connections;
    log_.warning("a connection without the cluster's secret was refused");
    return session->connection->close("unauthenticated");
  }
  session->authenticated = true;
  ++counts_.connections;
  session->connection->send({envelope.request, Reply{}});
}

Awaitable<> ExtentNode::serve(SessionPtr session, Envelope envelope) {
  if (version_of(envelope.message) > session->handshake.version) {
    session->connection->send({envelope.request, refusal(Refusal::invalid)});
    co_return;
  }
  const auto* replica = replica_in(envelope.message);
  if (replica != nullptr && replica->incarnation != disk_.superblock().incarnation) {
    session->connection->send({envelope.request, refusal(Refusal::wrong_incarnation)});
    co_return;
  }
  // Nobody is told anything of what may be gone in a moment.
  if (replica != nullptr && disk_.is_condemned(replica->extent)) {
    session->connection->send({envelope.request, refusal(Refusal::fenced)});
    co_return;
  }
  Result<> outcome;
  if (const auto* read = std::get_if<Read>(&envelope.message)) {
    outcome = co_await serve(session, envelope.request, *read);
  } else if (const auto* list = std::get_if<List>(&envelope.message)) {
    outcome = co_await serve(session, envelope.request, *list);
  } else if (const auto* inspect = std::get_if<Inspect>(&envelope.message)) {
    outcome = co_await serve(session, envelope.request, *inspect);
  } else if (const auto* describe = std::get_if<Describe>(&envelope.message)) {
    outcome = co_await serve(session, envelope.request, *describe);
  } else {
    Reply reply = refusal(Refusal::invalid);
    if (const auto* append = std::get_if<Append>(&envelope.message)) reply = co_await answer(session, *append);
    if (const auto* lacking = std::get_if<AppendLacking>(&envelope.message)) reply = co_await answer(session, *lacking);
    if (const auto* patch = std::get_if<Patch>(&envelope.message)) reply = co_await answer(session, *patch);
    if (const auto* fence = std::get_if<Fence>(&envelope.message)) reply = co_await answer(session, *fence);
    if (const auto* seal = std::get_if<Seal>(&envelope.message)) reply = co_await answer(session, *seal);
    if (const auto* release = std::get_if<Release>(&envelope.message)) reply = co_await answer(session, *release);
    if (const auto* status = std::get_if<Status>(&envelope.message)) reply = co_await answer(session, *status);
    count(reply);
    session->connection->send({envelope.request, reply});
  }
  tell_damage(envelope.message, outcome);
  if (!outcome) count(reply_of(outcome));
  if (!outcome) session->connection->send({envelope.request, reply_of(outcome)});
  slot_freed_.finish(done);
}

void ExtentNode::count(const Reply& reply) {
  if (reply.refusal == Refusal::corrupt) ++counts_.corrupt;
  if (reply.refusal == Refusal::io) ++counts_.failures;
}

// What was given back is no damage.
void ExtentNode::tell_damage(const Message& message, const Result<>& outcome) {
  const auto* read = std::get_if<Read>(&message);
  if (outcome || read == nullptr || outcome.error().code != ErrorCode::corrupt || !options_.damaged) return;
  const ExtentEntry* entry = disk_.table().find(read->replica.extent);
  if (entry == nullptr || !entry->is_needed(read->run.page) || outcome.error().detail == kLacks) return;
  options_.damaged(read->replica.extent);
}

// ---- append

Refusal ExtentNode::check(const Append& append) const {
  const Run& run = append.run;
  if (run.length > kRunLengthMax || append.from.size != run.length) return Refusal::invalid;
  const Pages slab = disk_.superblock().slab_pages;
  if (run.page >= slab || pages_of(run) > slab - run.page) return Refusal::invalid;
  return may_append(disk_.table().find(append.replica.extent), append.epoch);
}

Awaitable<Reply> ExtentNode::answer(const SessionPtr& session, const Append& append, const BlockSums* lacking) {
  const Refusal refused = check(append);
  if (refused != Refusal::none) co_return refusal(refused);
  const ExtentNumber extent = append.replica.extent;
  switch (disk_.replica(extent).append(append.epoch, append.run)) {
    case Replica::Verdict::fenced:
      co_return refusal(Refusal::fenced);
    case Replica::Verdict::out_of_order:
    case Replica::Verdict::under_way:
      co_return refusal(Refusal::out_of_order);
    case Replica::Verdict::durable:
      co_return Reply{.value = disk_.replica(extent).durable()};
    case Replica::Verdict::write:
      break;
  }
  // A copy's run may be there from before. What a writer appends is new.
  Result<bool> there = false;
  if (append.epoch > Epoch{1}) there = co_await disk_.has(extent, append.run);
  const Result<> taken = there && *there ? done : co_await take_in(session, append, lacking);
  // The extent is not sealed while this is under way, so its replica is still there.
  Replica& replica = disk_.replica(extent);
  if (taken) {
    ++counts_.appends;
    counts_.append_bytes += append.run.length;
  }
  taken ? replica.written(append.run.page) : replica.dropped(append.run.page);
  Reply reply = reply_of(taken);
  reply.value = replica.durable();
  append_ended_.finish(done);
  co_return reply;
}

Awaitable<Reply> ExtentNode::answer(const SessionPtr& session, const AppendLacking& append) {
  const Append as_any{.replica = append.replica, .epoch = append.epoch, .run = append.run, .from = append.from};
  co_return co_await answer(session, as_any, &append.blocks);
}

namespace {

// Of a run that is stored as far as there is anything of it; nothing if these are not the checksums of its blocks.
std::optional<RunHeader> header_of(const Append& append, const BlockSums& blocks) {
  RunHeader header{.incarnation = append.replica.incarnation,
                   .extent = append.replica.extent,
                   .epoch = append.epoch,
                   .run = append.run,
                   .blocks = {},
                   .lacking = true};
  std::uint32_t sum = 0;
  for (std::uint32_t at = 0; at < append.run.length; at += kBlockSize) {
    header.blocks.push_back(blocks.sums.at(at / kBlockSize));
    const std::uint32_t size = std::min(kBlockSize, append.run.length - at);
    sum = at == 0 ? header.blocks.back() : combine_crc32c(sum, header.blocks.back(), size);
  }
  return sum == append.run.crc32c ? std::optional(std::move(header)) : std::nullopt;
}

}  // namespace

Task<> ExtentNode::take_in(const SessionPtr& session, const Append& append, const BlockSums* lacking) {
  Chunk memory = co_await slot();
  const auto into = memory.writable().subspan(kPageSize, append.run.length);
  const auto pull = session->connection->pull(append.from, 0, into, staging_.region(), std::make_shared<Chunk>(memory));
  CO_TRY(co_await Transfer::wait(pull));
  const auto bytes = memory.text().substr(kPageSize, append.run.length);
  RunHeader header = describe(append.replica, append.epoch, append.run.page, bytes);
  if (header.run != append.run) {
    const auto described = lacking == nullptr ? std::nullopt : header_of(append, *lacking);
    if (!described) co_return fail(ErrorCode::corrupt, "pulled bytes");
    header = *described;
  }
  const std::string page = encode_page(header);
  std::memcpy(memory.writable().data(), page.data(), page.size());
  Chunk image = memory.slice(0, bytes_of(pages_of(append.run)));
  std::memset(image.writable().data() + kPageSize + bytes.size(), 0, image.size() - kPageSize - bytes.size());
  co_return co_await disk_.write(append.replica.extent, append.run, std::move(image));
}

Awaitable<Reply> ExtentNode::answer(const SessionPtr& session, const Patch& patch) {
  if (patch.run.length > kRunLengthMax || patch.from.size != patch.run.length) co_return refusal(Refusal::invalid);
  const auto patched = co_await take_in(session, patch);
  if (!patched) co_return reply_of(std::unexpected(patched.error()));
  co_return Reply{.value = *patched ? 1U : 0U};
}

Task<bool> ExtentNode::take_in(const SessionPtr& session, const Patch& patch) {
  Chunk memory = co_await slot();
  const auto into = memory.writable().first(patch.run.length);
  const auto pull = session->connection->pull(patch.from, 0, into, staging_.region(), std::make_shared<Chunk>(memory));
  CO_TRY(co_await Transfer::wait(pull));
  co_return co_await disk_.patch(patch.replica.extent, patch.run, memory.slice(0, patch.run.length));
}

// ---- fence and seal

// An extent that is sealed, or was dropped, has its length for good.
std::optional<Reply> ExtentNode::sealed(ExtentNumber extent) const {
  const ExtentEntry* entry = disk_.table().find(extent);
  if (entry == nullptr || !entry->sealed) return std::nullopt;
  return Reply{.value = entry->sealed->pages, .size = entry->holds() ? 1U : 0U};
}

Awaitable<Reply> ExtentNode::fenced(ExtentNumber extent, Epoch epoch) {
  if (const auto reply = sealed(extent)) co_return *reply;
  if (!disk_.replica(extent).fence(epoch)) co_return refusal(Refusal::fenced);
  const auto kept = co_await disk_.fence(extent, epoch);
  if (!kept) co_return reply_of(kept);
  while (true) {
    if (const auto reply = sealed(extent)) co_return *reply;
    Replica& replica = disk_.replica(extent);
    replica.fence_persisted(epoch);
    if (replica.fence() > epoch) co_return refusal(Refusal::fenced);
    if (replica.may_answer_fence(epoch)) {
      co_return Reply{.value = replica.durable(), .size = replica.is_certain() ? 1U : 0U};
    }
    co_await append_ended_.wait();
  }
}

Awaitable<Reply> ExtentNode::answer(const SessionPtr&, const Fence& fence) {
  ++counts_.fences;
  co_return co_await fenced(fence.replica.extent, fence.epoch);
}

Awaitable<Reply> ExtentNode::answer(const SessionPtr&, const Seal& seal) {
  const Reply reply = co_await fenced(seal.replica.extent, seal.epoch);
  if (reply.refusal != Refusal::none) co_return reply;
  if (reply.value < seal.pages) co_return refusal(Refusal::out_of_order);
  co_return reply_of(co_await disk_.seal(seal.replica.extent, seal.pages));
}

Awaitable<Reply> ExtentNode::answer(const SessionPtr&, const Release& release) {
  ++counts_.releases;
  Reply reply = reply_of(co_await disk_.release(release.replica.extent, release.page));
  const ExtentEntry* entry = disk_.table().find(release.replica.extent);
  // Who knows nothing of it may have lost what it knew.
  reply.value = entry != nullptr && entry->sealed && !entry->holds() ? 0 : 1;
  co_return reply;
}

Awaitable<Reply> ExtentNode::answer(const SessionPtr&, const Status&) {
  // Who asks looks for room for a new extent.
  co_return Reply{.value = disk_.failed() ? 0 : disk_.table().free_slabs(), .size = disk_.superblock().slabs};
}

// ---- read and list

Task<> ExtentNode::serve(const SessionPtr& session, std::uint64_t request, const Read& read) {
  CO_TRY(const auto header, co_await disk_.header(read.replica.extent, read.run.page));
  if (header.run != read.run || read.to.size < read.length) co_return fail(ErrorCode::corrupt, "another run");
  const Chunk memory = co_await slot();
  const auto begin = co_await disk_.read(header, read.offset, read.length, memory);
  // That is known, and no damage to look for.
  if (!begin && header.lacking) co_return fail(ErrorCode::corrupt, kLacks);
  CO_TRY(begin);
  ++counts_.reads;
  counts_.read_bytes += read.length;
  co_await push(session, request, read.to, memory.slice(*begin, read.length), Reply{});
  co_return done;
}

Task<> ExtentNode::serve(const SessionPtr& session, std::uint64_t request, const List& list) {
  const std::size_t count = std::min<std::size_t>(list.to.size, kRunLengthMax) / kListedRunSize;
  if (count == 0) co_return fail(ErrorCode::internal, "no room for a list");
  CO_TRY(const auto runs, co_await disk_.list(list.replica.extent, list.page, count));
  // An empty list means that all was given back: who has less than all cannot say so.
  const ExtentEntry* entry = disk_.table().find(list.replica.extent);
  const bool knows = entry != nullptr && entry->sealed;
  if (runs.empty() && list.page == 0 && !knows) co_return fail(ErrorCode::corrupt, "nothing of it is whole");
  const std::string bytes = encode_runs(runs);
  Chunk memory = co_await slot();
  std::memcpy(memory.writable().data(), bytes.data(), bytes.size());
  const Reply reply{.value = runs.size() < count ? 0 : end_of(runs.back())};
  co_await push(session, request, list.to, memory.slice(0, bytes.size()), reply);
  co_return done;
}

Task<> ExtentNode::serve(const SessionPtr& session, std::uint64_t request, const Inspect& inspect) {
  const ExtentNumber extent = inspect.replica.extent;
  const std::size_t count = std::min(inspect.to.size / kListedRunSize, kSurveyPartsMax);
  if (count == 0) co_return fail(ErrorCode::internal, "no room for a survey");
  CO_TRY(const auto survey, co_await disk_.survey(extent, inspect.page, count));
  const std::string bytes = encode_survey(survey);
  Chunk memory = co_await slot();
  std::memcpy(memory.writable().data(), bytes.data(), bytes.size());
  const ExtentEntry* entry = disk_.table().find(extent);
  const bool is_all = !entry->sealed || end_of(survey) >= entry->sealed->pages;
  const Reply reply{.value = is_all ? 0 : end_of(survey)};
  co_await push(session, request, inspect.to, memory.slice(0, bytes.size()), reply);
  co_return done;
}

Task<> ExtentNode::serve(const SessionPtr& session, std::uint64_t request, const Describe& describe) {
  CO_TRY(const auto header, co_await disk_.header(describe.replica.extent, describe.page));
  if (describe.to.size < kPageSize) co_return fail(ErrorCode::internal, "no room for a header");
  const std::string page = encode_page(header);
  Chunk memory = co_await slot();
  std::memcpy(memory.writable().data(), page.data(), page.size());
  co_await push(session, request, describe.to, memory.slice(0, page.size()), Reply{});
  co_return done;
}

// The answer is sent behind the bytes, and arrives behind them.
Awaitable<> ExtentNode::push(const SessionPtr& session, std::uint64_t request, const RemoteMemory& to, Chunk bytes,
                             Reply reply) {
  reply.size = static_cast<std::uint32_t>(bytes.size());
  reply.crc32c = crc32c(bytes.text());
  const auto pushed = session->connection->push(to, bytes.bytes(), staging_.region(), std::make_shared<Chunk>(bytes));
  session->connection->send({request, reply});
  co_await Transfer::wait(pushed);
}

Awaitable<Chunk> ExtentNode::slot() {
  while (true) {
    auto free = staging_.take();
    if (free) co_return *std::move(free);
    co_await slot_freed_.wait();
  }
}

}  // namespace sluice::rdma

#include "gateway/verbs/device.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cassert>
#include <cerrno>
#include <map>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "gateway/core/mailbox.h"
#include "gateway/verbs/staging.h"

namespace sluice::verbs {

namespace asio = boost::asio;

namespace {

using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

constexpr std::uint32_t kTransfersOfOneMax = 16;  // By one connection.
constexpr int kConnectsWaitingMax = 16;
constexpr std::chrono::milliseconds kTick{50};

/// Whose connection, and to which end.
using Name = std::tuple<std::string, RdmaAddress, std::uint32_t>;

struct Peer {
  Name name;
  Owned<ibv_qp> pair;  ///< Null: it is over.
  Clock::time_point used;
  std::atomic<std::uint32_t> transfers = 0;
};

using Piece = std::shared_ptr<std::span<std::byte>>;
using Opcode = decltype(IBV_WR_RDMA_READ);

/// One RDMA READ or WRITE of the beginning of a piece.
struct Operation {
  Opcode opcode = IBV_WR_RDMA_READ;
  std::shared_ptr<Peer> peer;
  Piece piece;
  std::size_t length = 0;
  std::uint64_t address = 0;
  std::uint32_t key = 0;
  Answer<Result<>> answer;
  Clock::time_point deadline{};
};

}  // namespace

/// The device with its threads. Private functions but connected() are of its own thread.
class Device::Work : public std::enable_shared_from_this<Work> {
 public:
  Work(const DeviceOptions& options, Log& log);
  void start();
  void stop();

  void connect(std::string owner, const RdmaEnd& client, Answer<Result<RdmaEnd>> answer);
  void begin(Name name, const ClientWindow& window, Answer<Result<std::unique_ptr<MemoryTransfer>>> answer);
  void move(Operation operation);

 private:
  Result<std::unique_ptr<MemoryTransfer>> transfer(const Name& name, const ClientWindow& window);
  Result<RdmaEnd> connected(const RdmaEnd& client, std::shared_ptr<Peer>& peer);
  Result<> admit(std::shared_ptr<Peer> peer);
  bool give_up_idle();
  void post(Operation operation);
  void wait();
  void complete();
  void end(std::shared_ptr<Peer> ended, const std::string& why);
  void tick();

  const DeviceOptions options_;
  Log& log_;
  Port port_;
  std::shared_ptr<Staging> staging_;
  Owned<ibv_comp_channel> channel_;
  Owned<ibv_cq> completions_;

  asio::io_context io_{1};
  asio::executor_work_guard<Executor> guard_{io_.get_executor()};
  asio::posix::basic_stream_descriptor<Executor> ready_{io_.get_executor()};
  Timer ticker_{io_.get_executor()};
  bool ticking_ = false;
  std::map<Name, std::shared_ptr<Peer>> peers_;
  std::unordered_map<std::uint64_t, Operation> under_way_;
  std::uint64_t last_ = 0;
  std::atomic<int> connects_waiting_ = 0;
  std::atomic<bool> stopped_ = false;
  asio::thread_pool connector_{1};
  std::thread thread_;
};

class Device::Transfer final : public MemoryTransfer {
 public:
  Transfer(std::shared_ptr<Work> work, std::shared_ptr<Peer> peer, Piece piece, const ClientWindow& window)
      : work_(std::move(work)), peer_(std::move(peer)), piece_(std::move(piece)), window_(window) {
    ++peer_->transfers;
  }
  ~Transfer() override { --peer_->transfers; }

  std::span<std::byte> staging() override { return *piece_; }
  Task<> read(std::uint64_t offset, std::size_t length) override { return move(IBV_WR_RDMA_READ, offset, length); }
  Task<> write(std::uint64_t offset, std::size_t length) override { return move(IBV_WR_RDMA_WRITE, offset, length); }

 private:
  Task<> move(Opcode opcode, std::uint64_t offset, std::size_t length) {
    const bool within = length <= piece_->size() && offset <= window_.size && length <= window_.size - offset;
    if (!within) co_return fail(ErrorCode::internal, "beyond the window of a client");
    co_return co_await answered<Result<>>([&](Answer<Result<>> answer) {
      work_->move({.opcode = opcode,
                   .peer = peer_,
                   .piece = piece_,
                   .length = length,
                   .address = window_.address + offset,
                   .key = window_.key,
                   .answer = std::move(answer)});
    });
  }

  const std::shared_ptr<Work> work_;
  const std::shared_ptr<Peer> peer_;
  const Piece piece_;
  const ClientWindow window_;
};

Device::Work::Work(const DeviceOptions& options, Log& log)
    : options_(options), log_(log), port_(options.port), staging_(Staging::make(port_.domain(), options.memory_size)) {
  channel_.reset(ibv_create_comp_channel(port_.context()));
  if (!channel_) throw std::runtime_error("RDMA: no completion channel");
  // Each transfer has one operation at a time; those of ended connections may still be in the queue.
  const std::size_t needed = staging_->piece_count() + 64;
  const auto room = static_cast<std::size_t>(port_.completions_max());
  if (needed > room) throw std::runtime_error("RDMA: the device has no queue for as many transfers: give less memory");
  completions_.reset(
      ibv_create_cq(port_.context(), static_cast<int>(std::min(4 * needed, room)), nullptr, channel_.get(), 0));
  const int flags = ::fcntl(channel_->fd, F_GETFL);
  const bool armed = completions_ && ibv_req_notify_cq(completions_.get(), 0) == 0;
  if (!armed || ::fcntl(channel_->fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    throw std::runtime_error("RDMA: no completion queue");
  }
}

void Device::Work::start() {
  ready_.assign(channel_->fd);
  asio::post(io_, [this] { wait(); });
  thread_ = std::thread([this] { io_.run(); });
}

void Device::Work::stop() {
  stopped_ = true;
  connector_.join();
  asio::post(io_, [this] {
    while (!peers_.empty()) end(peers_.begin()->second, "the gateway stops");
    ready_.release();
    ticker_.cancel();
    guard_.reset();
    io_.stop();
  });
  thread_.join();
  staging_->unregister();
}

void Device::Work::connect(std::string owner, const RdmaEnd& client, Answer<Result<RdmaEnd>> answer) {
  if (++connects_waiting_ > kConnectsWaitingMax) {
    --connects_waiting_;
    return answer.give(fail(ErrorCode::busy, "too many clients connect"));
  }
  asio::post(connector_, [this, owner = std::move(owner), client, answer = std::move(answer)]() mutable {
    auto peer = std::make_shared<Peer>();
    peer->name = {std::move(owner), client.address, client.queue_pair};
    auto ours = connected(client, peer);
    --connects_waiting_;
    if (!ours) return answer.give(std::move(ours));
    asio::post(io_, [this, peer = std::move(peer), ours = std::move(ours), answer = std::move(answer)]() mutable {
      const auto admitted = admit(std::move(peer));
      answer.give(admitted ? std::move(ours) : std::unexpected(admitted.error()));
    });
  });
}

Result<RdmaEnd> Device::Work::connected(const RdmaEnd& client, std::shared_ptr<Peer>& peer) {
  if (stopped_) return fail(ErrorCode::unavailable, "RDMA: the gateway stops");
  RdmaEnd ours;
  TRY(peer->pair, port_.connect(client, ours, completions_.get(), kTransfersOfOneMax));
  return ours;
}

Result<> Device::Work::admit(std::shared_ptr<Peer> peer) {
  const auto same = peers_.find(peer->name);
  if (same != peers_.end()) end(same->second, "the client connects anew");
  if (peers_.size() >= options_.connections_max && !give_up_idle()) {
    return fail(ErrorCode::busy, "too many RDMA connections");
  }
  peer->used = Clock::now();
  peers_[peer->name] = std::move(peer);
  return done;
}

/// The one that moved nothing for longest. False: all move something.
bool Device::Work::give_up_idle() {
  std::shared_ptr<Peer> idle;
  for (const auto& [name, peer] : peers_) {
    if (peer->transfers == 0 && (!idle || peer->used < idle->used)) idle = peer;
  }
  if (idle) end(idle, "others connect");
  return idle != nullptr;
}

void Device::Work::begin(Name name, const ClientWindow& window,
                         Answer<Result<std::unique_ptr<MemoryTransfer>>> answer) {
  asio::post(
      io_, [this, name = std::move(name), window, answer = std::move(answer)] { answer.give(transfer(name, window)); });
}

Result<std::unique_ptr<MemoryTransfer>> Device::Work::transfer(const Name& name, const ClientWindow& window) {
  const auto found = peers_.find(name);
  if (found == peers_.end()) return fail(ErrorCode::invalid_request, "no connection to that queue pair");
  const std::shared_ptr<Peer>& peer = found->second;
  Piece piece = peer->transfers < kTransfersOfOneMax ? staging_->take() : nullptr;
  if (!piece) return fail(ErrorCode::busy, "too many transfers over RDMA");
  peer->used = Clock::now();
  return std::make_unique<Transfer>(shared_from_this(), peer, std::move(piece), window);
}

void Device::Work::move(Operation operation) {
  asio::post(io_, [this, operation = std::move(operation)]() mutable { post(std::move(operation)); });
}

void Device::Work::post(Operation operation) {
  if (!operation.peer->pair) return operation.answer.give(fail(ErrorCode::unavailable, "the RDMA connection is over"));
  const std::uint64_t id = ++last_;
  ibv_sge piece{};
  piece.addr = reinterpret_cast<std::uintptr_t>(operation.piece->data());
  piece.length = static_cast<std::uint32_t>(operation.length);
  piece.lkey = staging_->key();
  ibv_send_wr work{};
  work.wr_id = id;
  work.sg_list = &piece;
  work.num_sge = 1;
  work.opcode = operation.opcode;
  work.send_flags = IBV_SEND_SIGNALED;
  work.wr.rdma.remote_addr = operation.address;
  work.wr.rdma.rkey = operation.key;
  operation.deadline = Clock::now() + options_.timeout;
  const std::shared_ptr<Peer> peer = operation.peer;
  under_way_.emplace(id, std::move(operation));
  ibv_send_wr* refused = nullptr;
  const int error = ibv_post_send(peer->pair.get(), &work, &refused);
  if (error != 0) return end(peer, std::generic_category().message(error));
  if (!std::exchange(ticking_, true)) tick();
}

void Device::Work::wait() {
  ready_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    if (error || stopped_) return;
    complete();
    wait();
  });
}

void Device::Work::complete() {
  ibv_cq* queue = nullptr;
  void* context = nullptr;
  unsigned events = 0;
  while (ibv_get_cq_event(channel_.get(), &queue, &context) == 0) ++events;
  if (events != 0) ibv_ack_cq_events(completions_.get(), events);
  // Asked for the next event before looking, so that none that comes meanwhile is missed.
  if (ibv_req_notify_cq(completions_.get(), 0) != 0) log_.error("RDMA: the completion queue is broken");
  ibv_wc done_work{};
  while (ibv_poll_cq(completions_.get(), 1, &done_work) > 0) {
    const auto found = under_way_.find(done_work.wr_id);
    if (found == under_way_.end()) continue;  // Of a connection that is over.
    if (done_work.status != IBV_WC_SUCCESS) {
      end(found->second.peer, ibv_wc_status_str(done_work.status));
      continue;
    }
    const Operation operation = std::move(found->second);
    under_way_.erase(found);
    operation.answer.give(done);
  }
}

// By value: what the caller has it from may be what is erased.
void Device::Work::end(std::shared_ptr<Peer> ended, const std::string& why) {
  const std::shared_ptr<Peer> peer = std::move(ended);
  const auto known = peers_.find(peer->name);
  if (known != peers_.end() && known->second == peer) peers_.erase(known);
  // Once it is destroyed, the device touches no piece on its account.
  peer->pair.reset();
  std::size_t cut = 0;
  for (auto at = under_way_.begin(); at != under_way_.end();) {
    if (at->second.peer != peer) {
      ++at;
      continue;
    }
    const Operation operation = std::move(at->second);
    at = under_way_.erase(at);
    operation.answer.give(fail(ErrorCode::unavailable, "RDMA: " + why));
    ++cut;
  }
  if (cut != 0) log_.warning("an RDMA connection failed", {{"user", std::get<0>(peer->name)}, {"detail", why}});
}

void Device::Work::tick() {
  const auto now = Clock::now();
  std::vector<std::shared_ptr<Peer>> late;
  for (const auto& [id, operation] : under_way_) {
    if (operation.deadline <= now) late.push_back(operation.peer);
  }
  for (const auto& peer : late) end(peer, "no answer in time");
  ticking_ = !under_way_.empty();
  if (!ticking_) return;
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (!error) tick();
  });
}

Device::Device(const DeviceOptions& options, Log& log) : work_(std::make_shared<Work>(options, log)) { work_->start(); }

Device::~Device() { work_->stop(); }

Task<RdmaEnd> Device::connect(std::string owner, RdmaEnd client) {
  co_return co_await answered<Result<RdmaEnd>>(
      [&](Answer<Result<RdmaEnd>> answer) { work_->connect(std::move(owner), client, std::move(answer)); });
}

Task<std::unique_ptr<MemoryTransfer>> Device::begin(std::string owner, ClientWindow window) {
  using Begun = Result<std::unique_ptr<MemoryTransfer>>;
  co_return co_await answered<Begun>([&](Answer<Begun> answer) {
    work_->begin({std::move(owner), window.device, window.queue_pair}, window, std::move(answer));
  });
}

}  // namespace sluice::verbs

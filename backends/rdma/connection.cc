#include "backends/rdma/connection.h"

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice::rdma {

Task<> Transfer::wait(std::shared_ptr<Transfer> transfer) {
  if (transfer->outcome_) co_return *transfer->outcome_;
  co_return co_await transfer->waiting_.wait();
}

namespace {

constexpr std::chrono::seconds kOpeningTimeMax{5};

}  // namespace

Connection::Connection(Fabric& fabric)
    : fabric_(fabric),
      frames_(std::make_unique<MemoryRegion>(fabric, (kReceives + kSends) * kFrameSizeMax, MemoryRegion::Use::by_us)),
      opening_deadline_(std::chrono::steady_clock::now() + kOpeningTimeMax) {}

// The endpoint before the memory it uses.
Connection::~Connection() { endpoint_.reset(); }

// Whoever waits is destroyed, not woken.
void Connection::abandon() {
  const auto self = shared_from_this();
  state_ = State::closed;
  endpoint_.reset();
  frames_.reset();
  receive_ = nullptr;
  closed_ = nullptr;
  std::exchange(calls_, {}).clear();
  std::exchange(waiting_to_call_, {}).clear();
  // Who waits for a transfer holds it.
  for (const auto& [at, transfer] : std::exchange(transfers_, {})) std::exchange(transfer->waiting_, {});
  std::exchange(opening_, {});
}

void Connection::enable() {
  const int result = fi_enable(endpoint_.get());
  if (result != 0) throw std::runtime_error(std::string("fabric: enable: ") + fi_strerror(-result));
  for (std::size_t n = 0; n < kReceives; ++n) {
    receives_.push_back(Operation{.kind = Operation::Kind::receive, .connection = this, .slot = n});
    post_receive(receives_.back());
  }
  for (std::size_t n = 0; n < kSends; ++n) {
    sends_.push_back(Operation{.kind = Operation::Kind::send, .connection = this, .slot = kReceives + n});
    free_sends_.push_back(&sends_.back());
  }
}

std::span<std::byte> Connection::frame_of(const Operation& operation) {
  return frames_->bytes().subspan(operation.slot * kFrameSizeMax, kFrameSizeMax);
}

Task<> Connection::connected() {
  if (state_ == State::open) co_return done;
  if (state_ == State::closed) co_return fail(ErrorCode::unavailable, why_);
  co_return co_await opening_.wait();
}

void Connection::opened() {
  if (state_ != State::connecting) return;
  state_ = State::open;
  opening_.finish(done);
  send_waiting();
}

void Connection::close(const std::string& why) {
  if (state_ == State::closed) return;
  const auto self = shared_from_this();
  state_ = State::closed;
  why_ = why;
  // With the endpoint goes everything under way on it; what the queue still says of it is ignored.
  endpoint_.reset();
  unposted_.clear();
  unsent_.clear();
  fabric_.retire(self);
  const Result<> gone = fail(ErrorCode::unavailable, why);
  opening_.finish(gone);
  // They stay until nothing in the queue can name their operations.
  for (const auto& [at, transfer] : std::map(transfers_)) {
    transfer->outcome_ = gone;
    transfer->keep_.reset();
    transfer->waiting_.finish(gone);
  }
  for (const auto& [id, call] : std::exchange(calls_, {})) call->waiting.finish(gone);
  for (const auto& waiter : std::exchange(waiting_to_call_, {})) waiter->finish(gone);
  receive_ = nullptr;
  if (const auto closed = std::exchange(closed_, nullptr)) closed();
}

// ---- posting

// Operations start in the order they were asked for, also when the endpoint is full for now.
void Connection::post(std::function<ssize_t()> operation) {
  if (!endpoint_) return;
  unposted_.push_back(std::move(operation));
  if (unposted_.size() == 1) post_waiting();
  fabric_.wake_soon();
}

void Connection::post_waiting() {
  while (endpoint_ && !unposted_.empty()) {
    const ssize_t result = unposted_.front()();
    if (result == -FI_EAGAIN) return fabric_.stall(shared_from_this());
    if (result != 0) return close(std::string("post: ") + fi_strerror(static_cast<int>(-result)));
    unposted_.pop_front();
  }
}

void Connection::post_receive(Operation& operation) {
  const auto frame = frame_of(operation);
  const ssize_t result =
      fi_recv(endpoint_.get(), frame.data(), frame.size(), frames_->descriptor(), 0, &operation.context);
  if (result != 0) close(std::string("receive: ") + fi_strerror(static_cast<int>(-result)));
}

void Connection::send(const Envelope& envelope) {
  if (state_ == State::closed) return;
  unsent_.push_back(encode(envelope));
  send_waiting();
}

void Connection::send_waiting() {
  while (state_ == State::open && !unsent_.empty() && !free_sends_.empty()) {
    Operation* operation = free_sends_.back();
    free_sends_.pop_back();
    const std::string text = std::move(unsent_.front());
    unsent_.pop_front();
    const auto frame = frame_of(*operation).first(text.size());
    std::memcpy(frame.data(), text.data(), text.size());
    post([this, operation, frame] {
      return fi_send(endpoint_.get(), frame.data(), frame.size(), frames_->descriptor(), 0, &operation->context);
    });
  }
}

std::shared_ptr<Transfer> Connection::pull(const RemoteMemory& from, std::uint64_t offset, std::span<std::byte> into,
                                           const MemoryRegion& region, std::shared_ptr<const void> keep) {
  return transfer(from, offset, into, region, std::move(keep), true);
}

std::shared_ptr<Transfer> Connection::push(const RemoteMemory& to, std::span<const std::byte> bytes,
                                           const MemoryRegion& region, std::shared_ptr<const void> keep) {
  return transfer(to, 0, bytes, region, std::move(keep), false);
}

std::shared_ptr<Transfer> Connection::transfer(const RemoteMemory& remote, std::uint64_t offset,
                                               std::span<const std::byte> local, const MemoryRegion& region,
                                               std::shared_ptr<const void> keep, bool pulls) {
  auto started = std::make_shared<Transfer>();
  if (state_ != State::open || offset > remote.size || local.size() > remote.size - offset) {
    started->outcome_ = fail(ErrorCode::unavailable, state_ == State::open ? "beyond the peer's memory" : why_);
    return started;
  }
  if (local.empty()) {
    started->outcome_ = done;
    return started;
  }
  started->keep_ = std::move(keep);
  transfers_[started.get()] = started;
  const std::size_t step = fabric_.transfer_size_max();
  for (std::size_t at = 0; at < local.size(); at += step) {
    const auto piece = local.subspan(at, std::min(step, local.size() - at));
    const std::uint64_t address = remote.address + offset + at;
    Operation* operation =
        &started->operations_.emplace_back(Operation{.kind = Operation::Kind::transfer, .connection = this});
    operation->transfer = started.get();
    ++started->under_way_;
    post([this, pulls, piece, address, key = remote.key, operation, descriptor = region.descriptor()] {
      auto* memory = const_cast<std::byte*>(piece.data());
      if (pulls) {
        return fi_read(endpoint_.get(), memory, piece.size(), descriptor, 0, address, key, &operation->context);
      }
      return fi_write(endpoint_.get(), memory, piece.size(), descriptor, 0, address, key, &operation->context);
    });
  }
  return started;
}

// ---- completions

void Connection::completed(Operation& operation, bool failed) {
  if (state_ == State::closed) return;
  // A message may overtake the news that the connection is there.
  if (!failed) opened();
  // Every provider has its own words for it, and none of them leaves the connection usable.
  if (failed) return close("operation failed");
  switch (operation.kind) {
    case Operation::Kind::receive:
      return received(operation);
    case Operation::Kind::send:
      free_sends_.push_back(&operation);
      return send_waiting();
    case Operation::Kind::transfer:
      return end_transfer_operation(operation);
  }
}

void Connection::received(Operation& operation) {
  const auto self = shared_from_this();
  auto frame = frame_of(operation);
  // The frame says itself how long it is; what is behind it in the buffer is older.
  std::uint32_t size = 0;
  std::memcpy(&size, frame.data() + kFrameSizeAt, sizeof size);
  auto envelope = decode(frame.first(std::min<std::size_t>(size, frame.size())));
  if (!envelope) return close("a message that is none: " + envelope.error().detail);
  post_receive(operation);
  if (state_ == State::closed) return;
  const auto call = calls_.find(envelope->request);
  const bool answers =
      std::holds_alternative<Reply>(envelope->message) || std::holds_alternative<Challenge>(envelope->message);
  if (!answers) {
    if (receive_) receive_(*envelope);
    return;
  }
  if (call == calls_.end()) return close("an answer to nothing");
  const auto answered = std::move(call->second);
  calls_.erase(call);
  *answered->answer = envelope->message;
  answered->keep.reset();
  if (!waiting_to_call_.empty()) {
    const auto next = std::move(waiting_to_call_.front());
    waiting_to_call_.pop_front();
    next->finish(done);
  }
  answered->waiting.finish(done);
}

void Connection::end_transfer_operation(Operation& operation) {
  if (--operation.transfer->under_way_ > 0) return;
  const auto found = transfers_.find(operation.transfer);
  const auto transfer = std::move(found->second);
  transfers_.erase(found);
  transfer->outcome_ = done;
  transfer->keep_.reset();
  transfer->waiting_.finish(done);
}

// ---- calls

Task<Message> Connection::call(Message message, std::chrono::milliseconds timeout, std::shared_ptr<const void> keep) {
  const auto self = shared_from_this();
  // In the order of the calls: who waits goes before who comes.
  if (state_ == State::open && (calls_.size() >= kCallsMax || !waiting_to_call_.empty())) {
    Waiters* place = waiting_to_call_.emplace_back(std::make_unique<Waiters>()).get();
    CO_TRY(co_await place->wait());
  }
  if (state_ != State::open) co_return fail(ErrorCode::unavailable, why_.empty() ? "not connected" : why_);
  const std::uint64_t id = ++last_call_;
  auto made = std::make_unique<Call>();
  made->deadline = std::chrono::steady_clock::now() + timeout;
  made->keep = std::move(keep);
  Call* call = made.get();
  calls_[id] = std::move(made);
  std::optional<Message> answer;
  call->answer = &answer;
  send({id, message});
  CO_TRY(co_await call->waiting.wait());
  co_return *std::move(answer);
}

void Connection::close_overdue(std::chrono::steady_clock::time_point now) {
  if (state_ == State::connecting && now > opening_deadline_) return close("nobody answers");
  for (const auto& [id, call] : calls_) {
    if (now > call->deadline) return close("no answer in time");
  }
}

}  // namespace sluice::rdma

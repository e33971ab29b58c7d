#include "gateway/core/io_ring.h"

#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <deque>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice {

namespace asio = boost::asio;

namespace {

constexpr unsigned kDepth = 128;  ///< Operations the kernel has at one time; more wait here.

}  // namespace

IoFile::~IoFile() {
  if (fd_ >= 0) ::close(fd_);
}

Awaitable<int> IoOperation::wait(std::shared_ptr<IoOperation> operation) {
  if (!operation->done()) {
    assert(!operation->sleeper_);
    co_await fall_asleep([operation](auto sleeper) { operation->sleeper_ = std::move(sleeper); });
  }
  co_return operation->result_.value();
}

class IoRing::State {
 public:
  explicit State(asio::io_context& context);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void start(Operation operation);
  void drain_all();

 private:
  void hand_over(IoOperation& operation);
  void submit();
  void hear();
  std::vector<Operation> take_finished();
  void finish();

  Executor executor_;
  io_uring ring_{};
  int error_ = 0;  ///< Why there is no ring: a negative errno.
  asio::posix::basic_stream_descriptor<Executor> event_;
  std::uint64_t event_count_ = 0;
  bool hearing_ = false;
  bool retrying_ = false;
  std::set<IoOperation*> in_kernel_;
  std::deque<Operation> backlog_;
};

IoRing::State::State(asio::io_context& context) : executor_(context.get_executor()), event_(context) {
  error_ = io_uring_queue_init(kDepth, &ring_, 0);
  if (error_ < 0) return;
  const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int failure = event < 0 ? -errno : io_uring_register_eventfd(&ring_, event);
  if (failure == 0) {
    boost::system::error_code refused;
    event_.assign(event, refused);
    failure = -refused.value();
  }
  if (failure == 0) return;
  if (event >= 0) ::close(event);
  io_uring_queue_exit(&ring_);
  error_ = failure;
}

IoRing::State::~State() {
  if (error_ == 0) io_uring_queue_exit(&ring_);
}

void IoRing::State::start(Operation operation) {
  if (error_ < 0) {
    operation->result_ = error_;
    return;
  }
  operation->self_ = operation;
  if (in_kernel_.size() < kDepth) {
    hand_over(*operation);
    submit();
  } else {
    backlog_.push_back(std::move(operation));
  }
  hear();
}

void IoRing::State::hand_over(IoOperation& operation) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  // The queue is as long as kDepth, and no more than that are in it or the kernel.
  assert(entry != nullptr);
  const int fd = operation.file_->fd();
  const auto memory = operation.memory_.writable();
  const auto length = static_cast<unsigned>(memory.size());
  switch (operation.kind_) {
    case IoOperation::Kind::read:
      io_uring_prep_read(entry, fd, memory.data(), length, operation.offset_);
      break;
    case IoOperation::Kind::write:
      io_uring_prep_write(entry, fd, memory.data(), length, operation.offset_);
      break;
    case IoOperation::Kind::fdatasync:
      io_uring_prep_fsync(entry, fd, IORING_FSYNC_DATASYNC);
      break;
    case IoOperation::Kind::fallocate:
      io_uring_prep_fallocate(entry, fd, operation.mode_, static_cast<off_t>(operation.offset_),
                              static_cast<off_t>(operation.length_));
      break;
  }
  io_uring_sqe_set_data(entry, &operation);
  in_kernel_.insert(&operation);
}

void IoRing::State::submit() {
  while (io_uring_sq_ready(&ring_) > 0) {
    const int count = io_uring_submit(&ring_);
    if (count > 0 || count == -EINTR) continue;
    // The kernel is short of something: what is queued stays so, and is tried again soon.
    if (retrying_) return;
    retrying_ = true;
    asio::post(executor_, [this] {
      retrying_ = false;
      submit();
    });
    return;
  }
}

void IoRing::State::hear() {
  if (hearing_ || in_kernel_.empty()) return;
  hearing_ = true;
  event_.async_read_some(asio::buffer(&event_count_, sizeof event_count_), [this](auto error, std::size_t) {
    hearing_ = false;
    if (!error) finish();
  });
}

std::vector<IoRing::Operation> IoRing::State::take_finished() {
  std::vector<Operation> finished;
  io_uring_cqe* entry = nullptr;
  while (io_uring_peek_cqe(&ring_, &entry) == 0) {
    auto* operation = static_cast<IoOperation*>(io_uring_cqe_get_data(entry));
    operation->result_ = entry->res;
    io_uring_cqe_seen(&ring_, entry);
    in_kernel_.erase(operation);
    operation->file_.reset();
    operation->memory_ = {};
    operation->keep_.reset();
    finished.push_back(std::move(operation->self_));
  }
  return finished;
}

void IoRing::State::finish() {
  const auto finished = take_finished();
  while (!backlog_.empty() && in_kernel_.size() < kDepth) {
    hand_over(*backlog_.front());
    backlog_.pop_front();
  }
  submit();
  hear();
  for (const Operation& operation : finished) {
    if (operation->sleeper_) Sleeper::wake(std::move(operation->sleeper_));
  }
}

// The io_context goes away: nobody is woken any more, but no memory may be
// given back while the kernel can still write to it.
void IoRing::State::drain_all() {
  if (error_ < 0) return;
  std::vector<Operation> finished;
  for (Operation& operation : backlog_) {
    operation->result_ = -ECANCELED;
    operation->self_.reset();
    finished.push_back(std::move(operation));
  }
  backlog_.clear();
  while (!in_kernel_.empty()) {
    if (io_uring_sq_ready(&ring_) > 0) io_uring_submit(&ring_);
    io_uring_cqe* entry = nullptr;
    io_uring_wait_cqe(&ring_, &entry);
    for (Operation& operation : take_finished()) finished.push_back(std::move(operation));
  }
  boost::system::error_code ignored;
  event_.close(ignored);
  for (const Operation& operation : finished) operation->sleeper_.reset();
}

asio::execution_context::id IoRing::id;

IoRing::IoRing(asio::execution_context& context)
    : service(context), state_(std::make_unique<State>(static_cast<asio::io_context&>(context))) {}

IoRing::~IoRing() = default;

void IoRing::shutdown() noexcept { state_->drain_all(); }

IoRing& IoRing::of(const Executor& executor) {
  return asio::use_service<IoRing>(
      static_cast<asio::execution_context&>(asio::query(executor, asio::execution::context)));
}

void IoRing::require() {
  io_uring ring{};
  const int error = io_uring_queue_init(4, &ring, 0);
  if (error < 0) {
    throw std::runtime_error(std::string("io_uring is not available: ") + std::strerror(-error) +
                             " (a container may need a seccomp profile that allows io_uring_setup, "
                             "a host kernel.io_uring_disabled=0)");
  }
  io_uring_queue_exit(&ring);
}

IoRing::Operation IoRing::start(Operation operation) {
  state_->start(operation);
  return operation;
}

IoRing::Operation IoRing::read(IoFilePtr file, Chunk into, std::uint64_t offset, std::shared_ptr<const void> keep) {
  auto operation = std::make_shared<IoOperation>();
  operation->kind_ = IoOperation::Kind::read;
  operation->file_ = std::move(file);
  operation->memory_ = std::move(into);
  operation->offset_ = offset;
  operation->keep_ = std::move(keep);
  return start(std::move(operation));
}

IoRing::Operation IoRing::write(IoFilePtr file, Chunk from, std::uint64_t offset, std::shared_ptr<const void> keep) {
  auto operation = std::make_shared<IoOperation>();
  operation->kind_ = IoOperation::Kind::write;
  operation->file_ = std::move(file);
  operation->memory_ = std::move(from);
  operation->offset_ = offset;
  operation->keep_ = std::move(keep);
  return start(std::move(operation));
}

IoRing::Operation IoRing::fdatasync(IoFilePtr file, std::shared_ptr<const void> keep) {
  auto operation = std::make_shared<IoOperation>();
  operation->kind_ = IoOperation::Kind::fdatasync;
  operation->file_ = std::move(file);
  operation->keep_ = std::move(keep);
  return start(std::move(operation));
}

IoRing::Operation IoRing::fallocate(IoFilePtr file, int mode, std::uint64_t offset, std::uint64_t length,
                                    std::shared_ptr<const void> keep) {
  auto operation = std::make_shared<IoOperation>();
  operation->kind_ = IoOperation::Kind::fallocate;
  operation->file_ = std::move(file);
  operation->mode_ = mode;
  operation->offset_ = offset;
  operation->length_ = length;
  operation->keep_ = std::move(keep);
  return start(std::move(operation));
}

}  // namespace sluice

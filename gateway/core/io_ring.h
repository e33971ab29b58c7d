#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/core/chunk.h"
#include "gateway/core/result.h"

namespace sluice {

/// A coroutine asleep until it is woken, which keeps its io_context running.
/// Destroying the sleeper destroys the coroutine. Of its own thread only.
class Sleeper {
 public:
  virtual ~Sleeper() = default;

  /// Continues the coroutine now, on the calling thread, which must be its own.
  static void wake(std::unique_ptr<Sleeper> sleeper) { sleeper->resume(); }

 private:
  virtual void resume() = 0;
};

template <class Handler>
class SleeperOf final : public Sleeper {
 public:
  SleeperOf(Handler handler, const Executor& executor) : work_(executor), handler_(std::move(handler)) {}

 private:
  // The handler leaves first: the coroutine may end, and with it whoever keeps this sleeper.
  void resume() override { std::exchange(handler_, std::nullopt).value()(); }

  boost::asio::executor_work_guard<Executor> work_;
  std::optional<Handler> handler_;
};

/// Puts the caller to sleep and gives `keep` the std::unique_ptr<Sleeper>.
template <class Keep>
Awaitable<> fall_asleep(Keep keep) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void()>(
      [executor](auto handler, const Keep& keep_it) {
        keep_it(std::unique_ptr<Sleeper>(new SleeperOf<decltype(handler)>(std::move(handler), executor)));
      },
      use_task, std::move(keep));
}

/// An open file, closed when the last holder lets go.
class IoFile {
 public:
  explicit IoFile(int fd) : fd_(fd) {}
  ~IoFile();
  IoFile(const IoFile&) = delete;
  IoFile& operator=(const IoFile&) = delete;

  int fd() const { return fd_; }

 private:
  int fd_;
};

using IoFilePtr = std::shared_ptr<const IoFile>;

class IoRing;

/// One operation the kernel works on, or has. Letting go of it does not cancel
/// it: file and memory stay until the kernel is done with them. Of one thread.
class IoOperation {
 public:
  bool done() const { return result_.has_value(); }

  /// What the system call returned: a count, or a negative errno. One waiter at a time.
  static Awaitable<int> wait(std::shared_ptr<IoOperation> operation);

 private:
  friend class IoRing;
  enum class Kind : std::uint8_t { read, write, fdatasync, fallocate };

  Kind kind_{};
  int mode_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t length_ = 0;
  IoFilePtr file_;
  Chunk memory_;
  std::shared_ptr<const void> keep_;
  std::optional<int> result_;
  std::unique_ptr<Sleeper> sleeper_;
  std::shared_ptr<IoOperation> self_;  ///< Set while the kernel has it.
};

/// One io_uring for one io_context: file operations that coroutines await. Its
/// completions arrive on the io_context's own thread, and operations in flight
/// keep run() from returning. When the io_context is destroyed it first waits
/// for the kernel to let go of every buffer.
///
/// All functions but require() are of the io_context's thread. `keep` is held until
/// the operation has ended, besides the file and the memory.
class IoRing final : public boost::asio::execution_context::service {
 public:
  using Operation = std::shared_ptr<IoOperation>;

  /// The ring of the executor's io_context, made at the first call. If that
  /// fails, every operation of it does, with the reason.
  static IoRing& of(const Executor& executor);

  /// Throws std::runtime_error with a message for the operator if the system does not permit io_uring.
  static void require();

  /// Reads into all of `into`; the count may be shorter.
  Operation read(IoFilePtr file, Chunk into, std::uint64_t offset, std::shared_ptr<const void> keep = {});
  /// Writes all of `from`; the count may be shorter.
  Operation write(IoFilePtr file, Chunk from, std::uint64_t offset, std::shared_ptr<const void> keep = {});
  Operation fdatasync(IoFilePtr file, std::shared_ptr<const void> keep = {});
  /// As fallocate(2) with `mode`.
  Operation fallocate(IoFilePtr file, int mode, std::uint64_t offset, std::uint64_t length,
                      std::shared_ptr<const void> keep = {});

  static boost::asio::execution_context::id id;
  explicit IoRing(boost::asio::execution_context& context);
  ~IoRing() override;

 private:
  class State;
  Operation start(Operation operation);
  void shutdown() noexcept override;

  std::unique_ptr<State> state_;
};

}  // namespace sluice

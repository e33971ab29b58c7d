#include "backends/postgres/pool.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace sluice::postgres {

namespace asio = boost::asio;

namespace {

constexpr auto kPauseMin = std::chrono::milliseconds(50);  ///< Between tries to open a connection.
constexpr auto kPauseMax = std::chrono::milliseconds(250);

using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace

Lease& Lease::operator=(Lease&& other) noexcept {
  give_back();
  pool_ = other.pool_;
  connection_ = std::move(other.connection_);
  hold_ = other.hold_;
  return *this;
}

void Lease::give_back() {
  if (connection_) pool_->give_back(std::move(connection_), hold_);
}

/// A coroutine in line. Other threads touch it only under the pool's mutex, and only
/// while it is in line: so its io_context is still there when they post to it.
class Pool::Waiter {
 public:
  Waiter(const Executor& executor, Hold hold) : executor(executor), hold(hold) {}

  const Executor executor;
  const Hold hold;
  Timer* timer = nullptr;  ///< Null once nobody waits. Of the waiter's own thread.
  std::unique_ptr<Connection> connection;
};

/// The waiter's place in line, in the frame of its coroutine, which may be destroyed.
class Pool::Waiting {
 public:
  Waiting(Pool& pool, std::shared_ptr<Waiter> waiter, Timer& timer) : pool_(pool), waiter_(std::move(waiter)) {
    waiter_->timer = &timer;
    const std::scoped_lock lock(pool_.mutex_);
    pool_.waiters_.push_back(waiter_);
    pool_.hand_out();
    pool_.wanted_.notify_one();
  }
  ~Waiting() {
    waiter_->timer = nullptr;
    auto unused = leave();
    if (unused) pool_.give_back(std::move(unused), waiter_->hold);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  /// What it was given, if anything.
  std::unique_ptr<Connection> leave() {
    const std::scoped_lock lock(pool_.mutex_);
    std::erase(pool_.waiters_, waiter_);
    return std::move(waiter_->connection);
  }

 private:
  Pool& pool_;
  std::shared_ptr<Waiter> waiter_;
};

Pool::Pool(std::size_t count_max, Open open, Log& log)
    : count_max_(std::max<std::size_t>(count_max, 2)),
      snapshots_max_(count_max_ - std::max<std::size_t>(1, count_max_ / 4)),
      open_(std::move(open)),
      log_(log),
      opener_([this](const std::stop_token& stop) { open_some(stop); }) {}

Pool::~Pool() {
  opener_.request_stop();
  opener_.join();
}

void Pool::add(std::unique_ptr<Connection> connection) {
  const std::scoped_lock lock(mutex_);
  ++count_;
  idle_.push_back(std::move(connection));
}

Task<Lease> Pool::acquire(Hold hold, Deadline deadline) {
  std::vector<std::unique_ptr<Connection>> dead;
  {
    const std::scoped_lock lock(mutex_);
    if (waiters_.empty() && admits(hold)) {
      if (auto connection = take_idle(dead)) {
        if (hold == Hold::snapshot) ++snapshots_;
        co_return Lease(*this, std::move(connection), hold);
      }
    }
  }
  dead.clear();
  const Executor executor = co_await asio::this_coro::executor;
  Timer timer(executor);
  timer.expires_at(deadline);
  Waiting waiting(*this, std::make_shared<Waiter>(executor, hold), timer);
  co_await timer.async_wait(asio::as_tuple(use_task));
  auto connection = waiting.leave();
  if (connection) co_return Lease(*this, std::move(connection), hold);
  const std::scoped_lock lock(mutex_);
  if (failed_) co_return std::unexpected(*failed_);
  if (opening_) co_return fail(ErrorCode::unavailable, "index: PostgreSQL did not take a connection in time");
  co_return fail(ErrorCode::busy, "index: every connection to PostgreSQL is in use");
}

void Pool::give_back(std::unique_ptr<Connection> connection, Hold hold) {
  // Its answer is read by whoever has the connection next.
  if (connection->usable() && connection->in_transaction()) connection->post({"rollback"});
  const bool keep = connection->usable();
  if (!keep) connection.reset();
  const std::scoped_lock lock(mutex_);
  if (hold == Hold::snapshot) --snapshots_;
  if (keep) {
    idle_.push_back(std::move(connection));
  } else {
    --count_;
  }
  hand_out();
  if (!waiters_.empty()) wanted_.notify_one();
}

/// An idle connection that the server has not closed; closed ones go to `dead`.
std::unique_ptr<Connection> Pool::take_idle(std::vector<std::unique_ptr<Connection>>& dead) {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->seems_alive()) return connection;
    --count_;
    dead.push_back(std::move(connection));
  }
  return nullptr;
}

// Under the mutex. In the order they came, but those a snapshot must wait for are passed over.
void Pool::hand_out() {
  std::vector<std::unique_ptr<Connection>> dead;
  for (auto at = waiters_.begin(); at != waiters_.end() && !idle_.empty();) {
    if (!admits((*at)->hold)) {
      ++at;
      continue;
    }
    auto connection = take_idle(dead);
    if (!connection) break;
    const auto waiter = *at;
    at = waiters_.erase(at);
    if (waiter->hold == Hold::snapshot) ++snapshots_;
    waiter->connection = std::move(connection);
    asio::post(waiter->executor, [waiter] {
      if (waiter->timer != nullptr) waiter->timer->cancel();
    });
  }
}

void Pool::open_some(const std::stop_token& stop) {
  auto pause = kPauseMin;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto needed = [this] {
      return count_ < count_max_ &&
             std::ranges::any_of(waiters_, [this](const auto& waiter) { return admits(waiter->hold); });
    };
    if (!wanted_.wait(lock, stop, needed)) return;
    ++count_;
    opening_ = true;
    lock.unlock();
    auto opened = open_(stop);
    lock.lock();
    opening_ = false;
    note(opened ? Result<>() : Result<>(std::unexpected(opened.error())));
    if (opened) {
      pause = kPauseMin;
      idle_.push_back(*std::move(opened));
      hand_out();
      continue;
    }
    --count_;
    wanted_.wait_for(lock, stop, pause, [] { return false; });
    pause = std::min(pause * 2, kPauseMax);
  }
}

// Under the mutex. Tells the log of changes, not of every try.
void Pool::note(const Result<>& opened) {
  if (!opened && !failed_) log_.error("index_unreachable", {{"detail", std::string_view(opened.error().detail)}});
  if (opened && failed_) log_.info("index_reachable");
  failed_ = opened ? std::nullopt : std::optional(opened.error());
}

}  // namespace sluice::postgres

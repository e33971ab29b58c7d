#pragma once

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/core/io_ring.h"

namespace sluice {

/// One answer on its way from another thread to the coroutine that waits for it.
class Letter {
 public:
  virtual ~Letter() = default;

 private:
  friend class Mailbox;
  std::unique_ptr<Sleeper> sleeper_;
};

/// Where answers made on other threads come back to an io_context: however many
/// arrive while it is busy, it is posted to once. When the io_context is destroyed,
/// those still waiting are destroyed with it and later answers are dropped.
class Mailbox final : public boost::asio::execution_context::service {
 public:
  /// The part that other threads may hold for longer than the io_context lives.
  class Box;

  /// The mailbox of the executor's io_context. Of its own thread.
  static Mailbox& of(const Executor& executor);
  const std::shared_ptr<Box>& box() const { return box_; }

  /// Sleeps until the letter is delivered. Of the mailbox's own thread.
  static Awaitable<> wait(std::shared_ptr<Box> box, std::shared_ptr<Letter> letter);
  /// Wakes who waits for the letter, on its own thread. From any thread, once a letter.
  static void deliver(const std::shared_ptr<Box>& box, std::shared_ptr<Letter> letter);

  static boost::asio::execution_context::id id;
  explicit Mailbox(boost::asio::execution_context& context);
  ~Mailbox() override;

 private:
  void shutdown() noexcept override;
  static void empty_out(const std::shared_ptr<Box>& box);

  std::shared_ptr<Box> box_;
};

template <class T>
class LetterOf final : public Letter {
 public:
  std::optional<T> value;
};

/// The other thread's end of an answered() call. Copies are the same answer; one
/// of them gives it, once.
template <class T>
class Answer {
 public:
  Answer(std::shared_ptr<Mailbox::Box> box, std::shared_ptr<LetterOf<T>> letter)
      : box_(std::move(box)), letter_(std::move(letter)) {}

  void give(T value) const {
    assert(!letter_->value);
    letter_->value = std::move(value);
    Mailbox::deliver(box_, letter_);
  }

 private:
  std::shared_ptr<Mailbox::Box> box_;
  std::shared_ptr<LetterOf<T>> letter_;
};

/// Calls `ask(Answer<T>)`, which hands the answer to another thread, and sleeps
/// until it is given there.
template <class T, class Ask>
Awaitable<T> answered(Ask ask) {
  auto box = Mailbox::of(co_await boost::asio::this_coro::executor).box();
  auto letter = std::make_shared<LetterOf<T>>();
  ask(Answer<T>(box, letter));
  co_await Mailbox::wait(std::move(box), letter);
  co_return *std::move(letter->value);
}

/// The result of `work()`, done on a thread of `pool`. What it refers to must
/// outlive the pool, not only the caller.
template <class T, class Work>
Awaitable<T> done_on(boost::asio::thread_pool& pool, Work work) {
  co_return co_await answered<T>([&pool, &work](Answer<T> answer) {
    boost::asio::post(pool, [answer = std::move(answer), work = std::move(work)]() mutable { answer.give(work()); });
  });
}

}  // namespace sluice

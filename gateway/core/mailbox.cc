#include "gateway/core/mailbox.h"

#include <boost/asio/execution/context.hpp>
#include <mutex>
#include <set>
#include <vector>

namespace sluice {

namespace asio = boost::asio;

class Mailbox::Box {
 public:
  explicit Box(const Executor& executor) : executor(executor) {}

  const Executor executor;
  std::mutex mutex;
  bool closed = false;
  std::vector<std::shared_ptr<Letter>> arrived;
  std::set<std::shared_ptr<Letter>> waiting;  ///< Of the io_context's own thread.
};

asio::execution_context::id Mailbox::id;

Mailbox::Mailbox(asio::execution_context& context)
    : service(context), box_(std::make_shared<Box>(static_cast<asio::io_context&>(context).get_executor())) {}

Mailbox::~Mailbox() = default;

Mailbox& Mailbox::of(const Executor& executor) {
  return asio::use_service<Mailbox>(
      static_cast<asio::execution_context&>(asio::query(executor, asio::execution::context)));
}

Awaitable<> Mailbox::wait(std::shared_ptr<Box> box, std::shared_ptr<Letter> letter) {
  // The letter may have arrived already; it is delivered by a post, so not before this sleeps.
  co_await fall_asleep([&box, &letter](auto sleeper) {
    letter->sleeper_ = std::move(sleeper);
    box->waiting.insert(letter);
  });
}

void Mailbox::deliver(const std::shared_ptr<Box>& box, std::shared_ptr<Letter> letter) {
  const std::scoped_lock lock(box->mutex);
  if (box->closed) return;
  box->arrived.push_back(std::move(letter));
  // Under the lock, so that the io_context cannot go away in between: shutdown() takes it first.
  if (box->arrived.size() == 1) asio::post(box->executor, [box] { empty_out(box); });
}

void Mailbox::empty_out(const std::shared_ptr<Box>& box) {
  std::vector<std::shared_ptr<Letter>> arrived;
  {
    const std::scoped_lock lock(box->mutex);
    arrived.swap(box->arrived);
  }
  for (const auto& letter : arrived) {
    box->waiting.erase(letter);
    Sleeper::wake(std::move(letter->sleeper_));
  }
}

void Mailbox::shutdown() noexcept {
  {
    const std::scoped_lock lock(box_->mutex);
    box_->closed = true;
    box_->arrived.clear();
  }
  // Destroying a sleeper destroys its coroutine, which may own anything.
  const auto waiting = std::exchange(box_->waiting, {});
  for (const auto& letter : waiting) letter->sleeper_.reset();
}

}  // namespace sluice

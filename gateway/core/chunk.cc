#include "gateway/core/chunk.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <new>
#include <utility>

namespace sluice {

namespace asio = boost::asio;

Chunk Chunk::of(std::string text) {
  auto owner = std::make_shared<std::string>(std::move(text));
  const auto bytes = std::as_writable_bytes(std::span(*owner));
  return {std::move(owner), bytes};
}

Chunk Chunk::of(std::shared_ptr<const Row> row) {
  // A chunk is written by its maker alone, and this one is made already.
  const std::span bytes(reinterpret_cast<std::byte*>(const_cast<char*>(row->bytes().data())), row->bytes().size());
  return {std::move(row), bytes};
}

// A coroutine that waits for memory sleeps on a timer of its own executor that
// never ends by itself; give_back() hands the memory over and wakes it there.
struct BufferPool::Waiter {
  explicit Waiter(const Executor& executor) : timer(executor, asio::steady_timer::time_point::max()) {}
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer;
  std::byte* memory = nullptr;
};

// Keeps a waiter in line for as long as its coroutine is there: one that is
// destroyed while it waits, as at shut-down, leaves the line, and what it was
// handed but never took goes back.
class BufferPool::PlaceInLine {
 public:
  PlaceInLine(BufferPool& pool, std::shared_ptr<Waiter> waiter) : pool_(pool), waiter_(std::move(waiter)) {}
  ~PlaceInLine() {
    if (std::byte* memory = leave()) pool_.give_back(memory);
  }
  PlaceInLine(const PlaceInLine&) = delete;
  PlaceInLine& operator=(const PlaceInLine&) = delete;

  /// The memory handed over, if any; the place is given up.
  std::byte* leave() {
    const std::scoped_lock lock(pool_.mutex_);
    if (waiter_->memory == nullptr) std::erase(pool_.waiters_, waiter_);
    return std::exchange(waiter_->memory, nullptr);
  }

 private:
  BufferPool& pool_;
  const std::shared_ptr<Waiter> waiter_;
};

BufferPool::BufferPool(std::size_t capacity) : capacity_(std::max<std::size_t>(1, capacity / kChunkSize)) {
  free_.reserve(capacity_);  // Giving back must never fail.
}

BufferPool::~BufferPool() {
  for (std::byte* memory : free_) std::free(memory);
}

Chunk BufferPool::wrap(std::byte* memory) {
  std::shared_ptr<const void> owner(memory, [this](std::byte* bytes) { give_back(bytes); });
  return {std::move(owner), std::span(memory, kChunkSize)};
}

Task<Chunk> BufferPool::acquire() {
  const Executor executor = co_await asio::this_coro::executor;
  std::shared_ptr<Waiter> waiter;
  std::byte* memory = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (waiters_.empty() && !free_.empty()) {
      memory = free_.back();
      free_.pop_back();
    } else if (waiters_.empty() && allocated_ < capacity_) {
      memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, kChunkSize));
      if (memory == nullptr) co_return fail(ErrorCode::busy, "no memory for a chunk");
      ++allocated_;
    } else {
      waiter = std::make_shared<Waiter>(executor);
      waiters_.push_back(waiter);
    }
  }
  if (memory != nullptr) co_return wrap(memory);

  PlaceInLine place(*this, waiter);
  co_await waiter->timer.async_wait(asio::as_tuple(use_task));
  memory = place.leave();
  if (memory == nullptr) co_return fail(ErrorCode::unavailable, "the wait for memory was cut short");
  co_return wrap(memory);
}

void BufferPool::give_back(std::byte* memory) {
  const std::scoped_lock lock(mutex_);
  if (waiters_.empty()) {
    free_.push_back(memory);
    return;
  }
  auto waiter = std::move(waiters_.front());
  waiters_.pop_front();
  waiter->memory = memory;
  const auto executor = waiter->timer.get_executor();
  asio::post(executor, [waiter = std::move(waiter)] { waiter->timer.cancel(); });
}

std::size_t BufferPool::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiters_.size();
}

std::size_t BufferPool::used_chunks() const {
  const std::scoped_lock lock(mutex_);
  return allocated_ - free_.size();
}

}  // namespace sluice

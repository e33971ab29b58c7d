#include "gateway/core/chunk.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <new>

namespace sluice {

namespace asio = boost::asio;

Chunk Chunk::of(std::string text) {
  auto owner = std::make_shared<std::string>(std::move(text));
  const auto bytes = std::as_writable_bytes(std::span(*owner));
  return {std::move(owner), bytes};
}

// A coroutine that waits for memory sleeps on a timer of its own executor that
// never ends by itself; give_back() hands the memory over and wakes it there.
struct BufferPool::Waiter {
  explicit Waiter(Executor executor) : timer(executor, asio::steady_timer::time_point::max()) {}
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor> timer;
  std::byte* memory = nullptr;
};

BufferPool::BufferPool(std::size_t capacity) : capacity_(std::max<std::size_t>(1, capacity / kChunkSize)) {}

BufferPool::~BufferPool() {
  for (std::byte* memory : free_) std::free(memory);
}

Chunk BufferPool::wrap(std::byte* memory) {
  std::shared_ptr<const void> owner(memory, [this](std::byte* bytes) { give_back(bytes); });
  return {std::move(owner), std::span(memory, kChunkSize)};
}

Task<Chunk> BufferPool::acquire() {
  std::shared_ptr<Waiter> waiter;
  {
    const Executor executor = co_await asio::this_coro::executor;
    const std::scoped_lock lock(mutex_);
    if (waiters_.empty() && !free_.empty()) {
      std::byte* memory = free_.back();
      free_.pop_back();
      co_return wrap(memory);
    }
    if (waiters_.empty() && allocated_ < capacity_) {
      auto* memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, kChunkSize));
      if (memory == nullptr) co_return fail(ErrorCode::busy, "no memory for a chunk");
      ++allocated_;
      co_return wrap(memory);
    }
    waiter = std::make_shared<Waiter>(executor);
    waiters_.push_back(waiter);
  }
  co_await waiter->timer.async_wait(asio::as_tuple(use_task));
  const std::scoped_lock lock(mutex_);
  if (waiter->memory != nullptr) co_return wrap(waiter->memory);
  std::erase(waiters_, waiter);
  co_return fail(ErrorCode::unavailable, "the wait for memory was cut short");
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

std::size_t BufferPool::used_chunks() const {
  const std::scoped_lock lock(mutex_);
  return allocated_ - free_.size();
}

}  // namespace sluice

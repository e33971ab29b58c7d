#pragma once

#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace sluice::rdma {

/// What the simulators have in common: chance by a seed, a network that does anything, and plays. For tests.

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }

 private:
  std::mt19937_64 random_;
};

/// Of messages on their way anything is lost, comes twice, or in another order.
class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(Chance& chance) : chance_(chance) {}

  /// One in so many is lost, and another one in so many comes twice; 0: none.
  void faults_one_in(std::size_t count) { one_in_ = count; }

  void send(std::function<void()> message) {
    const std::size_t fate = one_in_ == 0 ? 2 : chance_.below(one_in_);
    if (fate == 0) return;
    if (fate == 1) messages_.push_back(message);
    messages_.push_back(std::move(message));
  }

  void deliver_one() {
    if (messages_.empty()) return;
    const std::size_t chosen = chance_.below(messages_.size());
    auto message = std::move(messages_[chosen]);
    messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(chosen));
    message();
  }

  bool empty() const { return messages_.empty(); }

 private:
  Chance& chance_;
  std::size_t one_in_ = 0;
  std::vector<std::function<void()>> messages_;
};

/// Schedules a run of the tests tries; SLUICE_SCHEDULES sets another number.
inline std::uint64_t schedules(std::uint64_t by_itself) {
  const char* text = std::getenv("SLUICE_SCHEDULES");
  return text == nullptr ? by_itself : std::strtoull(text, nullptr, 10);
}

/// A coroutine that a scheduler begins, and that others continue.
template <class T>
class [[nodiscard]] Play {
 public:
  struct promise_type {
    std::optional<T> value;
    std::coroutine_handle<> caller = std::noop_coroutine();

    Play get_return_object() { return Play(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Return {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
          return ended.promise().caller;
        }
        void await_resume() noexcept {}
      };
      return Return{};
    }
    void return_value(T returned) { value = std::move(returned); }
    void unhandled_exception() { std::terminate(); }
  };

  explicit Play(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Play(Play&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Play& operator=(Play&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  Play(const Play&) = delete;
  Play& operator=(const Play&) = delete;
  ~Play() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    handle_.promise().caller = caller;
    return handle_;
  }
  T await_resume() { return *std::move(handle_.promise().value); }

  void begin() const { handle_.resume(); }
  bool ended() const { return handle_.done(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace sluice::rdma

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace sluice::http {

/// What one connection has received and nobody has taken yet, in one piece of
/// memory that lives as long as the connection.
class InputBuffer {
 public:
  static constexpr std::size_t kSmall = 8 * 1024;

  std::string_view text() const { return {memory_.get() + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  void consume(std::size_t count) {
    begin_ += count;
    if (empty()) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }

  /// Memory for more, which commit() then counts in: what is left, or else twice
  /// of what there was, up to `size_max`. Empty when the buffer is full.
  std::span<char> room(std::size_t size_max) {
    if (end_ == capacity_ && begin_ != 0) slide();
    if (end_ == capacity_) grow(std::min(std::max(kSmall, capacity_ * 2), std::max(kSmall, size_max)));
    return {memory_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t count) { end_ += count; }

  /// Gives memory that an unusual request needed back. Only while empty.
  void shrink() {
    if (empty() && capacity_ > kSmall) *this = InputBuffer();
  }

 private:
  void slide() {
    std::memmove(memory_.get(), memory_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
  }
  void grow(std::size_t capacity) {
    if (capacity <= capacity_) return;
    auto memory = std::make_unique_for_overwrite<char[]>(capacity);
    if (!empty()) std::memcpy(memory.get(), memory_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
    memory_ = std::move(memory);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace sluice::http

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace sluice::http {

class Deadline;

/// The deadlines of one thread's connections, looked at once a second. A request
/// then costs a few stores where a timer of its own would cost a queue. Everything
/// happens on that one thread. Must outlive its deadlines.
class Deadlines {
 public:
  Deadlines() = default;
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  /// Another second is over: expires what is late.
  void tick();

  /// Expires every deadline that is set as idle.
  void expire_idle();

  std::size_t count() const { return count_; }

 private:
  friend class Deadline;
  Deadline* first_ = nullptr;
  std::size_t count_ = 0;
  std::uint64_t now_ = 0;
};

/// The time by which one connection must have moved on; none at first.
class Deadline {
 public:
  explicit Deadline(Deadlines& all);
  virtual ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  /// Replaces what was set before; expires between `after` and one second later.
  void set(std::chrono::seconds after) { set_due(after, false); }
  /// As set(); the connection is between requests and may be ended at any time.
  void set_idle(std::chrono::seconds after) { set_due(after, true); }
  void clear() {
    due_ = kNever;
    idle_ = false;
  }

 protected:
  /// The deadline is over, and cleared. Must not destroy any deadline.
  virtual void expire() = 0;

 private:
  friend class Deadlines;
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  void set_due(std::chrono::seconds after, bool idle) {
    due_ = all_.now_ + static_cast<std::uint64_t>(after.count());
    idle_ = idle;
  }

  Deadlines& all_;
  Deadline* next_;
  Deadline* previous_ = nullptr;
  std::uint64_t due_ = kNever;
  bool idle_ = false;
};

}  // namespace sluice::http

#pragma once

#include <chrono>

namespace sluice {

/// A moment in UTC, as records and the wire mean it.
using UtcTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// What time it is. Safe for concurrent use.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual UtcTime now() const = 0;
};

class SystemClock : public Clock {
 public:
  UtcTime now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

/// Stands still until told; for tests.
class FixedClock : public Clock {
 public:
  explicit FixedClock(UtcTime time) : time_(time) {}
  UtcTime now() const override { return time_; }
  void set(UtcTime time) { time_ = time; }

 private:
  UtcTime time_;
};

}  // namespace sluice

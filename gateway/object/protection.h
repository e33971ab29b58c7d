#pragma once

#include <cstdint>

#include "gateway/core/clock.h"
#include "gateway/core/result.h"

// What keeps a state of a key from being changed or removed: retention until a time, and legal
// holds ("Locking objects with Object Lock", Amazon S3 User Guide; "Version-level write once, read
// many policies", Azure Storage).

namespace sluice::object {

/// How firm a retention is. The numbers are stored.
enum class RetentionMode : std::uint8_t {
  none = 0,
  governance = 1,  ///< Whoever may pass it by may shorten it, or take it away.
  compliance = 2,  ///< It can only be prolonged.
};

/// Until when a state is kept as it is.
struct Retention {
  RetentionMode mode = RetentionMode::none;
  UtcTime until{};

  bool holds(UtcTime now) const { return mode != RetentionMode::none && now < until; }
  friend bool operator==(const Retention&, const Retention&) = default;
};

/// The numbers are stored.
enum class LegalHold : std::uint8_t {
  unset = 0,  ///< Nobody has said: as off.
  on = 1,
  off = 2,
};

struct Protection {
  Retention retention{};
  LegalHold legal_hold = LegalHold::unset;

  bool empty() const { return *this == Protection{}; }
  friend bool operator==(const Protection&, const Protection&) = default;
};

/// Whether the states of a bucket's keys can be protected, and how those are of which nothing is said.
struct ObjectLock {
  static constexpr std::uint32_t kDaysMax = 36500;
  static constexpr std::uint32_t kYearsMax = 100;

  bool enabled = false;                      ///< Never taken back. The bucket keeps all versions then.
  RetentionMode mode = RetentionMode::none;  ///< Of new states; none: they are not retained.
  // Where there is a mode, one of the two.
  std::uint32_t days = 0;
  std::uint32_t years = 0;

  /// Of a state that is made now, and of which nothing is said.
  Retention initial(UtcTime now) const;
  friend bool operator==(const ObjectLock&, const ObjectLock&) = default;
};

/// May a retention in governance mode be passed by?
enum class Bypass : bool { no, governance };

/// May a state that is protected so be changed, or be removed? Fails with held, or retained.
Result<> check_unprotected(const Protection& protection, UtcTime now, Bypass bypass = Bypass::no);

/// May `to` take the place of `from`? Fails with retained where that makes it less firm, and with
/// invalid_argument where `to` is over already.
Result<> check_retention(const Retention& from, const Retention& to, UtcTime now, Bypass bypass);

/// Can a new state be protected so? Fails with no_object_lock.
Result<> check_protectable(const Protection& wanted, const ObjectLock& lock);

}  // namespace sluice::object

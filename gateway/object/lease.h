#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "gateway/core/clock.h"
#include "gateway/core/result.h"

// A lease: the right of one holder to change an object, or remove a bucket, for a
// time. The states and every transition are those of "Lease Blob" and "Lease
// Container", Azure Storage REST API; the clock is the caller's.

namespace sluice::object {

struct Lease {
  std::string id;
  std::optional<std::chrono::seconds> duration;  ///< Nothing: until it is released or broken.
  UtcTime ends;                                  ///< When it runs out, if it has a duration.
  std::optional<UtcTime> breaks;                 ///< When a break is over.
  friend bool operator==(const Lease&, const Lease&) = default;
};

enum class LeaseState : std::uint8_t { available, leased, breaking, broken, expired };

LeaseState state_of(const std::optional<Lease>& lease, UtcTime now);

/// Does the lease keep others from writing?
bool is_locked(const std::optional<Lease>& lease, UtcTime now);

/// For reads: a lease that is named must be held. Fails with lease_absent,
/// lease_mismatch or lease_lost.
Result<> check_lease(const std::optional<std::string>& given, const std::optional<Lease>& held, UtcTime now);

/// For writes: what is locked is changed only by who names the lease. The lease
/// that stands after the write: one that ended goes with it. Fails as
/// check_lease, and with lease_missing.
Result<std::optional<Lease>> check_lease_for_write(const std::optional<std::string>& given,
                                                   const std::optional<Lease>& held, UtcTime now);

enum class LeaseAct : std::uint8_t { acquire, renew, change, release, break_off };

struct LeaseRequest {
  static constexpr std::chrono::seconds kDurationMin{15};
  static constexpr std::chrono::seconds kDurationMax{60};
  static constexpr std::chrono::seconds kBreakMax{60};

  LeaseAct act = LeaseAct::acquire;
  std::string id;                                   ///< The lease's; not for acquire and break_off.
  std::string proposed;                             ///< For acquire (empty: a new one) and change.
  std::optional<std::chrono::seconds> duration;     ///< For acquire; nothing: without end.
  std::optional<std::chrono::seconds> break_after;  ///< For break_off; nothing: at the lease's own end.
};

struct LeaseAnswer {
  std::string id;                     ///< Of the lease that is held now.
  std::chrono::seconds remaining{0};  ///< Of a break: until it is over, rounded up.
};

/// What the act makes of `lease`, which is unchanged where it is refused. Fails with
/// invalid_argument (a time out of bounds), lease_present, lease_breaking,
/// lease_broken, lease_not_held, lease_id_refused.
Result<LeaseAnswer> perform(const LeaseRequest& request, UtcTime now, std::optional<Lease>& lease);

}  // namespace sluice::object
